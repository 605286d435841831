/** Phase bootstrap-token: the tokens, cluster-info for nodes that know nothing yet, and what tokens may do. */
import { stringify } from 'yaml';
import { must } from '../../base/errors.js';
import { toBase64 } from '../../base/base64.js';
import type { ApiClient } from '../api-client.js';
import type { Sim } from '../task.js';
import { createOrUpdate } from './api.js';
import type { InitConfig } from './config-model.js';
import { say, type Kubeadm } from './context.js';
import { BOOTSTRAPPERS, NODES, bindClusterRole, createClusterRole, grantInNamespace } from './rbac.js';
import { storeToken } from './tokens.js';

/** `tokens` are the texts of the configuration's tokens, in its order. */
export function* bootstrapTokens(
  kubeadm: Kubeadm,
  client: ApiClient,
  config: InitConfig,
  tokens: readonly string[],
  hidden: boolean,
): Sim<void> {
  const budgetMs = config.timeouts.kubernetesAPICall;
  for (const token of tokens) {
    if (!hidden) say(kubeadm, `[bootstrap-token] Using token: ${token}`);
  }
  say(kubeadm, '[bootstrap-token] Configuring bootstrap tokens, cluster-info ConfigMap, RBAC Roles');
  for (const [index, wanted] of config.tokens.entries()) {
    yield* storeToken(kubeadm, client, must(tokens[index], 'a text for each token'), wanted, budgetMs);
  }
  yield* allowTokens(kubeadm, client, budgetMs);
  yield* publishClusterInfo(kubeadm, client, config);
}

/** The rules that let bootstrap tokens be used; an upgrade writes them anew. */
export function* allowTokens(kubeadm: Kubeadm, client: ApiClient, budgetMs: number): Sim<void> {
  const grant = (name: string, role: string, nodes: boolean): Sim<void> =>
    bindClusterRole(kubeadm, client, name, role, nodes ? NODES : BOOTSTRAPPERS, budgetMs);
  const signers = 'system:certificates.k8s.io:certificatesigningrequests';

  say(kubeadm, '[bootstrap-token] Configured RBAC rules to allow Node Bootstrap tokens to get nodes');
  const getNodes = { apiGroups: [''], resources: ['nodes'], verbs: ['get'] };
  yield* createClusterRole(kubeadm, client, 'kubeadm:get-nodes', [getNodes], budgetMs);
  yield* grant('kubeadm:get-nodes', 'kubeadm:get-nodes', false);

  say(
    kubeadm,
    '[bootstrap-token] Configured RBAC rules to allow Node Bootstrap tokens to post CSRs in order for nodes to get ' +
      'long term certificate credentials',
  );
  yield* grant('kubeadm:kubelet-bootstrap', 'system:node-bootstrapper', false);

  say(
    kubeadm,
    '[bootstrap-token] Configured RBAC rules to allow the csrapprover controller automatically approve CSRs from a ' +
      'Node Bootstrap Token',
  );
  yield* grant('kubeadm:node-autoapprove-bootstrap', `${signers}:nodeclient`, false);

  say(
    kubeadm,
    '[bootstrap-token] Configured RBAC rules to allow certificate rotation for all node client certificates in the ' +
      'cluster',
  );
  yield* grant('kubeadm:node-autoapprove-certificate-rotation', `${signers}:selfnodeclient`, true);
}

/** A kubeconfig without a user, which everybody may read: endpoint and authority of the cluster. */
function* publishClusterInfo(kubeadm: Kubeadm, client: ApiClient, config: InitConfig): Sim<void> {
  say(kubeadm, '[bootstrap-token] Creating the "cluster-info" ConfigMap in the "kube-public" namespace');
  const path = `${config.cluster.certificatesDir}/ca.crt`;
  const authority = must(kubeadm.call.machine.disk.read(path), 'ca.crt was written by this init');
  const kubeconfig = stringify(
    {
      apiVersion: 'v1',
      clusters: [
        {
          cluster: { 'certificate-authority-data': toBase64(authority), server: client.config.server },
          name: '',
        },
      ],
      contexts: null,
      'current-context': '',
      kind: 'Config',
      preferences: {},
      users: null,
    },
    { lineWidth: 0 },
  );
  const metadata = { name: 'cluster-info', namespace: 'kube-public' };
  const info = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { kubeconfig } };
  const budgetMs = config.timeouts.kubernetesAPICall;
  yield* createOrUpdate(kubeadm, client, '/api/v1/namespaces/kube-public/configmaps', info, budgetMs);
  const rule = {
    apiGroups: [''],
    resourceNames: ['cluster-info'],
    resources: ['configmaps'],
    verbs: ['get'],
  };
  const anonymous = { kind: 'User', name: 'system:anonymous' } as const;
  const name = 'kubeadm:bootstrap-signer-clusterinfo';
  yield* grantInNamespace(kubeadm, client, 'kube-public', { name, rule, subjects: [anonymous] }, budgetMs);
}
