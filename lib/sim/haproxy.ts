/**
 * HAProxy as a TCP balancer in front of the API servers: health checks, round robin, redispatch, sessions closed
 * when their server is marked down. Queues, limits, ACLs and most of the statistics are not modelled.
 */
import { checkHaproxyConfig, type HaproxyProxy, type HaproxyServer } from './haproxy-config.js';
import { checkServerHealth, type Backend, type BackendServer } from './haproxy-checks.js';
import { metricsText } from './haproxy-metrics.js';
import type { Listener, Outcome, Request } from './network.js';
import { observeApi } from './observe-control-plane.js';
import type { Invocation, Program } from './process.js';
import { Signal, sleep, waitFor, type Sim } from './task.js';

const DEFAULT_CONNECT_MS = 5_000;
const DEFAULT_SERVER_MS = 3_600_000;
/** HAProxy waits a second, or the connect time-out when that is shorter, before it tries a server again. */
const TURN_AROUND_MS = 1_000;

/** `haproxy -Ws -f FILE`, as the unit runs it. */
export const haproxyServer: Program = function* run(call) {
  const path = call.args[call.args.indexOf('-f') + 1] ?? '';
  const text = call.machine.disk.read(path);
  if (text === null) {
    return refuse(call, [`Cannot open configuration file/directory ${path} : No such file or directory`]);
  }
  const { alerts, config } = checkHaproxyConfig(text, path);
  if (config === null) {
    const last = [`config : Error(s) found in configuration file : ${path}`];
    return refuse(call, [...alerts, ...last, 'config : Fatal errors found in configuration.']);
  }
  const taken = config.proxies.flatMap((proxy) =>
    proxy.binds
      .filter((bind) => call.machine.listeners.some((one) => one.port === bind.port))
      .map((bind) => {
        const socket = `${bind.address ?? '0.0.0.0'}:${bind.port}`;
        return `Binding [${path}] for proxy ${proxy.name}: cannot bind socket (Address already in use) for [${socket}]`;
      }),
  );
  if (taken.length > 0) return refuse(call, taken);
  const backends = new Map<string, Backend>();
  for (const proxy of config.proxies)
    if (proxy.servers.length > 0) backends.set(proxy.name, start(call, proxy));
  for (const proxy of config.proxies) listen(call, proxy, backends);
  for (;;) yield* waitFor([call.process.terminate]);
};

function refuse(call: Invocation, alerts: readonly string[]): number {
  for (const alert of alerts)
    call.machine.log('haproxy.service', `[ALERT]    (${call.process.pid}) : ${alert}`);
  return 1;
}

function start(call: Invocation, proxy: HaproxyProxy): Backend {
  const servers = proxy.servers.map((server) => newServer(server));
  const backend: Backend = { proxy, servers, turn: 0 };
  for (const server of servers) {
    if (!server.config.check) continue;
    const name = `check ${proxy.name}/${server.config.name}`;
    call.world.scheduler.spawn(call.process.group, name, checkServerHealth(call, backend, server));
  }
  return backend;
}

/** A server counts as up until its first check says otherwise. */
function newServer(config: HaproxyServer): BackendServer {
  return { config, up: true, markedDown: new Signal(`${config.name} marked down`) };
}

function listen(call: Invocation, proxy: HaproxyProxy, backends: ReadonlyMap<string, Backend>): void {
  const backend = backends.get(proxy.defaultBackend ?? proxy.name);
  for (const bind of proxy.binds) {
    const serve: Listener['serve'] = (request) =>
      proxy.mode === 'http' || backend === undefined
        ? answer(proxy, [...backends.values()], request)
        : forward(call, backend, request);
    const answersReady = () => backend !== undefined && reachesReady(call, backend);
    call.process.listen({ ...bind, certificate: () => null, serve, answersReady });
  }
}

/** For onlookers: is one of the servers that connections are given to a ready API server? */
function reachesReady({ world, machine }: Invocation, { servers }: Backend): boolean {
  const api = observeApi(world);
  const ready = [...world.machines.values()].filter(({ name }) => api.get(name)?.ready === true);
  const addresses = ready.map(({ options }) => options.address);
  return servers.some(({ up, config }) => up && addresses.includes(machine.lookup(config.host) ?? ''));
}

/** The metrics page. Another path of an HTTP proxy without servers has no answer. */
function* answer(
  proxy: HaproxyProxy,
  backends: readonly Backend[],
  request: Request,
): ReturnType<Listener['serve']> {
  yield* [];
  if (proxy.mode !== 'http') return 'reset';
  return request.path === '/metrics'
    ? { status: 200, body: metricsText(backends) }
    : { status: 503, body: '<html><body><h1>503 Service Unavailable</h1></body></html>\n' };
}

/** One connection: tries servers until one takes it, and then carries it until either side ends it. */
function* forward(call: Invocation, backend: Backend, request: Request): ReturnType<Listener['serve']> {
  const { proxy } = backend;
  const connectMs = proxy.timeouts['connect'] ?? DEFAULT_CONNECT_MS;
  let server = nextServer(backend, null);
  for (let left = proxy.retries; server !== null; left -= 1) {
    const outcome = yield* carry(call, proxy, server, request);
    if (outcome.kind === 'response') {
      return { status: outcome.status, body: outcome.body, certificate: outcome.certificate };
    }
    if (outcome.kind === 'reset' || outcome.kind === 'timeout' || left <= 0) return 'reset';
    yield* sleep(Math.min(TURN_AROUND_MS, connectMs));
    // The last attempt may go to another server.
    if (left === 1 && proxy.redispatch) server = nextServer(backend, server);
    else if (!server.up) server = nextServer(backend, server);
  }
  return 'reset';
}

/** Round robin over the servers that are up; null when there is none. */
function nextServer(backend: Backend, not: BackendServer | null): BackendServer | null {
  const up = backend.servers.filter((server) => server.up && server !== not);
  if (up.length === 0) return not !== null && not.up ? not : null;
  backend.turn += 1;
  return up[backend.turn % up.length] ?? null;
}

/** The session; closed at once when its server is marked down and the configuration says so. */
function* carry(
  call: Invocation,
  proxy: HaproxyProxy,
  server: BackendServer,
  request: Request,
): Sim<Outcome> {
  const { scheduler, network } = call.world;
  const { config } = server;
  const connectMs = proxy.timeouts['connect'] ?? DEFAULT_CONNECT_MS;
  const serverMs = proxy.timeouts['server'] ?? DEFAULT_SERVER_MS;
  const session = scheduler.spawn(
    call.process.group,
    `session with ${config.name}`,
    network.stream(call.machine, config.host, config.port, request, connectMs, serverMs),
  );
  try {
    while (session.state === 'running') {
      const woken = yield* waitFor([session.ended, server.markedDown]);
      if (woken === server.markedDown && config.shutdownSessions) return { kind: 'reset' };
    }
  } finally {
    session.kill();
  }
  return session.result ?? { kind: 'reset' };
}
