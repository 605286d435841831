/**
 * The kubelet's probes over HTTP. A probe whose answer cannot change costs nothing: it parks until the machine's
 * ports, the answering server's health or the network changed, and goes on at its next tick.
 */
import type { Kubelet } from './kubelet-state.js';
import type { Probe } from './pod-spec.js';
import { idleTicks, sleep, type Signal, type Sim } from './task.js';

/** Probes until it succeeds or `failureThreshold` was reached: true when it succeeded. */
export function* probeUntilDecided(kubelet: Kubelet, probe: Probe): Sim<boolean> {
  yield* sleep(probe.initialDelayMs);
  for (let failures = 0; failures < probe.failureThreshold;) {
    if (yield* ask(kubelet, probe)) return true;
    failures += 1;
    yield* sleep(probe.periodMs);
  }
  return false;
}

/** Goes on probing, and tells each settled change of the answer: down after `failureThreshold` failures. */
export function* keepProbing(kubelet: Kubelet, probe: Probe, tell: (healthy: boolean) => void): Sim<never> {
  yield* sleep(probe.initialDelayMs);
  let failures = 0;
  for (;;) {
    const { scheduler } = kubelet.machine.world;
    const signals = signalsOf(kubelet, probe);
    const before = countOf(signals);
    const tickMs = scheduler.nowMs;
    const healthy = yield* ask(kubelet, probe);
    failures = healthy ? 0 : failures + 1;
    if (healthy || failures >= probe.failureThreshold) tell(healthy);
    const varies = kubelet.machine.listenerOn(probe.host, probe.port)?.varies?.() === true;
    const settled = !varies && (healthy || failures >= probe.failureThreshold);
    if (settled && countOf(signals) === before) yield* idleTicks(scheduler, probe.periodMs, signals);
    else yield* sleep(tickMs + probe.periodMs - scheduler.nowMs);
  }
}

function* ask(kubelet: Kubelet, probe: Probe): Sim<boolean> {
  const { machine } = kubelet;
  const request = { method: 'GET', path: probe.path };
  const outcome = yield* machine.world.network.exchange(
    machine,
    probe.host,
    probe.port,
    request,
    probe.timeoutMs,
  );
  return outcome.kind === 'response' && outcome.status >= 200 && outcome.status < 400;
}

function signalsOf(kubelet: Kubelet, probe: Probe): Signal[] {
  const { machine } = kubelet;
  const health = machine.listenerOn(probe.host, probe.port)?.healthChanged;
  return [machine.portsChanged, machine.reachChanged, ...(health === undefined ? [] : [health])];
}

function countOf(signals: readonly Signal[]): number {
  return signals.reduce((sum, signal) => sum + signal.count, 0);
}
