/**
 * Pods that must go: those on nodes with a NoExecute taint once their toleration is over, and those of nodes that
 * are no longer there (the pod garbage collector's round every 20 s, after a quarantine of 40 s).
 */
import { onChange } from './control-plane-program.js';
import type { ControllerContext } from './controller-context.js';
import type { KubeObject } from './objects.js';
import { sleep, waitFor, type Sim } from './task.js';
import { isMirror, taintsOf, tolerationFor, type Taint } from './taints.js';
import { labTime } from './lab-time.js';
import { listAt, numberAt, textAt } from './tree.js';

const NODES = '/api/v1/nodes';
const PODS = '/api/v1/pods';
const SETTLE_MS = 100;
/** What admission gives a pod that says nothing about not-ready and unreachable nodes. */
const DEFAULT_TOLERATION_MS = 300_000;
const GC_EVERY_MS = 20_000;
const GC_QUARANTINE_MS = 40_000;

export function* taintEviction(context: ControllerContext): Sim<never> {
  const nodes = context.informer(NODES);
  const pods = context.informer(PODS);
  const tainted = nodes.view((node) => (repels(node).length > 0 ? true : null));
  for (;;) {
    let nextMs: number | null = null;
    for (const pod of [...tainted.values.keys()].flatMap((name) => pods.onNode(name))) {
      const dueMs = evictionTime(context, pod);
      if (dueMs === null || pod.metadata.deletionTimestamp !== undefined) continue;
      if (dueMs > context.nowMs) nextMs = Math.min(nextMs ?? dueMs, dueMs);
      else if (!(yield* context.remove(podPath(pod)))) nextMs = context.nowMs + GC_EVERY_MS;
    }
    yield* waitFor([nodes.changed, pods.changed], nextMs === null ? null : nextMs - context.nowMs);
    yield* sleep(SETTLE_MS);
  }
}

/** When the pod must go; null while nothing drives it out. */
function evictionTime(context: ControllerContext, pod: KubeObject): number | null {
  const nodeName = textAt(pod, 'spec', 'nodeName');
  const node = nodeName === null ? undefined : context.informer(NODES).items.get(nodeName);
  if (node === undefined || isMirror(pod)) return null;
  const times = repels(node)
    .map((taint) => toleratedUntil(context, pod, taint))
    .filter((time) => time !== null);
  return times.length === 0 ? null : Math.min(...times);
}

function repels(node: KubeObject): Taint[] {
  return taintsOf(node).filter((taint) => taint.effect === 'NoExecute');
}

function toleratedUntil(context: ControllerContext, pod: KubeObject, taint: Taint): number | null {
  const sinceMs = addedAt(context, taint);
  const toleration = tolerationFor(listAt(pod, 'spec', 'tolerations'), taint);
  if (toleration === undefined) {
    const known = /^node\.kubernetes\.io\/(not-ready|unreachable)$/.test(taint.key);
    return known ? sinceMs + DEFAULT_TOLERATION_MS : context.nowMs;
  }
  const seconds = numberAt(toleration, 'tolerationSeconds');
  return seconds === null ? null : sinceMs + seconds * 1_000;
}

/** Controllers reckon by the clock of their own machine. */
function addedAt(context: ControllerContext, taint: Taint): number {
  const wallMs = labTime(taint.timeAdded ?? '');
  return wallMs === null ? context.nowMs : wallMs - (context.wallMs - context.nowMs);
}

function podPath(pod: KubeObject): string {
  return `/api/v1/namespaces/${pod.metadata.namespace ?? 'default'}/pods/${pod.metadata.name}`;
}

export function* podGarbage(context: ControllerContext): Sim<never> {
  const nodes = context.informer(NODES);
  const pods = context.informer(PODS);
  const gone = (): string[] => pods.boundNodes().filter((name) => !nodes.items.has(name));
  return yield* onChange([nodes, pods], SETTLE_MS, function* reconcile() {
    if (!pods.synced || !nodes.synced || gone().length === 0) return true;
    yield* sleep(GC_QUARANTINE_MS + context.leader.call.prng.int(0, GC_EVERY_MS));
    for (const pod of gone().flatMap((name) => pods.onNode(name))) {
      if (!(yield* context.remove(podPath(pod), { gracePeriodSeconds: 0 }))) return false;
    }
    return true;
  });
}
