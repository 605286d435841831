/** What an upgrade waits for through the API: another hash on a static pod's mirror, and pods that run. */
import { itemsOf, type ApiClient } from '../api-client.js';
import { sleep, type Sim } from '../task.js';
import { textAt } from '../tree.js';
import { RETRY_MS, explain, kubeSystem, request } from './api.js';
import { KubeadmFailure, goDuration, say, type Kubeadm } from './context.js';

const HASH = 'kubernetes.io/config.hash';
const DEADLINE = 'context deadline exceeded';

export interface Waiter {
  readonly kubeadm: Kubeadm;
  readonly client: ApiClient;
  readonly nodeName: string;
  readonly budgetMs: number;
}

/** The hash that the kubelet wrote on the mirror pod of a static pod, or why it could not be read. */
function* readHash(
  waiter: Waiter,
  component: string,
  leftMs: number,
): Sim<{ readonly hash: string } | { readonly problem: string }> {
  const { kubeadm, client, nodeName } = waiter;
  const path = kubeSystem(`pods/${component}-${nodeName}`);
  const outcome = yield* request(client, 'GET', path, undefined, leftMs);
  if (outcome.kind === 'ok') {
    return { hash: textAt(outcome.body, 'metadata', 'annotations', HASH) ?? '' };
  }
  const what = `failed to obtain static Pod hash for component ${component} on Node ${nodeName}`;
  return { problem: `${what}: ${explain(kubeadm, outcome, 'GET', path)}` };
}

/** Polls for the hash until it can be read. */
export function* currentHash(waiter: Waiter, component: string): Sim<string> {
  let hash = '';
  yield* poll(waiter, '', function* attempt(leftMs) {
    const found = yield* readHash(waiter, component, leftMs);
    if ('problem' in found) return found.problem;
    hash = found.hash;
    return null;
  });
  return hash;
}

/** Polls until the mirror pod has another hash: then the kubelet has seen the new manifest. */
export function* awaitHashChange(waiter: Waiter, component: string, before: string): Sim<void> {
  const took = goDuration(waiter.budgetMs);
  const what = `static Pod hash for component ${component} on Node ${waiter.nodeName}`;
  yield* poll(waiter, `${what} did not change after ${took}: ${DEADLINE}`, function* attempt(leftMs) {
    const found = yield* readHash(waiter, component, leftMs);
    if ('problem' in found) return found.problem;
    return found.hash === before ? '' : null;
  });
}

/** Polls until every pod of a component says Running, on all nodes: a pod that nobody runs any more counts too. */
export function* awaitPodsRunning(waiter: Waiter, component: string): Sim<void> {
  const { kubeadm, client } = waiter;
  const label = `component=${component}`;
  const path = kubeSystem(`pods?labelSelector=${label.replace('=', '%3D')}`);
  let known = -1;
  yield* poll(waiter, DEADLINE, function* attempt(leftMs) {
    const outcome = yield* request(client, 'GET', path, undefined, leftMs);
    if (outcome.kind !== 'ok') return explain(kubeadm, outcome, 'GET', path);
    const pods = itemsOf(outcome);
    if (pods.length !== known) {
      known = pods.length;
      say(kubeadm, `[apiclient] Found ${known} Pods for label selector ${label}`);
    }
    return known > 0 && pods.every((pod) => textAt(pod, 'status', 'phase') === 'Running') ? null : '';
  });
}

/** An attempt ends with null when it is satisfied, with '' when it is not yet, with a text when it failed. */
function* poll(
  waiter: Waiter,
  unsatisfied: string,
  attempt: (leftMs: number) => Sim<string | null>,
): Sim<void> {
  const { world } = waiter.kubeadm.call;
  const deadlineMs = world.nowMs + waiter.budgetMs;
  for (;;) {
    const problem = yield* attempt(deadlineMs - world.nowMs);
    if (problem === null) return;
    const leftMs = deadlineMs - world.nowMs;
    yield* sleep(Math.max(0, Math.min(RETRY_MS, leftMs)));
    if (leftMs <= RETRY_MS) throw new KubeadmFailure(problem === '' ? unsatisfied : problem);
  }
}
