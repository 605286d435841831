/**
 * Deployments and ReplicaSets. A Deployment whose template changed starts its new ReplicaSet at full size and
 * takes the old one down once the new pods are ready; maxSurge and maxUnavailable are not followed step by step.
 */
import { onChange } from './control-plane-program.js';
import { reportStatus } from './controller-daemonsets.js';
import { ownerOf, podFromTemplate, templateHash, type ControllerContext } from './controller-context.js';
import type { KubeObject } from './objects.js';
import type { Sim } from './task.js';
import { isPodReady } from './taints.js';
import { listAt, mapAt, numberAt, textAt } from './tree.js';

const DEPLOYMENTS = '/apis/apps/v1/deployments';
const SETS = '/apis/apps/v1/replicasets';
const PODS = '/api/v1/pods';
const SETTLE_MS = 100;

export function* deploymentController(context: ControllerContext): Sim<never> {
  const deployments = context.informer(DEPLOYMENTS);
  const sets = context.informer(SETS);
  return yield* onChange([deployments, sets], SETTLE_MS, function* reconcile() {
    if (!sets.synced) return true;
    let done = true;
    for (const deployment of [...deployments.items.values()]) {
      if (deployment.metadata.deletionTimestamp !== undefined) continue;
      done = (yield* syncDeployment(context, deployment)) && done;
    }
    return done;
  });
}

function* syncDeployment(context: ControllerContext, deployment: KubeObject): Sim<boolean> {
  const sets = context.informer(SETS);
  const { name, namespace = 'default' } = deployment.metadata;
  const list = `/apis/apps/v1/namespaces/${namespace}/replicasets`;
  const hash = templateHash(deployment);
  const replicas = numberAt(deployment, 'spec', 'replicas') ?? 1;
  const own = sets.ownedBy(deployment);
  const current = own.find((set) => set.metadata.labels?.['pod-template-hash'] === hash);
  if (current === undefined) {
    return yield* context.create(sets, list, newReplicaSet(deployment, `${name}-${hash}`, hash, replicas));
  }
  if (numberAt(current, 'spec', 'replicas') !== replicas) {
    if (!(yield* scale(context, current, replicas))) return false;
  }
  if ((numberAt(current, 'status', 'readyReplicas') ?? 0) >= replicas) {
    for (const old of own) {
      if (old === current || numberAt(old, 'spec', 'replicas') === 0) continue;
      if (!(yield* scale(context, old, 0))) return false;
    }
  }
  return yield* reportStatus(
    context,
    DEPLOYMENTS,
    deployment,
    deploymentStatus(context, deployment, own, current),
  );
}

function* scale(context: ControllerContext, set: KubeObject, replicas: number): Sim<boolean> {
  const { name, namespace = 'default' } = set.metadata;
  const path = `/apis/apps/v1/namespaces/${namespace}/replicasets/${name}`;
  return yield* context.patch(path, { spec: { replicas } });
}

function newReplicaSet(deployment: KubeObject, name: string, hash: string, replicas: number): KubeObject {
  const template = mapAt(deployment, 'spec', 'template');
  const label = { 'pod-template-hash': hash };
  const labels = { ...mapAt(template, 'metadata', 'labels'), ...label } as Record<string, string>;
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace: deployment.metadata.namespace ?? 'default',
      labels,
      ownerReferences: [ownerOf(deployment)],
    },
    spec: {
      replicas,
      selector: { matchLabels: { ...mapAt(deployment, 'spec', 'selector', 'matchLabels'), ...label } },
      template: { ...template, metadata: { ...mapAt(template, 'metadata'), labels } },
    },
  };
}

function deploymentStatus(
  context: ControllerContext,
  deployment: KubeObject,
  own: readonly KubeObject[],
  current: KubeObject,
): Record<string, unknown> {
  const replicas = numberAt(deployment, 'spec', 'replicas') ?? 1;
  const ready = own.reduce((sum, set) => sum + (numberAt(set, 'status', 'readyReplicas') ?? 0), 0);
  const total = own.reduce((sum, set) => sum + (numberAt(set, 'status', 'replicas') ?? 0), 0);
  const enough = ready >= replicas;
  const before = listAt(deployment, 'status', 'conditions').find(
    (one) => textAt(one, 'type') === 'Available',
  );
  const status = enough ? 'True' : 'False';
  const now = context.date;
  const since = textAt(before, 'status') === status ? textAt(before, 'lastTransitionTime') : now;
  const reason = enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable';
  return {
    observedGeneration: numberAt(deployment, 'metadata', 'generation') ?? 1,
    replicas: total,
    updatedReplicas: numberAt(current, 'status', 'replicas') ?? 0,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: Math.max(0, replicas - ready),
    conditions: [
      { type: 'Available', status, reason, lastTransitionTime: since ?? now, lastUpdateTime: since ?? now },
    ],
  };
}

export function* replicaSetController(context: ControllerContext): Sim<never> {
  const sets = context.informer(SETS);
  const pods = context.informer(PODS);
  /** What each set was brought in line with, by its uid; others' pods are no reason to look again. */
  const settled = new Map<string, string>();
  return yield* onChange([sets, pods], SETTLE_MS, function* reconcile() {
    if (!pods.synced) return true;
    let done = true;
    for (const set of [...sets.items.values()]) {
      const { deletionTimestamp, uid = '', resourceVersion = '' } = set.metadata;
      const seen = `${resourceVersion} ${pods.ownedVersion(set)}`;
      if (deletionTimestamp !== undefined || settled.get(uid) === seen) continue;
      if (yield* syncSet(context, set)) settled.set(uid, seen);
      else done = false;
    }
    return done;
  });
}

function* syncSet(context: ControllerContext, set: KubeObject): Sim<boolean> {
  const pods = context.informer(PODS);
  const { name, namespace = 'default' } = set.metadata;
  const list = `/api/v1/namespaces/${namespace}/pods`;
  const replicas = numberAt(set, 'spec', 'replicas') ?? 1;
  const own = pods.ownedBy(set).filter(isActive);
  for (let missing = replicas - own.length; missing > 0; missing -= 1) {
    const pod = podFromTemplate(set, `${name}-${context.suffix()}`);
    if (!(yield* context.create(pods, list, pod))) return false;
  }
  for (const pod of superfluous(own, replicas)) {
    if (!(yield* context.remove(`${list}/${pod.metadata.name}`))) return false;
  }
  const ready = own.filter(isPodReady).length;
  return yield* reportStatus(context, SETS, set, {
    ...{ replicas: Math.min(replicas, own.length), readyReplicas: ready, availableReplicas: ready },
    observedGeneration: numberAt(set, 'metadata', 'generation') ?? 1,
  });
}

/** A pod on its way out, or one that has ended, no longer counts. */
export function isActive(pod: KubeObject): boolean {
  const phase = textAt(pod, 'status', 'phase');
  return pod.metadata.deletionTimestamp === undefined && phase !== 'Failed' && phase !== 'Succeeded';
}

/** Pods that are not ready go first, then the youngest. */
function superfluous(own: readonly KubeObject[], replicas: number): KubeObject[] {
  const age = (pod: KubeObject): string =>
    `${isPodReady(pod) ? 1 : 0} ${pod.metadata.creationTimestamp ?? ''} ${pod.metadata.name}`;
  const ready = [...own].sort((a, b) => (age(a) < age(b) ? -1 : 1));
  return ready.slice(0, Math.max(0, own.length - replicas));
}
