/**
 * The kubelet's worker of one pod: network, volumes, sandbox, containers; and stopping it when it shall be gone
 * or be replaced by what a changed manifest says.
 */
import { sha256Hex } from '../base/digest.js';
import { CNI_FOLDER } from './cni.js';
import type { Sandbox } from './containerd.js';
import { parentOf } from './disk.js';
import { keepContainer } from './kubelet-container.js';
import { noteEvent, publish, type ContainerReport, type Kubelet, type PodEntry } from './kubelet-state.js';
import type { KubeObject } from './objects.js';
import { planPod, type ContainerPlan, type HostPath, type PodPlan } from './pod-spec.js';
import { join, sleep, TaskGroup, waitFor, type Signal, type Sim } from './task.js';
import { at, textAt } from './tree.js';

/** A volume that could not be set up is tried again after half a second, then twice as long each time. */
const FIRST_MOUNT_RETRY_MS = 500;
const LONGEST_MOUNT_RETRY_MS = 122_000;
const RELIST_MS = 1_000;

/** Keeps a pod as it is desired until nothing of it is; then nothing of it runs. */
export function* workPod(kubelet: Kubelet, entry: PodEntry): Sim<void> {
  const { world } = kubelet.machine;
  for (let pod = entry.desired; pod !== null; pod = entry.desired) {
    entry.pod = pod;
    entry.sandbox = null;
    const group = new TaskGroup(kubelet.call.process.group);
    world.scheduler.spawn(group, `pod ${pod.metadata.name}`, runPod(kubelet, entry, pod, group));
    while (isWanted(entry, pod) && !isRemoved(entry)) yield* waitFor([entry.changed, ...signalsOf(entry)]);
    group.killAll();
    group.detach();
    if (isWanted(entry, pod)) {
      yield* replaceSandbox(kubelet, pod);
      continue;
    }
    yield* stopPod(kubelet, entry, pod);
    kubelet.podStopped.fire();
    if (entry.desired !== null) yield* sleep(world.draw('staticPodReplace', kubelet.call.prng));
  }
  entry.gone = true;
  publish(kubelet, entry);
}

function isRemoved({ sandbox }: PodEntry): boolean {
  return sandbox?.removed === true;
}

function signalsOf({ sandbox }: PodEntry): Signal[] {
  return sandbox === null ? [] : [sandbox.gone];
}

function isWanted(entry: PodEntry, pod: KubeObject): boolean {
  return entry.desired === pod;
}

/** Somebody took it away, as `crictl stopp` and `rmp` do. The kubelet finds out at its next relist, once a second. */
function* replaceSandbox(kubelet: Kubelet, pod: KubeObject): Sim<void> {
  const message = 'Pod sandbox changed, it will be killed and re-created.';
  noteEvent(kubelet, pod, { type: 'Normal', reason: 'SandboxChanged', message });
  yield* sleep(kubelet.call.prng.int(1, RELIST_MS));
}

function* runPod(kubelet: Kubelet, entry: PodEntry, pod: KubeObject, group: TaskGroup): Sim<void> {
  const outline = planPod(pod, kubelet.node, null);
  entry.containers = [
    ...outline.initContainers.map((one) => newReport(one, true)),
    ...outline.containers.map((one) => newReport(one, false)),
  ];
  publish(kubelet, entry);
  if (!outline.hostNetwork) yield* awaitNetwork(kubelet);
  yield* awaitVolumes(kubelet, entry, outline);
  const sandbox = yield* ensureSandbox(kubelet, entry, outline);
  entry.sandbox = sandbox;
  entry.changed.fire();
  const plan = planPod(pod, kubelet.node, sandbox.address);
  entry.address = plan.hostNetwork ? kubelet.node.address : sandbox.address;
  const work = (container: ContainerPlan, init: boolean): Sim<number> => {
    const report = entry.containers.find((one) => one.name === container.spec.name && one.init === init);
    return keepContainer({
      ...{ kubelet, entry, plan, container, sandbox, group },
      report: report ?? newReport(container, init),
    });
  };
  const { scheduler } = kubelet.machine.world;
  for (const container of plan.initContainers) {
    if ((yield* work(container, true)) !== 0) return;
  }
  for (const container of plan.containers) {
    scheduler.spawn(group, `container ${container.spec.name}`, work(container, false));
  }
}

function newReport(container: ContainerPlan, init: boolean): ContainerReport {
  const { name, image } = container.spec;
  return {
    ...{ name, image, init },
    imageId: `${image.split(':')[0] ?? ''}@sha256:${sha256Hex(image)}`,
    state: { kind: 'waiting', reason: init ? 'PodInitializing' : 'ContainerCreating' },
    last: null,
    ready: false,
    restarts: 0,
    containerId: '',
  };
}

function* awaitNetwork(kubelet: Kubelet): Sim<void> {
  while (!kubelet.cni.ready) yield* waitFor([kubelet.cni.changed]);
}

/** Checks host paths by their type. What is missing is waited for, with an event for a person to find. */
function* awaitVolumes(kubelet: Kubelet, entry: PodEntry, plan: PodPlan): Sim<void> {
  let retryMs = FIRST_MOUNT_RETRY_MS;
  for (;;) {
    const problems = plan.hostPaths.map((one) => prepare(kubelet, one)).filter((text) => text !== null);
    const [problem] = problems;
    if (problem === undefined) return;
    noteEvent(kubelet, entry.pod, { type: 'Warning', reason: 'FailedMount', message: problem });
    const folders = plan.hostPaths.map((one) => kubelet.machine.disk.watch(parentOf(one.path)));
    // Nothing can change but the disk: after the longest back-off only that is waited for.
    if (retryMs < LONGEST_MOUNT_RETRY_MS) yield* sleep(retryMs);
    else {
      yield* waitFor(folders);
      yield* sleep(kubelet.call.prng.int(0, LONGEST_MOUNT_RETRY_MS));
    }
    retryMs = Math.min(2 * retryMs, LONGEST_MOUNT_RETRY_MS);
  }
}

function prepare(kubelet: Kubelet, hostPath: HostPath): string | null {
  const { disk } = kubelet.machine;
  const { path, type, volume } = hostPath;
  const failed = (what: string): string =>
    `MountVolume.SetUp failed for volume "${volume}" : hostPath type check failed: ${path} is not a ${what}`;
  if (type === 'File' && !disk.isFile(path)) return failed('file');
  if (type === 'Directory' && !disk.isDirectory(path)) return failed('directory');
  if (type === 'DirectoryOrCreate' && !disk.exists(path)) disk.makeDirectories(path);
  if (type === 'FileOrCreate' && !disk.exists(path)) disk.write(path, '');
  return null;
}

function* ensureSandbox(kubelet: Kubelet, entry: PodEntry, plan: PodPlan): Sim<Sandbox> {
  const runtime = kubelet.machine.containers;
  while (!runtime.serving) yield* waitFor([kubelet.machine.units.changed('containerd')]);
  const existing = runtime.sandboxes.findLast((one) => one.uid === plan.uid && one.ready);
  if (existing !== undefined) return existing;
  const { namespace, name, uid } = plan;
  const address = plan.hostNetwork ? null : yield* podAddress(kubelet);
  return runtime.createSandbox({ namespace, name, uid, source: entry.source, address });
}

function* podAddress(kubelet: Kubelet): Sim<string> {
  for (;;) {
    const node = kubelet.ownNode.items.get(kubelet.node.name);
    const address = kubelet.cni.allocate(textAt(node, 'spec', 'podCIDR'));
    if (address !== null) return address;
    yield* waitFor([kubelet.ownNode.changed, kubelet.machine.disk.watch(CNI_FOLDER)]);
  }
}

function* stopPod(kubelet: Kubelet, entry: PodEntry, pod: KubeObject): Sim<void> {
  const runtime = kubelet.machine.containers;
  const graceMs = graceOf(kubelet, entry, pod);
  for (const container of entry.containers) {
    if (container.state.kind !== 'running') continue;
    const message = `Stopping container ${container.name}`;
    noteEvent(kubelet, pod, { type: 'Normal', reason: 'Killing', message });
  }
  const { scheduler } = kubelet.machine.world;
  for (const sandbox of runtime.sandboxes.filter((one) => one.uid === pod.metadata.uid)) {
    // The stop goes on in containerd when the kubelet itself is stopped meanwhile.
    yield* join(
      scheduler.spawn(
        kubelet.machine.group,
        `stop ${pod.metadata.name}`,
        runtime.removeSandbox(sandbox, graceMs),
      ),
    );
  }
}

function graceOf(kubelet: Kubelet, entry: PodEntry, pod: KubeObject): number {
  const deleted = kubelet.apiPods.items.get(`${pod.metadata.namespace ?? ''}/${pod.metadata.name}`);
  const asked = entry.source === 'api' ? at(deleted, 'metadata', 'deletionGracePeriodSeconds') : null;
  return typeof asked === 'number' ? asked * 1_000 : planPod(pod, kubelet.node, null).graceMs;
}
