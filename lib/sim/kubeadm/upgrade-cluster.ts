/**
 * What an upgrade reads of the cluster before it does anything: the stored configurations, and of the own node its
 * name, its runtime's socket and where its API server listens. `timeouts` are not stored in the cluster: they come
 * from the UpgradeConfiguration or are the defaults.
 */
import { parse } from 'yaml';
import { itemsOf, type ApiClient } from '../api-client.js';
import { parseKubeconfig } from '../kubeconfig.js';
import type { Sim } from '../task.js';
import { mapAt, textAt, type Tree } from '../tree.js';
import { explain, getObject, kubeSystem, request } from './api.js';
import { fetchCluster, fetchKubeletConfig } from './cluster-document.js';
import type { Endpoint, InitConfig, NodeRegistration, Timeouts } from './config-model.js';
import { targetVersion } from './config-load.js';
import {
  CRI_SOCKET,
  KUBELET_CONF,
  KubeadmFailure,
  MANIFESTS_FOLDER,
  wrapFailure,
  type Kubeadm,
} from './context.js';
import { ENDPOINT_ANNOTATION } from './control-plane.js';
import { SOCKET_ANNOTATION } from './node-marks.js';

/** True on a node that has the manifest of an API server. */
export function isControlPlane(kubeadm: Kubeadm): boolean {
  return kubeadm.call.machine.disk.isFile(`${MANIFESTS_FOLDER}/kube-apiserver.yaml`);
}

/** The cluster's configuration as an init would have it; a `KubeadmFailure` says what could not be read. */
export function* readCluster(
  kubeadm: Kubeadm,
  client: ApiClient,
  timeouts: Timeouts,
  controlPlane: boolean,
): Sim<InitConfig> {
  let stored;
  let kubelet: Tree;
  try {
    stored = yield* fetchCluster(kubeadm, client);
    kubelet = mapAt(parse(yield* fetchKubeletConfig(kubeadm, client)) as unknown);
  } catch (error) {
    throw wrapFailure('unable to fetch the kubeadm-config ConfigMap', error);
  }
  // Refuses what this kubeadm is too new for.
  targetVersion(kubeadm, stored.kubernetesVersion);
  const node = yield* readNode(kubeadm, client);
  const proxy = yield* readProxy(kubeadm, client, controlPlane);
  return {
    cluster: stored,
    node,
    endpoint: controlPlane ? yield* readEndpoint(kubeadm, client, node.name) : NO_ENDPOINT,
    timeouts,
    certificateKey: null,
    tokens: [],
    skipPhases: [],
    kubelet,
    proxy: proxy ?? {},
  };
}

const NO_ENDPOINT: Endpoint = { advertiseAddress: '', bindPort: 6443 };

/** kubeadm takes the node's name from the certificate that the kubelet uses. */
function* readNode(kubeadm: Kubeadm, client: ApiClient): Sim<NodeRegistration> {
  const { disk } = kubeadm.call.machine;
  const text = disk.read(KUBELET_CONF);
  const config =
    text === null ? null : parseKubeconfig(kubeadm.call.world.documents, text, (path) => disk.read(path));
  const user = config?.client?.commonName ?? '';
  if (!user.startsWith('system:node:')) {
    const why = text === null ? `open ${KUBELET_CONF}: no such file or directory` : 'no node name in it';
    throw new KubeadmFailure(`failed to get node name from kubelet config: ${why}`);
  }
  const name = user.slice('system:node:'.length);
  let node;
  try {
    node = yield* getObject(kubeadm, client, `/api/v1/nodes/${name}`);
  } catch (error) {
    throw wrapFailure('failed to get node registration: failed to get corresponding node', error);
  }
  if (node === null) {
    const why = `failed to get corresponding node: nodes "${name}" not found`;
    throw new KubeadmFailure(`failed to get node registration: ${why}`);
  }
  const criSocket = node.metadata.annotations?.[SOCKET_ANNOTATION] ?? CRI_SOCKET;
  return {
    name,
    criSocket,
    taints: null,
    kubeletExtraArgs: [],
    ignorePreflightErrors: [],
    pullImages: true,
  };
}

function* readEndpoint(kubeadm: Kubeadm, client: ApiClient, nodeName: string): Sim<Endpoint> {
  const problem = `failed to getAPIEndpoint: could not retrieve API endpoints for node "${nodeName}" using pod annotations`;
  let pod;
  try {
    pod = yield* getObject(kubeadm, client, kubeSystem(`pods/kube-apiserver-${nodeName}`));
  } catch (error) {
    throw wrapFailure(problem, error);
  }
  const match = /^(.+):(\d+)$/.exec(pod?.metadata.annotations?.[ENDPOINT_ANNOTATION] ?? '');
  if (match === null) throw new KubeadmFailure(`${problem}: no such pod, or no annotation on it`);
  return { advertiseAddress: match[1] ?? '', bindPort: Number(match[2]) };
}

/** kube-proxy's own configuration; null in a cluster without it. Workers' kubelets may not read it. */
export function* readProxy(kubeadm: Kubeadm, client: ApiClient, allowed = true): Sim<Tree | null> {
  if (!allowed) return null;
  const found = yield* getObject(kubeadm, client, kubeSystem('configmaps/kube-proxy'));
  const text = textAt(found, 'data', 'config.conf');
  return text === null ? null : mapAt(parse(text) as unknown);
}

/** The image tag of a component's pods by node, in the order of the API. */
export function* componentVersions(
  kubeadm: Kubeadm,
  client: ApiClient,
  component: string,
): Sim<readonly (readonly [node: string, version: string])[]> {
  const path = kubeSystem(`pods?labelSelector=component%3D${component}%2Ctier%3Dcontrol-plane`);
  const outcome = yield* request(client, 'GET', path);
  if (outcome.kind !== 'ok') {
    throw new KubeadmFailure(
      `couldn't list pods of the component ${component}: ${explain(kubeadm, outcome, 'GET', path)}`,
    );
  }
  return itemsOf(outcome).map((pod) => [
    textAt(pod, 'spec', 'nodeName') ?? '',
    tagOf(textAt(pod, 'spec', 'containers', 0, 'image') ?? ''),
  ]);
}

/** `registry.k8s.io/etcd:3.5.15-0` → `3.5.15-0`. */
export function tagOf(image: string): string {
  return image.slice(image.lastIndexOf(':') + 1);
}
