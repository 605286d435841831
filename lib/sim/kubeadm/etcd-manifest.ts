/** The static pod of a local etcd member. */
import { parseVersion } from '../../model/version.js';
import type { ControlPlane } from './config-model.js';
import { MANIFESTS_FOLDER, type Kubeadm } from './context.js';
import { etcdImage } from './images.js';
import {
  commandLine,
  livenessProbe,
  readinessProbe,
  startupProbe,
  writeStaticPod,
  type ProbeTarget,
  type StaticPod,
} from './static-pod.js';

export const CLIENT_URL_ANNOTATION = 'kubeadm.kubernetes.io/etcd.advertise-client-urls';

export interface InitialMember {
  readonly name: string;
  readonly peerUrl: string;
}

export function clientUrl(address: string): string {
  return `https://${address}:2379`;
}

export function peerUrl(address: string): string {
  return `https://${address}:2380`;
}

/** `members` is empty for the first member; a joining member is in the list itself. */
export function writeEtcdManifest(
  kubeadm: Kubeadm,
  plane: ControlPlane,
  members: readonly InitialMember[],
  folder = MANIFESTS_FOLDER,
): void {
  const { cluster, node, endpoint } = plane;
  const certificates = `${cluster.certificatesDir}/etcd`;
  const client = clientUrl(endpoint.advertiseAddress);
  const peer = peerUrl(endpoint.advertiseAddress);
  const joined = members.map((member) => `${member.name}=${member.peerUrl}`).join(',');
  const defaults = {
    'advertise-client-urls': client,
    'cert-file': `${certificates}/server.crt`,
    'client-cert-auth': 'true',
    'data-dir': cluster.etcd.dataDir,
    ...corruptionFlags(cluster.kubernetesVersion),
    'initial-advertise-peer-urls': peer,
    'initial-cluster': members.length === 0 ? `${node.name}=${peer}` : joined,
    ...(members.length === 0 ? {} : { 'initial-cluster-state': 'existing' }),
    'key-file': `${certificates}/server.key`,
    'listen-client-urls': `${clientUrl('127.0.0.1')},${client}`,
    'listen-metrics-urls': 'http://127.0.0.1:2381',
    'listen-peer-urls': peer,
    name: node.name,
    'peer-cert-file': `${certificates}/peer.crt`,
    'peer-client-cert-auth': 'true',
    'peer-key-file': `${certificates}/peer.key`,
    'peer-trusted-ca-file': `${certificates}/ca.crt`,
    'snapshot-count': '10000',
    'trusted-ca-file': `${certificates}/ca.crt`,
  };
  const at = (path: string): ProbeTarget => ({ host: '127.0.0.1', port: 2381, path, scheme: 'HTTP' });
  const pod: StaticPod = {
    name: 'etcd',
    image: etcdImage(cluster),
    command: commandLine(kubeadm, 'etcd', defaults, cluster.etcd.extraArgs),
    annotations: { [CLIENT_URL_ANNOTATION]: client },
    cpu: '100m',
    memory: '100Mi',
    mounts: [
      { name: 'etcd-certs', path: certificates, type: 'DirectoryOrCreate', readOnly: false },
      { name: 'etcd-data', path: cluster.etcd.dataDir, type: 'DirectoryOrCreate', readOnly: false },
    ],
    env: [],
    liveness: livenessProbe(at('/livez')),
    readiness: readinessProbe(at('/readyz')),
    startup: startupProbe(at('/readyz'), plane),
  };
  writeStaticPod(kubeadm, pod, folder);
}

/** etcd 3.6, which Kubernetes 1.34 brought, has no `experimental-` flags any more. */
function corruptionFlags(kubernetesVersion: string): Readonly<Record<string, string>> {
  return (parseVersion(kubernetesVersion)?.minor ?? 0) >= 34
    ? { 'feature-gates': 'InitialCorruptCheck=true', 'watch-progress-notify-interval': '5s' }
    : { 'experimental-initial-corrupt-check': 'true', 'experimental-watch-progress-notify-interval': '5s' };
}
