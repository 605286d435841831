/** Jobs with one or more completions, and StatefulSets: pods by number, one after the other. */
import { onChange } from './control-plane-program.js';
import { reportStatus } from './controller-daemonsets.js';
import { podFromTemplate, type ControllerContext } from './controller-context.js';
import { isActive } from './controller-replicas.js';
import type { KubeObject } from './objects.js';
import type { Sim } from './task.js';
import { isPodReady } from './taints.js';
import { listAt, numberAt, textAt } from './tree.js';

const JOBS = '/apis/batch/v1/jobs';
const STATEFUL = '/apis/apps/v1/statefulsets';
const PODS = '/api/v1/pods';
const SETTLE_MS = 100;
const DEFAULT_BACKOFF_LIMIT = 6;

export function* jobController(context: ControllerContext): Sim<never> {
  const jobs = context.informer(JOBS);
  const pods = context.informer(PODS);
  return yield* onChange([jobs, pods], SETTLE_MS, function* reconcile() {
    if (!pods.synced) return true;
    let done = true;
    for (const job of [...jobs.items.values()]) {
      if (job.metadata.deletionTimestamp === undefined) done = (yield* syncJob(context, job)) && done;
    }
    return done;
  });
}

function* syncJob(context: ControllerContext, job: KubeObject): Sim<boolean> {
  if (listAt(job, 'status', 'conditions').length > 0) return true;
  const pods = context.informer(PODS);
  const { name, namespace = 'default' } = job.metadata;
  const own = pods.ownedBy(job);
  const phase = (wanted: string): number =>
    own.filter((pod) => textAt(pod, 'status', 'phase') === wanted).length;
  const [succeeded, failed] = [phase('Succeeded'), phase('Failed')];
  const active = own.filter(isActive).length;
  const completions = numberAt(job, 'spec', 'completions') ?? 1;
  const over = failed > (numberAt(job, 'spec', 'backoffLimit') ?? DEFAULT_BACKOFF_LIMIT);
  if (succeeded < completions && active === 0 && !over) {
    const label = { 'job-name': name, 'batch.kubernetes.io/job-name': name };
    const pod = podFromTemplate(job, `${name}-${context.suffix()}`, label);
    if (!(yield* context.create(pods, `/api/v1/namespaces/${namespace}/pods`, pod))) return false;
  }
  const now = context.date;
  const finished = succeeded >= completions || over;
  const condition = { status: 'True', lastTransitionTime: now, lastProbeTime: now };
  return yield* reportStatus(context, JOBS, job, {
    ...{ active: finished ? 0 : active, succeeded, failed },
    startTime: textAt(job, 'status', 'startTime') ?? now,
    ...(succeeded >= completions
      ? { completionTime: now, conditions: [{ type: 'Complete', ...condition }] }
      : over
        ? { conditions: [{ type: 'Failed', reason: 'BackoffLimitExceeded', ...condition }] }
        : {}),
  });
}

export function* statefulSetController(context: ControllerContext): Sim<never> {
  const sets = context.informer(STATEFUL);
  const pods = context.informer(PODS);
  return yield* onChange([sets, pods], SETTLE_MS, function* reconcile() {
    if (!pods.synced) return true;
    let done = true;
    for (const set of [...sets.items.values()]) {
      if (set.metadata.deletionTimestamp === undefined) done = (yield* syncStateful(context, set)) && done;
    }
    return done;
  });
}

/** The next pod is made once the one before is ready; a pod of an unreachable node keeps its place for ever. */
function* syncStateful(context: ControllerContext, set: KubeObject): Sim<boolean> {
  const pods = context.informer(PODS);
  const { name, namespace = 'default' } = set.metadata;
  const list = `/api/v1/namespaces/${namespace}/pods`;
  const replicas = numberAt(set, 'spec', 'replicas') ?? 1;
  const own = new Map<string, KubeObject>();
  for (const pod of pods.ownedBy(set)) own.set(pod.metadata.name, pod);
  for (let index = 0; index < replicas; index += 1) {
    const podName = `${name}-${index}`;
    const pod = own.get(podName);
    const labels = {
      'statefulset.kubernetes.io/pod-name': podName,
      'apps.kubernetes.io/pod-index': String(index),
    };
    if (pod === undefined) {
      if (!(yield* context.create(pods, list, podFromTemplate(set, podName, labels)))) return false;
      break;
    }
    if (!isPodReady(pod)) break;
  }
  for (const podName of own.keys()) {
    if (Number(podName.slice(name.length + 1)) < replicas) continue;
    if (!(yield* context.remove(`${list}/${podName}`))) return false;
  }
  const ready = [...own.values()].filter(isPodReady).length;
  return yield* reportStatus(context, STATEFUL, set, {
    ...{ replicas: own.size, readyReplicas: ready, availableReplicas: ready },
    ...{ currentReplicas: own.size, updatedReplicas: own.size },
    observedGeneration: numberAt(set, 'metadata', 'generation') ?? 1,
  });
}
