/** The static pods of kube-apiserver, kube-controller-manager and kube-scheduler. */
import type { ControlPlane } from './config-model.js';
import { KUBERNETES_FOLDER, MANIFESTS_FOLDER, say, type Kubeadm } from './context.js';
import { componentImage } from './images.js';
import {
  commandLine,
  extraMounts,
  livenessProbe,
  readinessProbe,
  startupProbe,
  writeStaticPod,
  type HostMount,
  type ProbeTarget,
  type StaticPod,
} from './static-pod.js';

/** On the static pod of an API server: where that server listens. */
export const ENDPOINT_ANNOTATION = 'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint';
/** Folders with the system's certificates; only those that the machine has are mounted, besides the first. */
const CERTIFICATE_FOLDERS: readonly [string, string][] = [
  ['ca-certs', '/etc/ssl/certs'],
  ['etc-ca-certificates', '/etc/ca-certificates'],
  ['usr-local-share-ca-certificates', '/usr/local/share/ca-certificates'],
  ['usr-share-ca-certificates', '/usr/share/ca-certificates'],
];

export function writeControlPlane(kubeadm: Kubeadm, plane: ControlPlane): void {
  say(kubeadm, `[control-plane] Using manifest folder "${MANIFESTS_FOLDER}"`);
  for (const pod of controlPlanePods(kubeadm, plane)) {
    say(kubeadm, `[control-plane] Creating static Pod manifest for "${pod.name}"`);
    writeStaticPod(kubeadm, pod);
  }
}

/** In the order in which kubeadm writes and upgrades them. */
export function controlPlanePods(kubeadm: Kubeadm, plane: ControlPlane): readonly StaticPod[] {
  return [apiServer, controllerManager, scheduler].map((make) => make(kubeadm, plane));
}

function apiServer(kubeadm: Kubeadm, plane: ControlPlane): StaticPod {
  const { cluster, endpoint } = plane;
  const pki = cluster.certificatesDir;
  const at = (path: string): ProbeTarget => ({
    host: endpoint.advertiseAddress,
    port: endpoint.bindPort,
    path,
    scheme: 'HTTPS',
  });
  const defaults = {
    'advertise-address': endpoint.advertiseAddress,
    'allow-privileged': 'true',
    'authorization-mode': 'Node,RBAC',
    'client-ca-file': `${pki}/ca.crt`,
    'enable-admission-plugins': 'NodeRestriction',
    'enable-bootstrap-token-auth': 'true',
    'etcd-cafile': `${pki}/etcd/ca.crt`,
    'etcd-certfile': `${pki}/apiserver-etcd-client.crt`,
    'etcd-keyfile': `${pki}/apiserver-etcd-client.key`,
    'etcd-servers': 'https://127.0.0.1:2379',
    'kubelet-client-certificate': `${pki}/apiserver-kubelet-client.crt`,
    'kubelet-client-key': `${pki}/apiserver-kubelet-client.key`,
    'kubelet-preferred-address-types': 'InternalIP,ExternalIP,Hostname',
    'proxy-client-cert-file': `${pki}/front-proxy-client.crt`,
    'proxy-client-key-file': `${pki}/front-proxy-client.key`,
    'requestheader-allowed-names': 'front-proxy-client',
    'requestheader-client-ca-file': `${pki}/front-proxy-ca.crt`,
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-username-headers': 'X-Remote-User',
    'secure-port': String(endpoint.bindPort),
    'service-account-issuer': `https://kubernetes.default.svc.${cluster.dnsDomain}`,
    'service-account-key-file': `${pki}/sa.pub`,
    'service-account-signing-key-file': `${pki}/sa.key`,
    'service-cluster-ip-range': cluster.serviceSubnet,
    'tls-cert-file': `${pki}/apiserver.crt`,
    'tls-private-key-file': `${pki}/apiserver.key`,
  };
  return {
    name: 'kube-apiserver',
    image: componentImage(cluster, 'kube-apiserver'),
    command: commandLine(kubeadm, 'kube-apiserver', defaults, cluster.apiServer.extraArgs),
    annotations: { [ENDPOINT_ANNOTATION]: `${endpoint.advertiseAddress}:${endpoint.bindPort}` },
    cpu: '250m',
    memory: null,
    mounts: [...certificateMounts(kubeadm, plane), ...extraMounts(cluster.apiServer)],
    env: cluster.apiServer.extraEnvs,
    liveness: livenessProbe(at('/livez')),
    readiness: readinessProbe(at('/readyz')),
    startup: startupProbe(at('/livez'), plane),
  };
}

function controllerManager(kubeadm: Kubeadm, plane: ControlPlane): StaticPod {
  const { cluster } = plane;
  const pki = cluster.certificatesDir;
  const kubeconfig = `${KUBERNETES_FOLDER}/controller-manager.conf`;
  const health: ProbeTarget = { host: '127.0.0.1', port: 10_257, path: '/healthz', scheme: 'HTTPS' };
  const flexVolumes = '/usr/libexec/kubernetes/kubelet-plugins/volume/exec';
  const defaults = {
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    'bind-address': '127.0.0.1',
    'client-ca-file': `${pki}/ca.crt`,
    'cluster-name': cluster.clusterName,
    'cluster-signing-cert-file': `${pki}/ca.crt`,
    'cluster-signing-key-file': `${pki}/ca.key`,
    controllers: '*,bootstrapsigner,tokencleaner',
    kubeconfig,
    'leader-elect': 'true',
    'requestheader-client-ca-file': `${pki}/front-proxy-ca.crt`,
    'root-ca-file': `${pki}/ca.crt`,
    'service-account-private-key-file': `${pki}/sa.key`,
    'use-service-account-credentials': 'true',
    ...(cluster.podSubnet === null
      ? {}
      : {
          'allocate-node-cidrs': 'true',
          'cluster-cidr': cluster.podSubnet,
          'service-cluster-ip-range': cluster.serviceSubnet,
        }),
  };
  return {
    name: 'kube-controller-manager',
    image: componentImage(cluster, 'kube-controller-manager'),
    command: commandLine(kubeadm, 'kube-controller-manager', defaults, cluster.controllerManager.extraArgs),
    annotations: {},
    cpu: '200m',
    memory: null,
    mounts: [
      ...certificateMounts(kubeadm, plane),
      { name: 'flexvolume-dir', path: flexVolumes, type: 'DirectoryOrCreate', readOnly: false },
      kubeconfigMount(kubeconfig),
      ...extraMounts(cluster.controllerManager),
    ],
    env: cluster.controllerManager.extraEnvs,
    liveness: livenessProbe(health),
    readiness: null,
    startup: startupProbe(health, plane),
  };
}

function scheduler(kubeadm: Kubeadm, plane: ControlPlane): StaticPod {
  const { cluster } = plane;
  const kubeconfig = `${KUBERNETES_FOLDER}/scheduler.conf`;
  const at = (path: string): ProbeTarget => ({ host: '127.0.0.1', port: 10_259, path, scheme: 'HTTPS' });
  // Since 1.32 the scheduler is asked /livez and /readyz instead of /healthz.
  const alive = at(kubeadm.flavour === 31 ? '/healthz' : '/livez');
  const defaults = {
    'authentication-kubeconfig': kubeconfig,
    'authorization-kubeconfig': kubeconfig,
    'bind-address': '127.0.0.1',
    kubeconfig,
    'leader-elect': 'true',
  };
  return {
    name: 'kube-scheduler',
    image: componentImage(cluster, 'kube-scheduler'),
    command: commandLine(kubeadm, 'kube-scheduler', defaults, cluster.scheduler.extraArgs),
    annotations: {},
    cpu: '100m',
    memory: null,
    mounts: [kubeconfigMount(kubeconfig), ...extraMounts(cluster.scheduler)],
    env: cluster.scheduler.extraEnvs,
    liveness: livenessProbe(alive),
    readiness: kubeadm.flavour === 31 ? null : readinessProbe(at('/readyz')),
    startup: startupProbe(alive, plane),
  };
}

function kubeconfigMount(path: string): HostMount {
  return { name: 'kubeconfig', path, type: 'FileOrCreate', readOnly: true };
}

function certificateMounts(kubeadm: Kubeadm, plane: ControlPlane): HostMount[] {
  const { disk } = kubeadm.call.machine;
  const folders = CERTIFICATE_FOLDERS.filter(([name, path]) => name === 'ca-certs' || disk.isDirectory(path));
  return [...folders, ['k8s-certs', plane.cluster.certificatesDir] as const].map(([name, path]) => ({
    name,
    path,
    type: 'DirectoryOrCreate',
    readOnly: true,
  }));
}
