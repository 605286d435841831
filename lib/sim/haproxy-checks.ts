/**
 * HAProxy's health checks of one server. Once the state is settled and nothing can change it, a check costs
 * nothing: it parks until the network, the server's ports or its health changed.
 */
import type { HaproxyProxy, HaproxyServer } from './haproxy-config.js';
import type { Machine } from './machine.js';
import type { Outcome } from './network.js';
import type { Invocation } from './process.js';
import { idleTicks, sleep, type Signal, type Sim } from './task.js';

export interface BackendServer {
  readonly config: HaproxyServer;
  up: boolean;
  /** Fires when the server goes from up to down. */
  readonly markedDown: Signal;
}

export interface Backend {
  readonly proxy: HaproxyProxy;
  readonly servers: readonly BackendServer[];
  /** Whose turn it is. */
  turn: number;
}

export function* checkServerHealth(call: Invocation, backend: Backend, server: BackendServer): Sim<never> {
  const { config } = server;
  // A fresh server needs a single failure to be down.
  let failures = config.fall - 1;
  let passes = 0;
  for (;;) {
    const signals = signalsOf(call, config);
    const before = countOf(signals);
    const outcome = yield* check(call, backend.proxy, config);
    const passed = hasPassed(backend.proxy, outcome);
    failures = passed ? 0 : failures + 1;
    passes = passed ? passes + 1 : 0;
    if (server.up && failures >= config.fall) mark(call, backend, server, false, outcome);
    else if (!server.up && passes >= config.rise) mark(call, backend, server, true, outcome);
    const settled = server.up === passed;
    const everyMs = settled ? (server.up ? config.interMs : config.downinterMs) : config.fastinterMs;
    if (settled && !varies(call, config) && countOf(signals) === before)
      yield* idleTicks(call.world.scheduler, everyMs, signals);
    else yield* sleep(everyMs);
  }
}

function* check(call: Invocation, proxy: HaproxyProxy, config: HaproxyServer): Sim<Outcome> {
  const { network } = call.world;
  const { method, path } = proxy.httpCheck ?? { method: 'GET', path: '/' };
  const connectMs = Math.min(proxy.timeouts['connect'] ?? config.interMs, config.interMs);
  const timeoutMs = proxy.timeouts['check'] ?? config.interMs;
  return yield* network.exchange(
    call.machine,
    config.host,
    config.port,
    { method, path },
    timeoutMs,
    Math.min(connectMs, timeoutMs),
  );
}

/** Without an HTTP check an open port is enough, whatever it answers. */
function hasPassed(proxy: HaproxyProxy, outcome: Outcome): boolean {
  if (proxy.httpCheck === null) return ['response', 'reset', 'timeout'].includes(outcome.kind);
  if (outcome.kind !== 'response') return false;
  return proxy.expectStatus === null
    ? outcome.status >= 200 && outcome.status < 400
    : outcome.status === proxy.expectStatus;
}

function mark(
  call: Invocation,
  backend: Backend,
  server: BackendServer,
  up: boolean,
  outcome: Outcome,
): void {
  server.up = up;
  call.world.balanced += 1;
  const name = `${backend.proxy.name}/${server.config.name}`;
  const active = backend.servers.filter((one) => one.up).length;
  const reason = outcome.kind === 'response' ? `Layer7 status, code: ${outcome.status}` : reasonOf(outcome);
  const left = `${active} active and 0 backup servers left`;
  const text = `Server ${name} is ${up ? 'UP' : 'DOWN'}, reason: ${reason}. ${left}.`;
  call.machine.log('haproxy.service', text);
  call.world.emit(call.machine.name, 'haproxy', `server ${up ? 'UP' : 'DOWN'}`, { server: name, reason });
  if (up) return;
  server.markedDown.fire();
  if (active > 0) return;
  call.machine.log('haproxy.service', `backend ${backend.proxy.name} has no server available!`);
}

function reasonOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'refused':
      return 'Layer4 connection problem, info: "Connection refused"';
    case 'no-route':
      return 'Layer4 connection problem, info: "No route to host"';
    case 'timeout':
      return 'Layer6 timeout';
    case 'reset':
      return 'Layer6 invalid response';
    default:
      return 'Layer4 timeout';
  }
}

function varies(call: Invocation, config: HaproxyServer): boolean {
  return targetOf(call, config)?.listenerOn(config.host, config.port)?.varies?.() === true;
}

function targetOf(call: Invocation, config: HaproxyServer): Machine | undefined {
  const address = call.machine.lookup(config.host);
  return [...call.world.machines.values()].find((one) => address !== null && one.options.address === address);
}

/** Everything that an unchanged answer depends on. */
function signalsOf(call: Invocation, config: HaproxyServer): Signal[] {
  const { network } = call.world;
  const target = targetOf(call, config);
  if (target === undefined) return [network.changed];
  const health = target.listenerOn(target.options.address, config.port)?.healthChanged;
  const own = [network.changed, call.machine.reachChanged, target.reachChanged, target.portsChanged];
  return health === undefined ? own : [...own, health];
}

function countOf(signals: readonly Signal[]): number {
  return signals.reduce((sum, signal) => sum + signal.count, 0);
}
