/** Subresources with a behaviour of their own: eviction, binding, scale, approval, finalize. */
import type { KubeObject } from '../objects.js';
import type { Response } from '../network.js';
import type { Sim } from '../task.js';
import { at, listAt, mapAt, numberAt, textAt } from '../tree.js';
import { candidates, keyFor, type RestCall } from './rest.js';
import { tableOf } from './resources.js';
import { labelMatcher } from './selectors.js';
import { Failure, badRequest, conflict, noSuchResource, notFound, success } from './status.js';
import { change, commit, remove, type Verdict } from './write.js';

const BUDGETS = 'poddisruptionbudgets.policy';

/** Null when the subresource is none of these. */
export function* writeSubresource(call: RestCall, name: string): Sim<Response | null> {
  const { info, method } = call;
  switch (info.subresource) {
    case 'eviction':
      return method === 'POST' ? yield* commit(call, () => evict(call, name)) : noSuchResource().response;
    case 'binding':
      return method === 'POST' ? yield* commit(call, () => bind(call, name)) : noSuchResource().response;
    case 'scale':
      return yield* commit(call, () => scale(call, name));
    case 'approval':
    case 'finalize':
      return yield* commit(call, () => replacePart(call, name));
    default:
      return null;
  }
}

export function scaleOf(object: KubeObject): KubeObject {
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: object.metadata,
    spec: { replicas: numberAt(object, 'spec', 'replicas') ?? 0 },
    status: { replicas: numberAt(object, 'status', 'replicas') ?? 0 },
  };
}

/** What is traced of every eviction that was allowed. */
export const EVICTED = 'pod evicted';

function evict(call: RestCall, name: string): Verdict {
  const { space, type, info } = call;
  const pod = space.get(tableOf(type), keyFor(type, info.namespace, name));
  if (pod === null) return notFound(type, name);
  const options = { ...call, body: at(call.body, 'deleteOptions') };
  const phase = textAt(pod, 'status', 'phase');
  // A pod that does not run, or is on its way out, disturbs nobody.
  const free = phase !== 'Running' || pod.metadata.deletionTimestamp !== undefined;
  const budgets = free ? [] : budgetsFor(call, pod);
  if (budgets.length > 1) {
    const words =
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';
    return new Failure(500, 'InternalError', words);
  }
  const budget = budgets[0];
  if (budget !== undefined) {
    const refused = spendBudget(call, budget, name);
    if (refused !== null) return refused;
  }
  const removed = remove(options, name);
  if (removed instanceof Failure) return removed;
  const { world, options: server } = call.server;
  world.emit(server.machine.name, 'kube-apiserver', EVICTED, {
    namespace: pod.metadata.namespace ?? '',
    pod: name,
  });
  return { status: 201, body: success(type, pod) };
}

function budgetsFor({ space }: RestCall, pod: KubeObject): KubeObject[] {
  return space.list(BUDGETS, `${pod.metadata.namespace ?? ''}/`).filter((budget) => {
    const labels = Object.entries(mapAt(budget, 'spec', 'selector', 'matchLabels'));
    const matcher = labelMatcher(labels.map(([key, value]) => `${key}=${String(value)}`).join(','));
    return matcher?.(pod) === true;
  });
}

function spendBudget({ server, space }: RestCall, budget: KubeObject, pod: string): Failure | null {
  const words = "Cannot evict pod as it would violate the pod's disruption budget.";
  const { generation = 1, name } = budget.metadata;
  const allowed = numberAt(budget, 'status', 'disruptionsAllowed') ?? 0;
  const processed = (numberAt(budget, 'status', 'observedGeneration') ?? 0) >= generation;
  if (!processed || allowed <= 0) {
    const desired = numberAt(budget, 'status', 'desiredHealthy') ?? 0;
    const current = numberAt(budget, 'status', 'currentHealthy') ?? 0;
    const message = processed
      ? `The disruption budget ${name} needs ${desired} healthy pods and has ${current} currently`
      : `The disruption budget ${name} is still being processed by the server.`;
    const causes = [{ reason: 'DisruptionBudget', message }];
    return new Failure(429, 'TooManyRequests', words, { causes });
  }
  const disruptedPods = {
    ...mapAt(budget, 'status', 'disruptedPods'),
    [pod]: server.date,
  };
  const status = { ...mapAt(budget, 'status'), disruptionsAllowed: allowed - 1, disruptedPods };
  space.put(BUDGETS, `${budget.metadata.namespace ?? ''}/${name}`, { ...budget, status });
  return null;
}

function bind(call: RestCall, name: string): Verdict {
  const { server, type } = call;
  const node = textAt(call.body, 'target', 'name');
  if (node === null) return badRequest('target.name: Required value');
  const bound = change(call, name, undefined, (pod) => {
    if ((textAt(pod, 'spec', 'nodeName') ?? '') !== '') return pod;
    const scheduled = {
      type: 'PodScheduled',
      status: 'True',
      lastTransitionTime: server.date,
    };
    const conditions = [
      ...listAt(pod, 'status', 'conditions').filter((one) => textAt(one, 'type') !== 'PodScheduled'),
      scheduled,
    ];
    return {
      ...pod,
      spec: { ...mapAt(pod, 'spec'), nodeName: node },
      status: { ...mapAt(pod, 'status'), conditions },
    };
  });
  if (bound instanceof Failure) return bound;
  const pod = bound.body as KubeObject;
  if (textAt(pod, 'spec', 'nodeName') === node) return { status: 201, body: success(type, pod) };
  return conflict(type, name);
}

function scale(call: RestCall, name: string): Verdict {
  const replicas = numberAt(call.body, 'spec', 'replicas');
  if (replicas === null) return badRequest('spec.replicas: Required value');
  const changed = change(call, name, undefined, (object) => {
    const { generation = 1 } = object.metadata;
    const same = numberAt(object, 'spec', 'replicas') === replicas;
    return {
      ...object,
      metadata: { ...object.metadata, generation: same ? generation : generation + 1 },
      spec: { ...mapAt(object, 'spec'), replicas },
    };
  });
  return changed instanceof Failure ? changed : { status: 200, body: scaleOf(changed.body as KubeObject) };
}

/** `approval` writes the conditions of a request for a certificate, `finalize` the finalizers of a namespace. */
function replacePart(call: RestCall, name: string): Verdict {
  const { body, info } = call;
  const part = info.subresource === 'finalize' ? 'spec' : 'status';
  const version = textAt(body, 'metadata', 'resourceVersion') ?? undefined;
  return change(call, name, version, (current) => ({ ...current, [part]: at(body, part) ?? current[part] }));
}

/** Deletes all that a list would show. */
export function* deleteCollection(call: RestCall, matches: (object: KubeObject) => boolean): Sim<Response> {
  return yield* commit(call, () => {
    for (const object of candidates(call).filter(matches)) {
      const info = { ...call.info, namespace: object.metadata.namespace ?? null };
      remove({ ...call, info }, object.metadata.name);
    }
    return { status: 200, body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } };
  });
}
