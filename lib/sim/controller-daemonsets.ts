/** DaemonSets: one pod on every node that takes it. Rolling updates replace pods when they are deleted by hand. */
import { onChange } from './control-plane-program.js';
import { podFromTemplate, templateHash, type ControllerContext } from './controller-context.js';
import type { KubeObject } from './objects.js';
import type { Sim } from './task.js';
import { isPodReady, nodeMatches, repellingTaint } from './taints.js';
import { listAt, mapAt, numberAt, textAt } from './tree.js';

const SETS = '/apis/apps/v1/daemonsets';
const SETTLE_MS = 200;

export function* daemonSetController(context: ControllerContext): Sim<never> {
  const sets = context.informer(SETS);
  const nodes = context.informer('/api/v1/nodes');
  const pods = context.informer('/api/v1/pods');
  /** What each set was brought in line with, by its uid; others' pods are no reason to look again. */
  const settled = new Map<string, string>();
  return yield* onChange([sets, nodes, pods], SETTLE_MS, function* reconcile() {
    if (!nodes.synced || !pods.synced) return true;
    let done = true;
    for (const set of [...sets.items.values()]) {
      const { deletionTimestamp, uid = '', resourceVersion = '' } = set.metadata;
      const seen = `${resourceVersion} ${nodes.version} ${pods.ownedVersion(set)}`;
      if (deletionTimestamp !== undefined || settled.get(uid) === seen) continue;
      if (yield* sync(context, set)) settled.set(uid, seen);
      else done = false;
    }
    return done;
  });
}

function* sync(context: ControllerContext, set: KubeObject): Sim<boolean> {
  const pods = context.informer('/api/v1/pods');
  const namespace = set.metadata.namespace ?? 'default';
  const list = `/api/v1/namespaces/${namespace}/pods`;
  const own = new Map<string, KubeObject>();
  for (const pod of pods.ownedBy(set)) own.set(nodeOf(pod), pod);
  const tolerations = [...listAt(set, 'spec', 'template', 'spec', 'tolerations'), ...addedTolerations(set)];
  const nodes = context.informer('/api/v1/nodes').items;
  const wanted = [...nodes.values()].filter((node) => shouldRun(node, set, tolerations));
  for (const node of wanted) {
    const { name } = node.metadata;
    if (own.has(name)) continue;
    const spec = { tolerations, affinity: pinnedTo(name) };
    const hash = { 'controller-revision-hash': templateHash(set), 'pod-template-generation': '1' };
    const pod = podFromTemplate(set, `${set.metadata.name}-${context.suffix()}`, hash, spec);
    if (!(yield* context.create(pods, list, pod))) return false;
  }
  for (const [name, pod] of own) {
    const node = nodes.get(name);
    const leaves = node !== undefined && !nodeMatches(node, mapAt(set, 'spec', 'template', 'spec'));
    if (leaves && !(yield* context.remove(`${list}/${pod.metadata.name}`))) return false;
  }
  return yield* report(context, set, wanted.length, [...own.values()]);
}

/** The node that a daemon's pod is on or is meant for. */
function nodeOf(pod: KubeObject): string {
  const bound = textAt(pod, 'spec', 'nodeName');
  if (bound !== null) return bound;
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const affinity = mapAt(pod, 'spec', 'affinity', 'nodeAffinity', required);
  return textAt(affinity, 'nodeSelectorTerms', 0, 'matchFields', 0, 'values', 0) ?? '';
}

function pinnedTo(name: string): unknown {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [name] }];
  const nodeSelectorTerms = [{ matchFields }];
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
}

function shouldRun(node: KubeObject, set: KubeObject, tolerations: readonly unknown[]): boolean {
  return (
    nodeMatches(node, mapAt(set, 'spec', 'template', 'spec')) && repellingTaint(node, tolerations) === null
  );
}

/** What the controller lets every daemon put up with. */
function addedTolerations(set: KubeObject): unknown[] {
  const key = (name: string, effect: string): unknown => ({
    ...{ key: `node.kubernetes.io/${name}`, operator: 'Exists', effect },
  });
  const hostNetwork = mapAt(set, 'spec', 'template', 'spec')['hostNetwork'] === true;
  return [
    key('not-ready', 'NoExecute'),
    key('unreachable', 'NoExecute'),
    key('disk-pressure', 'NoSchedule'),
    key('memory-pressure', 'NoSchedule'),
    key('pid-pressure', 'NoSchedule'),
    key('unschedulable', 'NoSchedule'),
    ...(hostNetwork ? [key('network-unavailable', 'NoSchedule')] : []),
  ];
}

function* report(
  context: ControllerContext,
  set: KubeObject,
  desired: number,
  own: readonly KubeObject[],
): Sim<boolean> {
  const ready = own.filter(isPodReady).length;
  const status = {
    currentNumberScheduled: own.length,
    desiredNumberScheduled: desired,
    numberAvailable: ready,
    numberUnavailable: Math.max(0, desired - ready),
    numberMisscheduled: 0,
    numberReady: ready,
    updatedNumberScheduled: own.length,
    observedGeneration: numberAt(set, 'metadata', 'generation') ?? 1,
  };
  return yield* reportStatus(context, SETS, set, status);
}

/** Writes a status unless the object says it already. */
export function* reportStatus(
  context: ControllerContext,
  list: string,
  object: KubeObject,
  status: Readonly<Record<string, unknown>>,
): Sim<boolean> {
  const before = mapAt(object, 'status');
  if (Object.entries(status).every(([key, value]) => JSON.stringify(before[key]) === JSON.stringify(value))) {
    return true;
  }
  const cut = list.lastIndexOf('/');
  const space = `namespaces/${object.metadata.namespace ?? 'default'}`;
  const path = `${list.slice(0, cut)}/${space}${list.slice(cut)}/${object.metadata.name}`;
  const answer = yield* context.request('PATCH', `${path}/status`, { status });
  if (answer.kind === 'ok') context.informer(list).learn(answer.body as KubeObject);
  return answer.kind === 'ok' || (answer.kind === 'error' && answer.status.reason === 'NotFound');
}
