/** What init stores in the cluster for the nodes to come: its configuration, and the shared certificates. */
import { fromBase64, toBase64 } from '../../base/base64.js';
import { sha256Hex } from '../../base/digest.js';
import type { ApiClient } from '../api-client.js';
import { generateToken, TOKEN_SECRET_PREFIX } from '../bootstrap-token.js';
import type { KubeObject } from '../objects.js';
import type { Sim } from '../task.js';
import { mapAt, textAt } from '../tree.js';
import { createOrUpdate, getObject, kubeSystem } from './api.js';
import { printCluster } from './cluster-document.js';
import type { ControlPlane, InitConfig } from './config-model.js';
import { save, KubeadmFailure, say, wrapFailure, type Kubeadm } from './context.js';
import { kubeletConfiguration } from './kubelet-files.js';
import { SHARED_FILES } from './pki-files.js';
import { BOOTSTRAPPERS, NODES, grantInNamespace } from './rbac.js';
import { storeToken } from './tokens.js';
import { annotateSocket } from './node-marks.js';

const CERTIFICATES_TTL_MS = 7_200_000;
const SEAL = 'homelab-sealed';

/** Phases upload-config/kubeadm and upload-config/kubelet. */
export function* uploadConfig(kubeadm: Kubeadm, client: ApiClient, config: InitConfig): Sim<void> {
  const budgetMs = config.timeouts.kubernetesAPICall;
  say(
    kubeadm,
    '[upload-config] Storing the configuration used in ConfigMap "kubeadm-config" in the "kube-system" Namespace',
  );
  const cluster = configMap('kubeadm-config', {
    ClusterConfiguration: printCluster(kubeadm, config.cluster),
  });
  yield* createOrUpdate(kubeadm, client, kubeSystem('configmaps'), cluster, budgetMs);
  yield* grantConfigMap(kubeadm, client, 'kubeadm:nodes-kubeadm-config', 'kubeadm-config', budgetMs);
  say(
    kubeadm,
    '[kubelet] Creating a ConfigMap "kubelet-config" in namespace kube-system with the configuration for the ' +
      'kubelets in the cluster',
  );
  const kubelet = configMap('kubelet-config', {
    kubelet: kubeletConfiguration(kubeadm, config.cluster, config.kubelet),
  });
  yield* createOrUpdate(kubeadm, client, kubeSystem('configmaps'), kubelet, budgetMs);
  yield* grantConfigMap(kubeadm, client, 'kubeadm:kubelet-config', 'kubelet-config', budgetMs);
  try {
    yield* annotateSocket(kubeadm, client, config.node, budgetMs);
  } catch (error) {
    throw wrapFailure('error writing Crisocket information for the control-plane node', error);
  }
}

function configMap(name: string, data: Readonly<Record<string, string>>): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'kube-system' }, data };
}

function* grantConfigMap(
  kubeadm: Kubeadm,
  client: ApiClient,
  name: string,
  resource: string,
  budgetMs: number,
): Sim<void> {
  const rule = { apiGroups: [''], resourceNames: [resource], resources: ['configmaps'], verbs: ['get'] };
  const grant = { name, rule, subjects: [NODES, BOOTSTRAPPERS] };
  yield* grantInNamespace(kubeadm, client, 'kube-system', grant, budgetMs);
}

/**
 * Phase upload-certs: seals the shared files with the key. The Secret belongs to a token that lives two hours and
 * serves for nothing else, so that it goes when the token goes.
 */
export function* uploadCertificates(
  kubeadm: Kubeadm,
  client: ApiClient,
  plane: ControlPlane,
  key: string,
): Sim<void> {
  const budgetMs = plane.timeouts.kubernetesAPICall;
  say(
    kubeadm,
    '[upload-certs] Storing the certificates in Secret "kubeadm-certs" in the "kube-system" Namespace',
  );
  const files = sealedFiles(kubeadm, plane, key);
  const token = generateToken(kubeadm.call.prng);
  const purpose = {
    ttlMs: CERTIFICATES_TTL_MS,
    usages: [],
    groups: [],
    description: 'Proxy for managing TTL for the kubeadm-certs secret',
  };
  try {
    yield* storeToken(kubeadm, client, token, purpose, budgetMs);
  } catch (error) {
    throw wrapFailure('error uploading certs: error creating token', error);
  }
  const ownerName = `${TOKEN_SECRET_PREFIX}${token.slice(0, 6)}`;
  const owner = yield* getObject(kubeadm, client, kubeSystem(`secrets/${ownerName}`));
  if (owner === null) throw new KubeadmFailure('error uploading certs: error to get token reference');
  const uid = owner.metadata.uid ?? '';
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Secret', name: ownerName, uid, controller: true }];
  const secret: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'kubeadm-certs', namespace: 'kube-system', ownerReferences },
    type: 'Opaque',
    data: files,
  };
  yield* createOrUpdate(kubeadm, client, kubeSystem('secrets'), secret, budgetMs);
  const rule = { apiGroups: [''], resourceNames: ['kubeadm-certs'], resources: ['secrets'], verbs: ['get'] };
  const grant = { name: 'kubeadm:kubeadm-certs', rule, subjects: [BOOTSTRAPPERS] };
  yield* grantInNamespace(kubeadm, client, 'kube-system', grant, budgetMs);
  say(kubeadm, '[upload-certs] Using certificate key:');
  say(kubeadm, key);
}

/** Nothing is encrypted in the simulated world: a digest of the key goes with the text, and must fit to read it. */
function sealedFiles(kubeadm: Kubeadm, plane: ControlPlane, key: string): Record<string, string> {
  const entries = Object.entries(SHARED_FILES).map(([name, file]) => {
    const path = `${plane.cluster.certificatesDir}/${file}`;
    const text = kubeadm.call.machine.disk.read(path);
    if (text === null) {
      const why = `open ${path}: no such file or directory`;
      throw new KubeadmFailure(`error uploading certs: failed to load the content of ${path}: ${why}`);
    }
    return [name, toBase64(`${SEAL}:${sha256Hex(key.toLowerCase())}:${text}`)];
  });
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Phase control-plane-prepare/download-certs of join: fetches, opens and writes the shared files. */
export function* downloadCertificates(
  kubeadm: Kubeadm,
  client: ApiClient,
  folder: string,
  key: string,
): Sim<void> {
  say(
    kubeadm,
    '[download-certs] Downloading the certificates in Secret "kubeadm-certs" in the "kube-system" Namespace',
  );
  const problem = 'error downloading certs';
  let secret: KubeObject | null;
  try {
    secret = yield* getObject(kubeadm, client, kubeSystem('secrets/kubeadm-certs'));
  } catch (error) {
    throw wrapFailure(`${problem}: error downloading the secret`, error);
  }
  if (secret === null) {
    throw new KubeadmFailure(
      `${problem}: error downloading the secret: Secret "kubeadm-certs" was not found in the "kube-system" ` +
        'Namespace. This Secret might have expired. Please, run `kubeadm init phase upload-certs --upload-certs` ' +
        'on a control plane to generate a new one',
    );
  }
  const files = openFiles(mapAt(secret, 'data'), key);
  say(kubeadm, `[download-certs] Saving the certificates to the folder: "${folder}"`);
  const { disk } = kubeadm.call.machine;
  disk.makeDirectories(`${folder}/etcd`);
  for (const [file, text] of files) {
    save(kubeadm, `${folder}/${file}`, text, { mode: /\.(crt|pub)$/.test(file) ? 0o644 : 0o600 });
  }
}

function openFiles(data: Readonly<Record<string, unknown>>, key: string): [string, string][] {
  const seal = `${SEAL}:${sha256Hex(key.toLowerCase())}:`;
  return Object.entries(SHARED_FILES).map(([name, file]) => {
    const encoded = textAt(data, name);
    if (encoded === null || encoded === '') {
      throw new KubeadmFailure(
        `error downloading certs: the Secret does not include the required certificate or key - name: ${name}, ` +
          `path: /etc/kubernetes/pki/${file}`,
      );
    }
    const text = fromBase64(encoded) ?? '';
    if (!text.startsWith(seal)) {
      throw new KubeadmFailure(
        'error downloading certs: error decoding secret data with provided key: cipher: message authentication failed',
      );
    }
    return [file, text.slice(seal.length)];
  });
}
