/** Patches of the own Node object: labels and taint of a control plane, and the runtime's socket. */
import { isNotFound, type ApiClient } from '../api-client.js';
import type { KubeObject } from '../objects.js';
import type { Sim } from '../task.js';
import { listAt, textAt } from '../tree.js';
import { explain, request, retry } from './api.js';
import type { NodeRegistration, Taint } from './config-model.js';
import { say, wrapFailure, type Kubeadm } from './context.js';

export const SOCKET_ANNOTATION = 'kubeadm.alpha.kubernetes.io/cri-socket';
const LABELS = [
  'node-role.kubernetes.io/control-plane',
  'node.kubernetes.io/exclude-from-external-load-balancers',
];
const CONTROL_PLANE_TAINT: Taint = { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' };

export function* annotateSocket(
  kubeadm: Kubeadm,
  client: ApiClient,
  node: NodeRegistration,
  budgetMs: number,
): Sim<void> {
  const patch = { metadata: { annotations: { [SOCKET_ANNOTATION]: node.criSocket } } };
  yield* patchNode(kubeadm, client, node.name, () => patch, budgetMs);
}

/** Phase mark-control-plane, of init and of join. */
export function* markControlPlane(
  kubeadm: Kubeadm,
  client: ApiClient,
  node: NodeRegistration,
  budgetMs: number,
): Sim<void> {
  const taints = node.taints ?? [CONTROL_PLANE_TAINT];
  say(
    kubeadm,
    `[mark-control-plane] Marking the node ${node.name} as control-plane by adding the labels: [${LABELS.join(' ')}]`,
  );
  if (taints.length > 0) {
    const words = taints.map(
      (taint) => `${taint.key}${taint.value === undefined ? '' : `=${taint.value}`}:${taint.effect}`,
    );
    say(
      kubeadm,
      `[mark-control-plane] Marking the node ${node.name} as control-plane by adding the taints [${words.join(' ')}]`,
    );
  }
  const labels = Object.fromEntries(LABELS.map((label) => [label, '']));
  const patchOf = (found: KubeObject): unknown => {
    const wanted = new Set(taints.map((taint) => `${taint.key}:${taint.effect}`));
    const others = listAt(found, 'spec', 'taints').filter(
      (taint) => !wanted.has(`${textAt(taint, 'key') ?? ''}:${textAt(taint, 'effect') ?? ''}`),
    );
    return { metadata: { labels }, spec: { taints: [...others, ...taints] } };
  };
  try {
    yield* patchNode(kubeadm, client, node.name, patchOf, budgetMs);
  } catch (error) {
    throw wrapFailure('error applying control-plane label and taints', error);
  }
}

/** Waits for the Node to be there with its host name's label, then patches it; all of it tried again for a while. */
function* patchNode(
  kubeadm: Kubeadm,
  client: ApiClient,
  name: string,
  patchOf: (node: KubeObject) => unknown,
  budgetMs: number,
): Sim<void> {
  const path = `/api/v1/nodes/${name}`;
  yield* retry(kubeadm, budgetMs, function* attempt(leftMs): Sim<string | null> {
    const found = yield* request(client, 'GET', path, undefined, leftMs);
    if (found.kind !== 'ok') {
      return isNotFound(found) ? `nodes "${name}" not found` : explain(kubeadm, found, 'GET', path);
    }
    const node = found.body as KubeObject;
    if (node.metadata.labels?.['kubernetes.io/hostname'] === undefined) return 'node has no hostname label';
    const patched = yield* request(client, 'PATCH', path, patchOf(node), leftMs);
    return patched.kind === 'ok' ? null : explain(kubeadm, patched, 'PATCH', path);
  });
}
