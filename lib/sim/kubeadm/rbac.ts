/** The RBAC objects that kubeadm makes, as the API server will evaluate them. */
import type { ApiClient } from '../api-client.js';
import { TOKEN_GROUP } from '../bootstrap-token.js';
import type { KubeObject } from '../objects.js';
import type { Sim } from '../task.js';
import type { Tree } from '../tree.js';
import { createOrUpdate } from './api.js';
import type { Kubeadm } from './context.js';

const GROUP = 'rbac.authorization.k8s.io';
const API_VERSION = `${GROUP}/v1`;
const BASE = `/apis/${GROUP}/v1`;

export interface Subject {
  readonly kind: 'User' | 'Group' | 'ServiceAccount';
  readonly name: string;
  readonly namespace?: string;
}

export const BOOTSTRAPPERS: Subject = { kind: 'Group', name: TOKEN_GROUP };
export const NODES: Subject = { kind: 'Group', name: 'system:nodes' };

/** A Role of one namespace with its RoleBinding of the same name. */
export function* grantInNamespace(
  kubeadm: Kubeadm,
  client: ApiClient,
  namespace: string,
  grant: { readonly name: string; readonly rule: Tree; readonly subjects: readonly Subject[] },
  budgetMs: number,
): Sim<void> {
  const { name, rule, subjects } = grant;
  const metadata = { name, namespace };
  const folder = `${BASE}/namespaces/${namespace}`;
  const role: KubeObject = { apiVersion: API_VERSION, kind: 'Role', metadata, rules: [rule] };
  yield* createOrUpdate(kubeadm, client, `${folder}/roles`, role, budgetMs);
  const binding = bindingOf('RoleBinding', metadata, { kind: 'Role', name }, subjects);
  yield* createOrUpdate(kubeadm, client, `${folder}/rolebindings`, binding, budgetMs);
}

export function* createClusterRole(
  kubeadm: Kubeadm,
  client: ApiClient,
  name: string,
  rules: readonly Tree[],
  budgetMs: number,
): Sim<void> {
  const role: KubeObject = { apiVersion: API_VERSION, kind: 'ClusterRole', metadata: { name }, rules };
  yield* createOrUpdate(kubeadm, client, `${BASE}/clusterroles`, role, budgetMs);
}

export function* bindClusterRole(
  kubeadm: Kubeadm,
  client: ApiClient,
  name: string,
  clusterRole: string,
  subject: Subject,
  budgetMs: number,
): Sim<void> {
  const binding = clusterBinding(name, clusterRole, subject);
  yield* createOrUpdate(kubeadm, client, CLUSTER_BINDINGS, binding, budgetMs);
}

export const CLUSTER_BINDINGS = `${BASE}/clusterrolebindings`;

export function clusterBinding(name: string, clusterRole: string, subject: Subject): KubeObject {
  return bindingOf('ClusterRoleBinding', { name }, { kind: 'ClusterRole', name: clusterRole }, [subject]);
}

function bindingOf(
  kind: string,
  metadata: KubeObject['metadata'],
  role: { readonly kind: string; readonly name: string },
  subjects: readonly Subject[],
): KubeObject {
  return {
    apiVersion: API_VERSION,
    kind,
    metadata,
    roleRef: { apiGroup: GROUP, ...role },
    subjects: subjects.map((subject) =>
      subject.kind === 'ServiceAccount' ? subject : { apiGroup: GROUP, ...subject },
    ),
  };
}
