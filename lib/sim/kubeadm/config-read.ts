/** Documents of kubeadm's configuration as the model, with kubeadm's defaults filled in. */
import { TOKEN_GROUP } from '../bootstrap-token.js';
import { at, listAt, mapAt, numberAt, textAt, textsAt, type Tree } from '../tree.js';
import { YEAR_MS } from '../pki.js';
import {
  DEFAULT_TIMEOUTS,
  type Arg,
  type ClusterConfig,
  type Component,
  type Endpoint,
  type HostVolume,
  type JoinConfig,
  type NodeRegistration,
  type ResetConfig,
  type Taint,
  type Timeouts,
  type TokenConfig,
} from './config-model.js';
import { ADMIN_CONF, CRI_SOCKET, parseGoDuration, type Kubeadm } from './context.js';

export const PKI_FOLDER = '/etc/kubernetes/pki';
const DEFAULT_SERVICE_SUBNET = '10.96.0.0/12';
const DAY_MS = 86_400_000;

export function readCluster(tree: Tree, version: string): ClusterConfig {
  const local = mapAt(tree, 'etcd', 'local');
  const period = (key: string, fallback: number): number =>
    parseGoDuration(textAt(tree, key) ?? '') ?? fallback;
  return {
    kubernetesVersion: version,
    controlPlaneEndpoint: withPort(textAt(tree, 'controlPlaneEndpoint')),
    clusterName: textAt(tree, 'clusterName') ?? 'kubernetes',
    certificatesDir: textAt(tree, 'certificatesDir') ?? PKI_FOLDER,
    imageRepository: textAt(tree, 'imageRepository') ?? 'registry.k8s.io',
    podSubnet: textAt(tree, 'networking', 'podSubnet') || null,
    serviceSubnet: textAt(tree, 'networking', 'serviceSubnet') || DEFAULT_SERVICE_SUBNET,
    dnsDomain: textAt(tree, 'networking', 'dnsDomain') || 'cluster.local',
    certSans: textsAt(tree, 'apiServer', 'certSANs'),
    apiServer: readComponent(mapAt(tree, 'apiServer')),
    controllerManager: readComponent(mapAt(tree, 'controllerManager')),
    scheduler: readComponent(mapAt(tree, 'scheduler')),
    etcd: {
      dataDir: textAt(local, 'dataDir') ?? '/var/lib/etcd',
      extraArgs: readArgs(local['extraArgs']),
      serverCertSans: textsAt(local, 'serverCertSANs'),
      peerCertSans: textsAt(local, 'peerCertSANs'),
    },
    proxyDisabled: at(tree, 'proxy', 'disabled') === true,
    certificateLifetimeMs: period('certificateValidityPeriod', YEAR_MS),
    authorityLifetimeMs: period('caCertificateValidityPeriod', 10 * YEAR_MS),
    encryptionAlgorithm: textAt(tree, 'encryptionAlgorithm') ?? 'RSA-2048',
  };
}

/** A map of v1beta3 or a list of v1beta4. */
export function readArgs(value: unknown): readonly Arg[] {
  if (Array.isArray(value)) {
    return value.map((item) => ({ name: textAt(item, 'name') ?? '', value: textAt(item, 'value') ?? '' }));
  }
  return Object.entries(mapAt(value)).map(([name, text]) => ({ name, value: String(text) }));
}

function readComponent(tree: Tree): Component {
  return {
    extraArgs: readArgs(tree['extraArgs']),
    extraVolumes: listAt(tree, 'extraVolumes').map(readVolume),
    extraEnvs: listAt(tree, 'extraEnvs').map((item) => mapAt(item)),
  };
}

function readVolume(value: unknown): HostVolume {
  return {
    name: textAt(value, 'name') ?? '',
    hostPath: textAt(value, 'hostPath') ?? '',
    mountPath: textAt(value, 'mountPath') ?? '',
    readOnly: at(value, 'readOnly') === true,
    pathType: textAt(value, 'pathType') ?? '',
  };
}

export function readNode(kubeadm: Kubeadm, tree: Tree): NodeRegistration {
  const taints = tree['taints'];
  return {
    name: (textAt(tree, 'name') || hostName(kubeadm)).trim().toLowerCase(),
    criSocket: textAt(tree, 'criSocket') || CRI_SOCKET,
    taints: Array.isArray(taints) ? taints.map(readTaint) : null,
    kubeletExtraArgs: readArgs(tree['kubeletExtraArgs']),
    ignorePreflightErrors: textsAt(tree, 'ignorePreflightErrors'),
    pullImages: textAt(tree, 'imagePullPolicy') !== 'Never',
  };
}

function hostName(kubeadm: Kubeadm): string {
  return (kubeadm.call.machine.disk.read('/etc/hostname') ?? kubeadm.call.machine.name).trim();
}

function readTaint(value: unknown): Taint {
  const text = textAt(value, 'value');
  return {
    key: textAt(value, 'key') ?? '',
    effect: textAt(value, 'effect') ?? '',
    ...(text === null || text === '' ? {} : { value: text }),
  };
}

/**
 * Where the node's own API server listens. kubeadm takes the address of the default route when told nothing; the
 * machines' NAT card, which carries it, has no address in the simulated world, so the lab address is taken.
 */
export function readEndpoint(kubeadm: Kubeadm, tree: Tree): Endpoint {
  return {
    advertiseAddress: textAt(tree, 'advertiseAddress') || kubeadm.call.machine.options.address,
    bindPort: numberAt(tree, 'bindPort') || 6443,
  };
}

/** v1beta4's `timeouts`; v1beta3 can say only two of them, elsewhere. */
export function readTimeouts(
  tree: Tree,
  old: { readonly apiServer?: unknown; readonly discovery?: unknown },
): Timeouts {
  const own = mapAt(tree, 'timeouts');
  const read = (value: unknown): number | null => (typeof value === 'string' ? parseGoDuration(value) : null);
  const field = (name: keyof Timeouts, ofOld?: unknown): number =>
    read(ofOld) ?? read(own[name]) ?? DEFAULT_TIMEOUTS[name];
  return {
    controlPlaneComponentHealthCheck: field('controlPlaneComponentHealthCheck', old.apiServer),
    kubeletHealthCheck: field('kubeletHealthCheck'),
    kubernetesAPICall: field('kubernetesAPICall'),
    etcdAPICall: field('etcdAPICall'),
    tlsBootstrap: field('tlsBootstrap'),
    discovery: field('discovery', old.discovery),
    upgradeManifests: field('upgradeManifests'),
  };
}

export function readToken(value: unknown): TokenConfig {
  const usages = textsAt(value, 'usages');
  const groups = textsAt(value, 'groups');
  return {
    token: textAt(value, 'token'),
    ttlMs: parseGoDuration(textAt(value, 'ttl') ?? '') ?? DAY_MS,
    usages: usages.length > 0 ? usages : ['signing', 'authentication'],
    groups: groups.length > 0 ? groups : [TOKEN_GROUP],
    description: textAt(value, 'description'),
  };
}

export function readJoin(kubeadm: Kubeadm, tree: Tree): JoinConfig {
  const discovery = mapAt(tree, 'discovery');
  const bootstrap = mapAt(discovery, 'bootstrapToken');
  const token = textAt(bootstrap, 'token') ?? '';
  const controlPlane = at(tree, 'controlPlane') === undefined ? null : mapAt(tree, 'controlPlane');
  return {
    node: readNode(kubeadm, mapAt(tree, 'nodeRegistration')),
    apiServerEndpoint: textAt(bootstrap, 'apiServerEndpoint') ?? '',
    token,
    tlsBootstrapToken: textAt(discovery, 'tlsBootstrapToken') ?? token,
    caCertHashes: textsAt(bootstrap, 'caCertHashes'),
    skipVerification: at(bootstrap, 'unsafeSkipCAVerification') === true,
    controlPlane:
      controlPlane === null
        ? null
        : {
            endpoint: readEndpoint(kubeadm, mapAt(controlPlane, 'localAPIEndpoint')),
            certificateKey: textAt(controlPlane, 'certificateKey'),
          },
    skipPhases: textsAt(tree, 'skipPhases'),
    timeouts: readTimeouts(tree, { discovery: discovery['timeout'] }),
  };
}

export function readReset(tree: Tree): ResetConfig {
  return {
    force: at(tree, 'force') === true,
    cleanupTmpDir: at(tree, 'cleanupTmpDir') === true,
    certificatesDir: textAt(tree, 'certificatesDir') ?? PKI_FOLDER,
    ignorePreflightErrors: textsAt(tree, 'ignorePreflightErrors'),
    skipPhases: textsAt(tree, 'skipPhases'),
    timeouts: readTimeouts(tree, {}),
  };
}

/** kubeadm completes an endpoint without a port by the API's own. */
function withPort(endpoint: string | null): string | null {
  if (endpoint === null || endpoint === '') return null;
  return /:\d+$/.test(endpoint) ? endpoint : `${endpoint}:6443`;
}

/** `https://host:port` of the whole cluster, or of the node where there is no stable endpoint. */
export function clusterServer(cluster: ClusterConfig, endpoint: Endpoint): string {
  return `https://${cluster.controlPlaneEndpoint ?? `${endpoint.advertiseAddress}:${endpoint.bindPort}`}`;
}

/** kubectl's order of kubeconfigs, for the commands that take `--kubeconfig`. */
export function kubeconfigPath(kubeadm: Kubeadm, flag: string | null): string {
  if (flag !== null) return flag;
  const fromEnv = kubeadm.call.env['KUBECONFIG'];
  if (fromEnv !== undefined && fromEnv !== '') return fromEnv;
  return kubeadm.call.machine.disk.isFile('/root/.kube/config') ? '/root/.kube/config' : ADMIN_CONF;
}
