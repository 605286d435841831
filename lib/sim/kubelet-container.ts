/**
 * The kubelet's care for one container: image, start, probes, and starting it again with back-off. Lifecycle
 * hooks and probes of pods from the API are not modelled: those are ready after their image's usual time, or when
 * their program says so.
 */
import { sha256Hex } from '../base/digest.js';
import type { Container, Sandbox } from './containerd.js';
import { noteEvent, publish, type ContainerReport, type Kubelet, type PodEntry } from './kubelet-state.js';
import { ensureImage } from './kubelet-image.js';
import { keepProbing, probeUntilDecided } from './kubelet-probes.js';
import type { ContainerPlan, PodPlan } from './pod-spec.js';
import { sleep, TaskGroup, waitFor, type Sim } from './task.js';

/** First restart at once, then these, doubling; forgotten after ten good minutes. */
const FIRST_BACKOFF_MS = 10_000;
const LONGEST_BACKOFF_MS = 300_000;
const BACKOFF_FORGOTTEN_MS = 600_000;
/** What a kubelet of another minor gives the containers it no longer recognises, and when it acts. */
const FOREIGN_GRACE_MS = 2_000;
const FOREIGN_DELAY_MS = 10_000;

export interface ContainerWork {
  readonly kubelet: Kubelet;
  readonly entry: PodEntry;
  readonly plan: PodPlan;
  readonly container: ContainerPlan;
  readonly report: ContainerReport;
  readonly sandbox: Sandbox;
  readonly group: TaskGroup;
}

/** Runs a container for as long as its restart policy asks, and returns its last exit code. */
export function* keepContainer(work: ContainerWork): Sim<number> {
  const { kubelet, report } = work;
  let running = yield* adopt(work);
  for (let backoffMs = 0; ;) {
    const container = running ?? (yield* start(work));
    running = null;
    const exitCode = yield* watch(work, container);
    if (!restarts(work, exitCode)) return exitCode;
    const ranMs = (container.finishedMs ?? container.startedMs) - container.startedMs;
    if (ranMs >= BACKOFF_FORGOTTEN_MS) backoffMs = 0;
    if (backoffMs > 0) {
      const message = `back-off ${backoffMs / 1_000}s restarting failed container=${report.name} pod=${podName(work)}`;
      report.last = report.state;
      report.state = { kind: 'waiting', reason: 'CrashLoopBackOff', message };
      noteEvent(kubelet, work.entry.pod, { type: 'Warning', reason: 'BackOff', message });
      publish(kubelet, work.entry);
      yield* sleep(backoffMs);
    }
    backoffMs = backoffMs === 0 ? FIRST_BACKOFF_MS : Math.min(2 * backoffMs, LONGEST_BACKOFF_MS);
  }
}

function podName(work: ContainerWork): string {
  const { name, namespace, uid } = work.plan;
  return `${name}_${namespace}(${uid})`;
}

function restarts(work: ContainerWork, exitCode: number): boolean {
  const policy = work.report.init ? 'OnFailure' : work.plan.restartPolicy;
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** Takes over what an earlier kubelet started; what it does not recognise is stopped and made anew. */
function* adopt(work: ContainerWork): Sim<Container | null> {
  const { kubelet, report } = work;
  const runtime = kubelet.machine.containers;
  const found = runtime.containers.findLast(
    (one) => one.name === report.name && one.sandbox.uid === work.plan.uid,
  );
  if (found === undefined) return null;
  report.restarts = found.attempt;
  if (found.finishedMs !== null) {
    report.last = terminated(found);
    return null;
  }
  if (found.hash === hashOf(work)) return found;
  yield* sleep(FOREIGN_DELAY_MS);
  yield* runtime.stop(found, FOREIGN_GRACE_MS);
  return null;
}

function terminated(container: Container): ContainerReport['state'] {
  return {
    kind: 'terminated',
    exitCode: container.exitCode ?? 255,
    startedMs: container.startedMs,
    finishedMs: container.finishedMs ?? container.startedMs,
  };
}

/** The minor is part of it: another minor fills in other defaults, so that the digest of the same manifest differs. */
function hashOf(work: ContainerWork): string {
  const minor = /^v1\.\d+/.exec(work.kubelet.version)?.[0] ?? work.kubelet.version;
  return sha256Hex(JSON.stringify([minor, work.container])).slice(0, 16);
}

function* start(work: ContainerWork): Sim<Container> {
  const { kubelet, report, sandbox, container } = work;
  const runtime = kubelet.machine.containers;
  yield* ensureImage(work);
  while (!runtime.serving) yield* waitFor([kubelet.machine.units.changed('containerd')]);
  yield* awaitSpace(work);
  const earlier = runtime.containers.findLast(
    (one) => one.name === report.name && one.sandbox.uid === work.plan.uid,
  );
  const attempt = earlier === undefined ? 0 : earlier.attempt + 1;
  const started = yield* runtime.start({ sandbox, spec: container.spec, attempt, hash: hashOf(work) });
  const message = `Started container ${report.name}`;
  noteEvent(kubelet, work.entry.pod, { type: 'Normal', reason: 'Started', message });
  return started;
}

/** containerd cannot make a container on a full disk; the kubelet tries again when it looks at the pod again. */
function* awaitSpace(work: ContainerWork): Sim<void> {
  const { kubelet, report } = work;
  const { disk } = kubelet.machine;
  while (disk.isFull) {
    const why = 'failed to create containerd container: write /var/lib/containerd: no space left on device';
    noteEvent(kubelet, work.entry.pod, { type: 'Warning', reason: 'Failed', message: `Error: ${why}` });
    report.state = { kind: 'waiting', reason: 'CreateContainerError', message: why };
    publish(kubelet, work.entry);
    yield* waitFor([disk.spaceChanged]);
    yield* sleep(kubelet.call.prng.int(1, FIRST_BACKOFF_MS));
  }
}

/** Reports a running container, probes it, and returns how it ended. */
function* watch(work: ContainerWork, container: Container): Sim<number> {
  const { kubelet, entry, report } = work;
  report.state = { kind: 'running', sinceMs: container.startedMs };
  report.restarts = container.attempt;
  report.containerId = `containerd://${container.id}`;
  publish(kubelet, entry);
  const group = new TaskGroup(work.group);
  kubelet.machine.world.scheduler.spawn(group, `probes of ${report.name}`, probes(work, container, group));
  while (container.process.running) yield* waitFor([container.process.exited]);
  kubelet.machine.containers.noteEnd(container);
  group.killAll();
  group.detach();
  report.last = report.state = terminated(container);
  report.ready = false;
  publish(kubelet, entry);
  return container.process.exitCode ?? 255;
}

function* probes(work: ContainerWork, container: Container, group: TaskGroup): Sim<void> {
  const { kubelet, container: plan } = work;
  const { scheduler } = kubelet.machine.world;
  if (work.entry.source === 'api') return yield* awaitReady(work, container);
  if (plan.startup !== null && !(yield* probeUntilDecided(kubelet, plan.startup))) {
    yield* kill(work, container, 'startup');
    return;
  }
  if (plan.liveness !== null) {
    scheduler.spawn(group, 'liveness', keepAlive(work, container, group));
  }
  if (plan.readiness === null) setReady(work, true);
  else {
    yield* keepProbing(kubelet, plan.readiness, (healthy) => {
      setReady(work, healthy);
    });
  }
}

/** A container that fails its liveness probe is told to stop, and gets its grace period for that. */
function* keepAlive(work: ContainerWork, container: Container, group: TaskGroup): Sim<void> {
  const { kubelet } = work;
  const probe = work.container.liveness;
  if (probe === null) return;
  yield* keepProbing(kubelet, probe, (healthy) => {
    if (healthy) return;
    kubelet.machine.world.scheduler.spawn(group, 'liveness kill', kill(work, container, 'liveness'));
  });
}

function* kill(work: ContainerWork, container: Container, probe: 'liveness' | 'startup'): Sim<void> {
  const { kubelet, entry, report, plan } = work;
  if (container.process.terminating) return;
  const message = `Container ${report.name} failed ${probe} probe, will be restarted`;
  noteEvent(kubelet, entry.pod, { type: 'Normal', reason: 'Killing', message });
  kubelet.machine.world.emit(kubelet.machine.name, 'kubelet', message, { pod: plan.name });
  yield* kubelet.machine.containers.stop(container, plan.graceMs);
}

function* awaitReady(work: ContainerWork, container: Container): Sim<void> {
  const { world } = work.kubelet.machine;
  const { process } = container;
  yield* sleep(world.draw('podReady', work.kubelet.call.prng));
  for (;;) {
    setReady(work, process.readiness ?? true);
    yield* waitFor([process.readinessChanged]);
  }
}

function setReady(work: ContainerWork, ready: boolean): void {
  if (work.report.ready === ready) return;
  work.report.ready = ready;
  publish(work.kubelet, work.entry);
}
