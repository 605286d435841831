/**
 * Where a kubelet has its pods from: manifests in the static pod folder, and the API server. Manifest changes are
 * seen by file events; the resync every 20 s would find nothing more and is not modelled.
 */
import { sha256Hex } from '../base/digest.js';
import type { Documents } from './documents.js';
import type { Kubelet, PodEntry } from './kubelet-state.js';
import { publish } from './kubelet-state.js';
import { workPod } from './kubelet-pod.js';
import type { KubeObject } from './objects.js';
import { Signal, sleep, waitFor, type Sim } from './task.js';
import { mapAt, textAt } from './tree.js';

/** From a file event until the kubelet acts on it. */
const FILE_EVENT_MS = 500;

interface Manifest {
  readonly uid: string;
  readonly pod: KubeObject;
}

/** Follows the static pod folder. Every file whose name has no leading dot counts, whatever its ending. */
export function* followManifests(kubelet: Kubelet, folder: string): Sim<never> {
  const { disk } = kubelet.machine;
  /** Order in which manifests were first seen, by uid: of two with one name the older one runs. */
  const seen = new Map<string, number>();
  for (;;) {
    const before = disk.watch(folder).count;
    apply(kubelet, readManifests(kubelet, folder), seen);
    if (disk.watch(folder).count === before) yield* waitFor([disk.watch(folder)]);
    yield* sleep(FILE_EVENT_MS);
  }
}

function readManifests(kubelet: Kubelet, folder: string): Manifest[] {
  const { disk, world } = kubelet.machine;
  const { name: nodeName } = kubelet.node;
  return disk.list(folder).flatMap((file) => {
    const path = `${folder}/${file}`;
    const text = file.startsWith('.') ? null : disk.read(path);
    if (text === null) return [];
    const pod = parsePod(world.documents, text);
    if (pod === null) {
      const reason = "couldn't parse as pod, please check config file";
      const problem = `Could not process manifest file err="${path}: ${reason}" path="${path}"`;
      kubelet.machine.log('kubelet.service', problem);
      world.emit(kubelet.machine.name, 'kubelet', 'manifest is no pod', { path });
      return [];
    }
    const uid = sha256Hex(`${text}\nhost:${nodeName}\nfile:${path}`).slice(0, 32);
    const metadata = {
      ...pod.metadata,
      name: `${pod.metadata.name}-${nodeName}`,
      namespace: pod.metadata.namespace ?? 'default',
      uid,
    };
    return [{ uid, pod: { ...pod, metadata, spec: { ...mapAt(pod, 'spec'), nodeName } } }];
  });
}

/** Null for what is no pod, broken YAML included. */
function parsePod(documents: Documents, text: string): KubeObject | null {
  let tree: unknown;
  try {
    tree = documents.read(text);
  } catch {
    return null;
  }
  return textAt(tree, 'kind') === 'Pod' && textAt(tree, 'metadata', 'name') !== null
    ? (tree as KubeObject)
    : null;
}

function apply(kubelet: Kubelet, manifests: readonly Manifest[], seen: Map<string, number>): void {
  const known = new Set(manifests.map((one) => one.uid));
  for (const uid of [...seen.keys()]) if (!known.has(uid)) seen.delete(uid);
  for (const { uid } of manifests) if (!seen.has(uid)) seen.set(uid, kubelet.machine.world.nowMs);
  const byName = new Map<string, Manifest[]>();
  for (const manifest of manifests) {
    const { namespace, name } = manifest.pod.metadata;
    const key = `static:${namespace ?? ''}/${name}`;
    byName.set(key, [...(byName.get(key) ?? []), manifest]);
  }
  for (const [key, entry] of kubelet.pods) {
    if (entry.source === 'file' && !byName.has(key)) want(entry, null);
  }
  for (const [key, candidates] of byName) {
    const running = kubelet.pods.get(key)?.desired?.metadata.uid;
    if (candidates.some((one) => one.uid === running)) continue;
    const oldest = [...candidates].sort((a, b) => (seen.get(a.uid) ?? 0) - (seen.get(b.uid) ?? 0))[0];
    if (oldest !== undefined) admit(kubelet, key, 'file', oldest.pod);
  }
  removeOrphans(kubelet, 'file', known);
}

/** Follows the pods that the API server has for this node; mirror pods are only an image of ours. */
export function* followApi(kubelet: Kubelet): Sim<never> {
  for (;;) {
    yield* waitFor([kubelet.apiPods.changed]);
    const known = new Set<string>();
    for (const pod of [...kubelet.apiPods.items.values()]) {
      if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) continue;
      const uid = pod.metadata.uid ?? '';
      known.add(uid);
      followPod(kubelet, `api:${uid}`, pod);
    }
    for (const [key, entry] of kubelet.pods) {
      if (entry.source === 'api' && !known.has(entry.pod.metadata.uid ?? '')) want(entry, null);
      if (entry.source === 'file' && mirrorIsMissing(kubelet, entry))
        publish(kubelet, kubelet.pods.get(key) ?? entry);
    }
    removeOrphans(kubelet, 'api', known);
  }
}

/** Also when somebody deletes it: a mirror pod has no containers to wait for, and is made anew at once. */
function mirrorIsMissing(kubelet: Kubelet, entry: PodEntry): boolean {
  const { namespace, name } = entry.pod.metadata;
  const mirror = kubelet.apiPods.items.get(`${namespace ?? ''}/${name}`);
  return mirror === undefined || mirror.metadata.deletionTimestamp !== undefined;
}

function followPod(kubelet: Kubelet, key: string, pod: KubeObject): void {
  const entry = kubelet.pods.get(key);
  const phase = textAt(pod, 'status', 'phase');
  const ended = phase === 'Succeeded' || phase === 'Failed';
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (entry !== undefined) want(entry, null);
    else admit(kubelet, key, 'api', pod, null);
  } else if (entry === undefined && !ended) {
    admit(kubelet, key, 'api', pod);
  }
}

/** Makes a pod run, or an earlier one of the same name give way to it. */
function admit(
  kubelet: Kubelet,
  key: string,
  source: PodEntry['source'],
  pod: KubeObject,
  desired: KubeObject | null = pod,
): void {
  const existing = kubelet.pods.get(key);
  if (existing !== undefined && !existing.gone) {
    want(existing, desired);
    return;
  }
  const { world } = kubelet.machine;
  const entry: PodEntry = {
    ...{ key, source, desired, pod, containers: [], address: null, sandbox: null, gone: false },
    changed: new Signal(`pod ${key}`),
    firstSeenMs: world.nowMs,
  };
  kubelet.pods.set(key, entry);
  world.scheduler.spawn(kubelet.call.process.group, `worker of ${key}`, workPod(kubelet, entry));
}

function want(entry: PodEntry, desired: KubeObject | null): void {
  if (entry.desired === desired) return;
  entry.desired = desired;
  entry.changed.fire();
}

/** Stops what runs from an earlier time and is in no source any more. */
function removeOrphans(kubelet: Kubelet, source: PodEntry['source'], known: ReadonlySet<string>): void {
  const { containers, world, group } = kubelet.machine;
  const handled = new Set([...kubelet.pods.values()].map((entry) => entry.pod.metadata.uid));
  for (const sandbox of containers.sandboxes) {
    if (sandbox.source !== source || known.has(sandbox.uid) || handled.has(sandbox.uid)) continue;
    world.scheduler.spawn(group, `orphan ${sandbox.name}`, containers.removeSandbox(sandbox, 30_000));
  }
}
