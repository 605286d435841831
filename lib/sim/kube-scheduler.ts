/**
 * kube-scheduler: binds waiting pods to nodes by taints, selectors, affinity and required anti-affinity by host,
 * to the node with the fewest pods, those of the same owner first. Resources, priorities and preemption are not
 * modelled.
 */
import { onChange, runControlPlaneProgram } from './control-plane-program.js';
import { ControllerContext } from './controller-context.js';
import { isActive } from './controller-replicas.js';
import type { KubeObject } from './objects.js';
import type { Program } from './process.js';
import type { Sim } from './task.js';
import { isUnschedulable, nodeMatches, repellingTaint, selects } from './taints.js';
import { listAt, mapAt, textAt, textsAt } from './tree.js';

const SETTLE_MS = 50;
/** More than a node's 110 pods. */
const SIBLING_WEIGHT = 1_000;

export const kubeScheduler: Program = function* run(call) {
  return yield* runControlPlaneProgram(call, {
    name: 'kube-scheduler',
    leaseName: 'kube-scheduler',
    healthPort: 10_259,
    lead: (leader) => {
      const context = new ControllerContext(leader);
      context.spawn('scheduling', scheduling(context));
    },
  });
};

function* scheduling(context: ControllerContext): Sim<never> {
  const nodes = context.informer('/api/v1/nodes');
  const pods = context.informer('/api/v1/pods');
  return yield* onChange([nodes, pods], SETTLE_MS, function* reconcile() {
    if (!nodes.synced || !pods.synced) return true;
    let done = true;
    for (const pod of pods.onNode('').filter(isWaiting)) done = (yield* schedule(context, pod)) && done;
    return done;
  });
}

function isWaiting(pod: KubeObject): boolean {
  const scheduler = textAt(pod, 'spec', 'schedulerName') ?? 'default-scheduler';
  return scheduler === 'default-scheduler' && isActive(pod);
}

function* schedule(context: ControllerContext, pod: KubeObject): Sim<boolean> {
  const pods = context.informer('/api/v1/pods');
  const pinned = pinnedNode(context, pod);
  if (pinned !== null && refusal(context, pinned, pod) === null) return yield* bind(context, pod, pinned);
  const nodes = [...context.informer('/api/v1/nodes').items.values()];
  const reasons = nodes.map((node) => refusal(context, node, pod));
  const fitting = nodes.filter((_, index) => reasons[index] === null);
  const best = fitting.length > 1 ? emptiest(fitting, [...pods.items.values()], pod) : fitting[0];
  if (best === undefined)
    return yield* unschedulable(
      context,
      pod,
      reasons.filter((one) => one !== null),
    );
  return yield* bind(context, pod, best);
}

/** The one node that a daemon's pod asks for by name, which the scheduler's node affinity looks up at once. */
function pinnedNode(context: ControllerContext, pod: KubeObject): KubeObject | null {
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const terms = listAt(pod, 'spec', 'affinity', 'nodeAffinity', required, 'nodeSelectorTerms');
  const [field, ...others] = terms.flatMap((term) => listAt(term, 'matchFields'));
  const names = textsAt(field, 'values');
  if (terms.length !== 1 || others.length > 0 || textAt(field, 'operator') !== 'In') return null;
  return names.length === 1 ? (context.informer('/api/v1/nodes').items.get(names[0] ?? '') ?? null) : null;
}

function* bind(context: ControllerContext, pod: KubeObject, best: KubeObject): Sim<boolean> {
  const { name, namespace = 'default' } = pod.metadata;
  const answer = yield* context.request('POST', `/api/v1/namespaces/${namespace}/pods/${name}/binding`, {
    ...{ apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace } },
    target: { apiVersion: 'v1', kind: 'Node', name: best.metadata.name },
  });
  // A pod that is gone, or bound by somebody else, needs nothing more from here.
  if (answer.kind === 'error') return answer.status.code < 500;
  if (answer.kind !== 'ok') return false;
  const pods = context.informer('/api/v1/pods');
  pods.learn({ ...pod, spec: { ...mapAt(pod, 'spec'), nodeName: best.metadata.name } });
  return true;
}

function emptiest(
  fitting: readonly KubeObject[],
  pods: readonly KubeObject[],
  pod: KubeObject,
): KubeObject | undefined {
  const load = loads(pods, pod);
  const order = (node: KubeObject): number => load.get(node.metadata.name) ?? 0;
  return [...fitting].sort((a, b) => order(a) - order(b) || (a.metadata.name < b.metadata.name ? -1 : 1))[0];
}

/** How full each node is; pods of the same owner weigh more than all others, which spreads them. */
function loads(pods: readonly KubeObject[], pod: KubeObject): Map<string, number> {
  const owner = pod.metadata.ownerReferences?.[0]?.uid;
  const load = new Map<string, number>();
  for (const one of pods) {
    const name = textAt(one, 'spec', 'nodeName');
    if (name === null || !isActive(one)) continue;
    const sibling = owner !== undefined && one.metadata.ownerReferences?.[0]?.uid === owner;
    load.set(name, (load.get(name) ?? 0) + (sibling ? SIBLING_WEIGHT : 1));
  }
  return load;
}

/** Why a node does not take the pod, in the scheduler's words; null when it does. */
function refusal(context: ControllerContext, node: KubeObject, pod: KubeObject): string | null {
  const tolerations = listAt(pod, 'spec', 'tolerations');
  const daemon = (pod.metadata.ownerReferences ?? []).some((one) => one.kind === 'DaemonSet');
  if (isUnschedulable(node) && !daemon) return 'node(s) were unschedulable';
  const taint = repellingTaint(node, tolerations);
  if (taint !== null) return `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`;
  if (!nodeMatches(node, mapAt(pod, 'spec'))) return "node(s) didn't match Pod's node affinity/selector";
  return isRepelled(context, node, pod) ? "node(s) didn't match pod anti-affinity rules" : null;
}

/** Required anti-affinity by host name: no pod that it selects may be on the node. */
function isRepelled(context: ControllerContext, node: KubeObject, pod: KubeObject): boolean {
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const terms = listAt(pod, 'spec', 'affinity', 'podAntiAffinity', required).filter(
    (term) => textAt(term, 'topologyKey') === 'kubernetes.io/hostname',
  );
  if (terms.length === 0) return false;
  const there = context
    .informer('/api/v1/pods')
    .onNode(node.metadata.name)
    .filter((one) => one.metadata.namespace === pod.metadata.namespace && isActive(one));
  return terms.some((term) => there.some((one) => selects(mapAt(term, 'labelSelector'), one)));
}

function* unschedulable(context: ControllerContext, pod: KubeObject, reasons: string[]): Sim<boolean> {
  const counted = [...new Set(reasons)].map(
    (reason) => `${reasons.filter((one) => one === reason).length} ${reason}`,
  );
  const message = `0/${reasons.length} nodes are available: ${counted.sort().join(', ')}.`;
  const known = listAt(pod, 'status', 'conditions').find((one) => textAt(one, 'type') === 'PodScheduled');
  if (textAt(known, 'message') === message) return true;
  const { name, namespace = 'default' } = pod.metadata;
  const now = context.leader.call.machine.date();
  const condition = {
    ...{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message },
    ...{ lastProbeTime: null, lastTransitionTime: now },
  };
  const status = { phase: 'Pending', conditions: [condition] };
  const path = `/api/v1/namespaces/${namespace}`;
  if (!(yield* context.patch(`${path}/pods/${name}/status`, { status }))) return false;
  context.informer('/api/v1/pods').learn({ ...pod, status });
  yield* context.request('POST', `${path}/events`, {
    ...{ apiVersion: 'v1', kind: 'Event', type: 'Warning', reason: 'FailedScheduling', message },
    metadata: { name: `${name}.${context.leader.call.prng.hex(16)}`, namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid: pod.metadata.uid },
    source: { component: 'default-scheduler' },
    ...{ firstTimestamp: now, lastTimestamp: now, count: 1 },
  });
  return true;
}
