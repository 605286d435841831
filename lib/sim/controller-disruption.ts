/** The disruption controller: how many pods of each PodDisruptionBudget may be evicted at this time. */
import { onChange } from './control-plane-program.js';
import { reportStatus } from './controller-daemonsets.js';
import type { ControllerContext } from './controller-context.js';
import { isActive } from './controller-replicas.js';
import type { KubeObject } from './objects.js';
import type { Sim } from './task.js';
import { isPodReady, selects } from './taints.js';
import { at, mapAt, numberAt } from './tree.js';

const BUDGETS = '/apis/policy/v1/poddisruptionbudgets';
const SETTLE_MS = 100;

export function* disruptionController(context: ControllerContext): Sim<never> {
  const budgets = context.informer(BUDGETS);
  const pods = context.informer('/api/v1/pods');
  return yield* onChange([budgets, pods], SETTLE_MS, function* reconcile() {
    if (!pods.synced) return true;
    for (const budget of [...budgets.items.values()]) {
      const status = statusOf(budget, [...pods.items.values()]);
      if (!(yield* reportStatus(context, BUDGETS, budget, status))) return false;
    }
    return true;
  });
}

function statusOf(budget: KubeObject, pods: readonly KubeObject[]): Record<string, unknown> {
  const selector = mapAt(budget, 'spec', 'selector');
  const covered = pods.filter(
    (pod) => pod.metadata.namespace === budget.metadata.namespace && isActive(pod) && selects(selector, pod),
  );
  const expected = covered.length;
  const healthy = covered.filter(isPodReady).length;
  const atLeast = share(at(budget, 'spec', 'minAvailable'), expected);
  const atMost = share(at(budget, 'spec', 'maxUnavailable'), expected);
  const desired = atLeast ?? expected - (atMost ?? 0);
  return {
    currentHealthy: healthy,
    desiredHealthy: Math.max(0, desired),
    disruptionsAllowed: Math.max(0, healthy - desired),
    expectedPods: expected,
    observedGeneration: numberAt(budget, 'metadata', 'generation') ?? 1,
  };
}

/** A number, or a percentage of the pods, rounded up. */
function share(value: unknown, of: number): number | null {
  if (typeof value === 'number') return value;
  const percent = typeof value === 'string' ? /^(\d+)%$/.exec(value) : null;
  return percent === null ? null : Math.ceil((Number(percent[1]) * of) / 100);
}
