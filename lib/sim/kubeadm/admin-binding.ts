/**
 * The rights of admin.conf. Since 1.29 its user is an ordinary one that becomes cluster-admin by a binding which
 * init makes, with super-admin.conf, the first time it needs the API.
 */
import { ApiClient } from '../api-client.js';
import type { Sim } from '../task.js';
import { adminClient, clientFromFile, explain, request, retry } from './api.js';
import { KubeadmFailure, SUPER_ADMIN_CONF, type Kubeadm } from './context.js';
import { ADMINS_GROUP } from './pki-files.js';
import { CLUSTER_BINDINGS, clusterBinding } from './rbac.js';

/** A client with admin.conf whose rights are sure. */
export function* bootstrapAdmin(kubeadm: Kubeadm, budgetMs: number): Sim<ApiClient> {
  const admin = adminClient(kubeadm);
  try {
    if (!(yield* bind(kubeadm, admin, budgetMs))) return admin;
    if (!kubeadm.call.machine.disk.isFile(SUPER_ADMIN_CONF)) {
      throw new KubeadmFailure(`open ${SUPER_ADMIN_CONF}: no such file or directory`);
    }
    const superAdmin = clientFromFile(kubeadm, SUPER_ADMIN_CONF);
    if (yield* bind(kubeadm, superAdmin, budgetMs))
      throw new KubeadmFailure('super-admin.conf is forbidden to bind');
    return admin;
  } catch (error) {
    if (!(error instanceof KubeadmFailure)) throw error;
    throw new KubeadmFailure(
      `could not bootstrap the admin user in file admin.conf: unable to create ClusterRoleBinding: ${error.message}`,
    );
  }
}

/** Creates the binding unless it is there. True when the client's user may not. */
function* bind(kubeadm: Kubeadm, client: ApiClient, budgetMs: number): Sim<boolean> {
  const binding = clusterBinding(ADMINS_GROUP, 'cluster-admin', { kind: 'Group', name: ADMINS_GROUP });
  let forbidden = false;
  yield* retry(kubeadm, budgetMs, function* attempt(leftMs): Sim<string | null> {
    const outcome = yield* request(client, 'POST', CLUSTER_BINDINGS, binding, leftMs);
    if (outcome.kind === 'ok') return null;
    const reason = outcome.kind === 'error' ? outcome.status.reason : '';
    forbidden = reason === 'Forbidden';
    return forbidden || reason === 'AlreadyExists'
      ? null
      : explain(kubeadm, outcome, 'POST', CLUSTER_BINDINGS);
  });
  return forbidden;
}
