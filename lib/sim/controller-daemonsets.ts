/** DaemonSets: one pod on every node that takes it. Rolling updates replace one pod at a time, without surges. */
import { onChange } from './control-plane-program.js';
import { podFromTemplate, templateHash, type ControllerContext } from './controller-context.js';
import { DaemonPods } from './daemon-pods.js';
import type { Informer } from './informer.js';
import type { View } from './informer-view.js';
import type { KubeObject } from './objects.js';
import type { Sim } from './task.js';
import { isPodReady, nodeMatches, repellingTaint } from './taints.js';
import { listAt, mapAt, numberAt, textAt, type Tree } from './tree.js';

const SETS = '/apis/apps/v1/daemonsets';
const SETTLE_MS = 200;

export function* daemonSetController(context: ControllerContext): Sim<never> {
  const sets = context.informer(SETS);
  const nodes = context.informer('/api/v1/nodes');
  const pods = context.informer('/api/v1/pods');
  const placements = new Map<string, Placement>();
  /** What each set was brought in line with, by its uid; others' pods are no reason to look again. */
  const settled = new Map<string, string>();
  return yield* onChange([sets, nodes, pods], SETTLE_MS, function* reconcile() {
    if (!nodes.synced || !pods.synced) return true;
    let done = true;
    for (const set of [...sets.items.values()]) {
      const { deletionTimestamp, uid = '', resourceVersion = '' } = set.metadata;
      if (deletionTimestamp !== undefined) continue;
      const placement = placementOf(nodes, pods, placements.get(uid), set);
      placements.set(uid, placement);
      const seen = `${resourceVersion} ${placement.nodes.version} ${pods.ownedVersion(set)}`;
      if (settled.get(uid) === seen) continue;
      if (yield* sync(context, placement)) settled.set(uid, seen);
      else done = false;
    }
    for (const [uid, placement] of placements) {
      if (sets.hasUid(uid)) continue;
      nodes.letGo(placement.nodes);
      pods.letGo(placement.pods);
      placements.delete(uid);
    }
    return done;
  });
}

/** Where the pods of one template go. */
interface Placement {
  /** As it was last seen. */
  readonly set: KubeObject;
  readonly template: string;
  readonly tolerations: readonly unknown[];
  /** `runs` where one must be, `leaves` where none may stay. On all other nodes there may be one, or none. */
  readonly nodes: View<'runs' | 'leaves'>;
  readonly pods: DaemonPods;
}

function placementOf(
  nodes: Informer,
  pods: Informer,
  before: Placement | undefined,
  set: KubeObject,
): Placement {
  if (before?.set === set) return before;
  const template = templateHash(set);
  if (before?.template === template) return { ...before, set };
  if (before !== undefined) nodes.letGo(before.nodes);
  if (before !== undefined) pods.letGo(before.pods);
  const spec = mapAt(set, 'spec', 'template', 'spec');
  const tolerations = [...listAt(spec, 'tolerations'), ...addedTolerations(spec)];
  return {
    ...{ set, template, tolerations },
    nodes: nodes.view((node) =>
      !nodeMatches(node, spec) ? 'leaves' : repellingTaint(node, tolerations) === null ? 'runs' : null,
    ),
    pods: pods.follow(new DaemonPods(set.metadata.uid ?? '', template)),
  };
}

function* sync(context: ControllerContext, placement: Placement): Sim<boolean> {
  const { set, template, tolerations, pods } = placement;
  const informer = context.informer('/api/v1/pods');
  const namespace = set.metadata.namespace ?? 'default';
  const list = `/api/v1/namespaces/${namespace}/pods`;
  const verdicts = [...placement.nodes.values];
  const wanted = verdicts.filter(([, verdict]) => verdict === 'runs').map(([name]) => name);
  const missing = new Set(wanted.filter((name) => !pods.byNode.has(name)));
  // What is reported is what was there at the beginning; pods made now are in the next report.
  const found = { desired: wanted.length, scheduled: pods.byNode.size, ready: pods.ready.size };
  for (const name of registered(context, missing)) {
    const spec = { tolerations, affinity: pinnedTo(name) };
    const hash = { 'controller-revision-hash': template, 'pod-template-generation': '1' };
    const pod = podFromTemplate(set, `${set.metadata.name}-${context.suffix()}`, hash, spec);
    if (!(yield* context.create(informer, list, pod))) return false;
  }
  for (const [name, verdict] of verdicts) {
    const pod = verdict === 'leaves' ? pods.byNode.get(name) : undefined;
    if (pod !== undefined && !(yield* context.remove(`${list}/${pod.metadata.name}`))) return false;
  }
  if (!(yield* replaceOutdated(context, placement))) return false;
  return yield* report(context, set, found);
}

/** Names of nodes in the order in which they registered. */
function registered(context: ControllerContext, names: ReadonlySet<string>): string[] {
  if (names.size <= 1) return [...names];
  return [...context.informer('/api/v1/nodes').items.keys()].filter((name) => names.has(name));
}

/** With maxUnavailable 1, the default: the next pod of an older template goes once all others are ready. */
function* replaceOutdated(context: ControllerContext, { set, pods }: Placement): Sim<boolean> {
  if (textAt(set, 'spec', 'updateStrategy', 'type') === 'OnDelete' || pods.outdated.size === 0) return true;
  const unready = [...pods.byNode.values()].filter((pod) => !isPodReady(pod));
  const outdated = [...pods.outdated.values()];
  const next = outdated.find((pod) => unready.includes(pod)) ?? outdated[0];
  if (next === undefined || next.metadata.deletionTimestamp !== undefined) return true;
  if (unready.some((pod) => pod !== next)) return true;
  const { name, namespace = 'default' } = next.metadata;
  return yield* context.remove(`/api/v1/namespaces/${namespace}/pods/${name}`);
}

function pinnedTo(name: string): unknown {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [name] }];
  const nodeSelectorTerms = [{ matchFields }];
  return { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } };
}

/** What the controller lets every daemon put up with. */
function addedTolerations(podSpec: Tree): unknown[] {
  const key = (name: string, effect: string): unknown => ({
    ...{ key: `node.kubernetes.io/${name}`, operator: 'Exists', effect },
  });
  const hostNetwork = podSpec['hostNetwork'] === true;
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
  { desired, scheduled, ready }: Readonly<Record<'desired' | 'scheduled' | 'ready', number>>,
): Sim<boolean> {
  const status = {
    currentNumberScheduled: scheduled,
    desiredNumberScheduled: desired,
    numberAvailable: ready,
    numberUnavailable: Math.max(0, desired - ready),
    numberMisscheduled: 0,
    numberReady: ready,
    updatedNumberScheduled: scheduled,
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
