/**
 * Node lifecycle: a node whose Lease is not renewed for the grace period becomes Unknown, conditions become
 * taints. Zones and their eviction rates are not modelled: a lab is one zone that never counts as disrupted.
 */
import { parseVersion } from '../model/version.js';
import { whileRenewed } from './api/watch.js';
import { duration, onChange } from './control-plane-program.js';
import type { ControllerContext } from './controller-context.js';
import { labTime } from './lab-time.js';
import { leasePath } from './lease.js';
import type { KubeObject } from './objects.js';
import { sleep, TaskGroup, waitFor, type Sim } from './task.js';
import { isPodReady, isUnschedulable, taintsOf, type Taint } from './taints.js';
import { listAt, mapAt, numberAt, textAt } from './tree.js';

const MONITOR_EVERY_MS = 5_000;
const NODES = '/api/v1/nodes';
const LEASES = leasePath('kube-node-lease');
const PODS = '/api/v1/pods';
const SETTLE_MS = 100;

export function* nodeLifecycle(context: ControllerContext): Sim<never> {
  const nodes = context.informer(NODES);
  const monitors = new Map<string, TaskGroup>();
  const { process, world } = context.leader.call;
  context.spawn('node taints', keepTaints(context));
  let followed = -1;
  return yield* onChange([nodes], SETTLE_MS, function* follow() {
    yield* [];
    if (nodes.membership === followed) return true;
    followed = nodes.membership;
    for (const name of nodes.items.keys()) {
      if (monitors.has(name)) continue;
      const group = new TaskGroup(process.group);
      monitors.set(name, group);
      world.scheduler.spawn(group, `monitor ${name}`, monitor(context, name));
    }
    for (const [name, group] of [...monitors]) {
      if (nodes.items.has(name)) continue;
      group.killAll();
      group.detach();
      monitors.delete(name);
    }
    return true;
  });
}

/** 40 s up to 1.31, 50 s from 1.32 on. */
function graceMs(context: ControllerContext): number {
  const { call, flags } = context.leader;
  const minor = parseVersion(call.container?.image.split(':').at(-1) ?? '')?.minor ?? 31;
  return duration(flags.get('node-monitor-grace-period')) ?? (minor >= 32 ? 50_000 : 40_000);
}

/** One node's Lease: at no cost while it is renewed, and by the monitor's ticks once it is not. */
function* monitor(context: ControllerContext, name: string): Sim<never> {
  const startMs = context.nowMs;
  const leases = context.informer(LEASES);
  let seenMs = context.nowMs;
  let seenTime: string | null = null;
  for (;;) {
    const left = yield* whileRenewed(context.leader.client, leasePath('kube-node-lease', name));
    const lease =
      left.kind === 'ok' ? (left.body as KubeObject) : leases.items.get(`kube-node-lease/${name}`);
    const renewTime = textAt(lease, 'spec', 'renewTime');
    if (renewTime !== seenTime) {
      seenTime = renewTime;
      seenMs = Math.max(seenMs, renewedAt(context, renewTime, numberAt(lease, 'skewMs') ?? 0));
    }
    const deadlineMs = seenMs + graceMs(context);
    if (context.nowMs >= deadlineMs && (yield* markUnknown(context, name))) {
      yield* waitFor([leases.changed]);
      continue;
    }
    // The monitor looks at every node once in five seconds.
    const fromMs = Math.max(deadlineMs, context.nowMs + 1) - startMs;
    const tickMs = startMs + Math.ceil(fromMs / MONITOR_EVERY_MS) * MONITOR_EVERY_MS;
    yield* waitFor([leases.changed], tickMs - context.nowMs);
  }
}

/** When this controller manager learned of a renewal: at the time itself, or when it began to look. */
function renewedAt(context: ControllerContext, renewTime: string | null, skewMs: number): number {
  const date = renewTime === null ? null : labTime(renewTime);
  return date === null ? context.nowMs : Math.min(date - skewMs, context.nowMs);
}

/** True when the node is known to be Unknown, or is gone. */
function* markUnknown(context: ControllerContext, name: string): Sim<boolean> {
  const { world } = context.leader.call;
  const node = context.informer(NODES).items.get(name);
  if (node === undefined) return true;
  const conditions = listAt(node, 'status', 'conditions');
  const ready = conditions.find((one) => textAt(one, 'type') === 'Ready');
  if (textAt(ready, 'status') === 'Unknown') return true;
  const date = context.date;
  const unknown = conditions.map((one) => ({
    ...mapAt(one),
    status: 'Unknown',
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
    lastTransitionTime: date,
  }));
  if (!(yield* context.patch(`${NODES}/${name}/status`, { status: { conditions: unknown } }))) return false;
  world.emit(name, 'kube-controller-manager', 'node Unknown', {});
  yield* markPodsNotReady(context, name);
  return true;
}

function* markPodsNotReady(context: ControllerContext, name: string): Sim<void> {
  for (const pod of [...context.informer(PODS).items.values()]) {
    if (textAt(pod, 'spec', 'nodeName') !== name || !isPodReady(pod)) continue;
    const conditions = listAt(pod, 'status', 'conditions').map((one) =>
      textAt(one, 'type') === 'Ready'
        ? {
            ...mapAt(one),
            status: 'False',
            lastTransitionTime: context.date,
          }
        : one,
    );
    const path = `/api/v1/namespaces/${pod.metadata.namespace ?? 'default'}/pods/${pod.metadata.name}/status`;
    yield* context.patch(path, { status: { conditions } });
  }
}

/** Conditions as taints: NoSchedule at once, NoExecute from a queue of its own some seconds later. */
function* keepTaints(context: ControllerContext): Sim<never> {
  const nodes = context.informer(NODES);
  const unmarked = nodes.view((node) => (differ(node, wantedTaints(node, 'NoSchedule')) ? node : null));
  const late = nodes.view((node) => (differ(node, wantedTaints(node, 'both')) ? node : null));
  return yield* onChange([nodes], SETTLE_MS, function* reconcile() {
    for (const node of byName([...unmarked.values.values()])) {
      if (!(yield* writeTaints(context, node, wantedTaints(node, 'NoSchedule')))) return false;
    }
    if (late.values.size === 0) return true;
    const names = [...nodes.items.keys()].filter((name) => late.values.has(name));
    yield* sleep(context.leader.call.prng.int(100, MONITOR_EVERY_MS));
    for (const name of names) {
      const node = nodes.items.get(name);
      if (node === undefined) continue;
      const timeAdded = context.date;
      if (!(yield* writeTaints(context, node, wantedTaints(node, 'both', timeAdded)))) return false;
    }
    return true;
  });
}

function byName(nodes: readonly KubeObject[]): KubeObject[] {
  return [...nodes].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

const OWN_KEYS = ['not-ready', 'unreachable', 'unschedulable', 'disk-pressure'].map(
  (key) => `node.kubernetes.io/${key}`,
);

function wantedTaints(node: KubeObject, which: 'NoSchedule' | 'both', timeAdded?: string): Taint[] {
  const ready = listAt(node, 'status', 'conditions').find((one) => textAt(one, 'type') === 'Ready');
  const status = textAt(ready, 'status');
  const key =
    status === 'True' ? null : `node.kubernetes.io/${status === 'Unknown' ? 'unreachable' : 'not-ready'}`;
  const others = taintsOf(node).filter((taint) => !OWN_KEYS.includes(taint.key));
  const wanted: Taint[] = [...others];
  if (key !== null) wanted.push({ key, effect: 'NoSchedule' });
  const executes = taintsOf(node).filter((t) => OWN_KEYS.includes(t.key) && t.effect === 'NoExecute');
  if (which === 'NoSchedule') wanted.push(...executes);
  else if (key !== null) {
    const kept = executes.find((taint) => taint.key === key);
    wanted.push(kept ?? { key, effect: 'NoExecute', ...(timeAdded === undefined ? {} : { timeAdded }) });
  }
  if (hasDiskPressure(node)) wanted.push({ key: 'node.kubernetes.io/disk-pressure', effect: 'NoSchedule' });
  if (isUnschedulable(node)) wanted.push({ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' });
  return wanted;
}

function hasDiskPressure(node: KubeObject): boolean {
  const conditions = listAt(node, 'status', 'conditions');
  return conditions.some((one) => textAt(one, 'type') === 'DiskPressure' && textAt(one, 'status') === 'True');
}

function differ(node: KubeObject, wanted: readonly Taint[]): boolean {
  const text = (taints: readonly Taint[]): string =>
    taints
      .map((taint) => `${taint.key}=${taint.value ?? ''}:${taint.effect}`)
      .sort()
      .join(' ');
  return text(taintsOf(node)) !== text(wanted);
}

function* writeTaints(context: ControllerContext, node: KubeObject, wanted: Taint[]): Sim<boolean> {
  if (!differ(node, wanted)) return true;
  const { name } = node.metadata;
  // The list is replaced whole, so an edit that came in between must be seen first.
  const body = { metadata: { resourceVersion: node.metadata.resourceVersion }, spec: { taints: wanted } };
  const answer = yield* context.request('PATCH', `${NODES}/${name}`, body);
  if (answer.kind === 'ok') context.informer(NODES).learn(answer.body as KubeObject);
  return answer.kind === 'ok' || (answer.kind === 'error' && answer.status.reason === 'NotFound');
}
