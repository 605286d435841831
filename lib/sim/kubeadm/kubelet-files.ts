/** The kubelet's configuration, its flags, and starting it. */
import { stringify } from 'yaml';
import { mapAt, type Tree } from '../tree.js';
import type { Sim } from '../task.js';
import { installedVersion } from '../image.js';
import type { ClusterConfig, NodeRegistration } from './config-model.js';
import { save, KUBELET_FOLDER, MANIFESTS_FOLDER, say, type Kubeadm } from './context.js';
import { pauseImage } from './images.js';
import { addressInSubnet } from './pki-files.js';

export const KUBELET_CONFIG = `${KUBELET_FOLDER}/config.yaml`;
export const KUBELET_FLAGS = `${KUBELET_FOLDER}/kubeadm-flags.env`;

/** The KubeletConfiguration that kubeadm completes and stores in the cluster, as YAML with sorted keys. */
export function kubeletConfiguration(kubeadm: Kubeadm, cluster: ClusterConfig, own: Tree): string {
  const zero = '0s';
  const authentication = mapAt(own, 'authentication');
  const defaults = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    authentication: {
      anonymous: { enabled: false, ...mapAt(authentication, 'anonymous') },
      webhook: { cacheTTL: zero, enabled: true, ...mapAt(authentication, 'webhook') },
      x509: { clientCAFile: `${cluster.certificatesDir}/ca.crt`, ...mapAt(authentication, 'x509') },
    },
    authorization: { mode: 'Webhook', webhook: { cacheAuthorizedTTL: zero, cacheUnauthorizedTTL: zero } },
    cgroupDriver: 'systemd',
    clusterDNS: [addressInSubnet(cluster.serviceSubnet, 10)],
    clusterDomain: cluster.dnsDomain,
    containerRuntimeEndpoint: '',
    cpuManagerReconcilePeriod: zero,
    ...(kubeadm.flavour === 31 ? {} : { crashLoopBackOff: {} }),
    evictionPressureTransitionPeriod: zero,
    fileCheckFrequency: zero,
    healthzBindAddress: '127.0.0.1',
    healthzPort: 10_248,
    httpCheckFrequency: zero,
    imageMaximumGCAge: zero,
    imageMinimumGCAge: zero,
    kind: 'KubeletConfiguration',
    logging: {
      flushFrequency: 0,
      options: { json: { infoBufferSize: '0' }, text: { infoBufferSize: '0' } },
      verbosity: 0,
    },
    memorySwap: {},
    nodeStatusReportFrequency: zero,
    nodeStatusUpdateFrequency: zero,
    rotateCertificates: true,
    runtimeRequestTimeout: zero,
    shutdownGracePeriod: zero,
    shutdownGracePeriodCriticalPods: zero,
    staticPodPath: MANIFESTS_FOLDER,
    streamingConnectionIdleTimeout: zero,
    syncFrequency: zero,
    volumeStatsAggPeriod: zero,
  };
  return stringify({ ...defaults, ...own, authentication: defaults.authentication }, YAML_STYLE);
}

const YAML_STYLE = { sortMapEntries: true, lineWidth: 0 } as const;

export function writeKubeletConfig(kubeadm: Kubeadm, text: string): void {
  const { disk } = kubeadm.call.machine;
  say(kubeadm, `[kubelet-start] Writing kubelet configuration to file "${KUBELET_CONFIG}"`);
  disk.makeDirectories(KUBELET_FOLDER);
  save(kubeadm, KUBELET_CONFIG, text);
}

/** The pod infrastructure image is a flag of the kubelet up to 1.34. */
export function writeKubeletFlags(kubeadm: Kubeadm, cluster: ClusterConfig, node: NodeRegistration): void {
  const { version } = kubeadm;
  const { machine } = kubeadm.call;
  machine.disk.makeDirectories(KUBELET_FOLDER);
  say(kubeadm, `[kubelet-start] Writing kubelet environment file with flags to file "${KUBELET_FLAGS}"`);
  const flags: Record<string, string> = { 'container-runtime-endpoint': node.criSocket };
  if (version.minor <= 34) flags['pod-infra-container-image'] = pauseImage(cluster);
  const hostName = (machine.disk.read('/etc/hostname') ?? machine.name).trim().toLowerCase();
  if (hostName !== node.name) flags['hostname-override'] = node.name;
  for (const { name, value } of node.kubeletExtraArgs) flags[name] = value;
  const words = Object.entries(flags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `--${name}=${value}`);
  save(kubeadm, KUBELET_FLAGS, `KUBELET_KUBEADM_ARGS="${words.join(' ')}"\n`);
}

export function* stopKubelet(kubeadm: Kubeadm): Sim<void> {
  yield* kubeadm.call.machine.units.stop('kubelet');
}

export function startKubelet(kubeadm: Kubeadm): void {
  say(kubeadm, '[kubelet-start] Starting the kubelet');
  kubeadm.call.machine.units.start('kubelet');
}

export function kubeletVersion(kubeadm: Kubeadm): string | null {
  return installedVersion(kubeadm.call.machine, 'kubelet');
}
