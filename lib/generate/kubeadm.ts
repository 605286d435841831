/**
 * kubeadm's configuration files. Flags that kubeadm refuses beside `--config` are fields here. Leaves out
 * every secret but the ones a join is given as parameters; init makes its own token and key.
 */
import { must } from '../base/errors.js';
import { controlPlanes, workers, type LabSpec, type MachineSpec } from '../model/lab.js';
import { clusterConfiguration, optional } from './kubeadm-cluster.js';
import * as shape from './kubeadm-version.js';
import { toYaml, type YamlMap } from './yaml.js';

/** The port on which every API server listens; the endpoint's port is the load balancer's or the VIP's. */
export const API_PORT = 6443;

const CRI_SOCKET = 'unix:///var/run/containerd/containerd.sock';

/** What a join must be told. Secrets: they go into one file on one machine and nowhere else. */
export interface JoinSecrets {
  /** `abcdef.0123456789abcdef`. */
  readonly token: string;
  /** `sha256:` and 64 hex digits: of the cluster's CA key. */
  readonly caCertHash: string;
}

export interface ControlPlaneJoinSecrets extends JoinSecrets {
  /** 64 hex digits: decrypts the Secret kubeadm-certs. */
  readonly certificateKey: string;
}

/** For `kubeadm init --config FILE --upload-certs` on the first control plane. */
export function initConfig(lab: LabSpec): string {
  const api = shape.kubeadmApi(lab.kubernetes.version);
  const first = must(controlPlanes(lab)[0], `the lab ${lab.name} has no control plane`);
  const kubeProxy = lab.kubernetes.cni !== 'cilium';
  return toYaml(
    {
      ...shape.header(api, 'InitConfiguration'),
      localAPIEndpoint: localEndpoint(first),
      nodeRegistration: nodeRegistration(lab, first),
      // kubeadm remembers this in the cluster as `proxy.disabled`, so no upgrade brings kube-proxy back.
      ...(kubeProxy ? {} : { skipPhases: ['addon/kube-proxy'] }),
      ...(shape.isOld(api) ? {} : { timeouts: shape.timeouts(lab) }),
    },
    clusterConfiguration(lab),
    { apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration', cgroupDriver: 'systemd' },
    ...(kubeProxy
      ? [{ apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration', mode: 'iptables' }]
      : []),
  );
}

/** For `kubeadm join --config FILE` on a further control plane. */
export function joinControlPlaneConfig(
  lab: LabSpec,
  machine: MachineSpec,
  secrets: ControlPlaneJoinSecrets,
): string {
  return toYaml({
    ...join(lab, machine, secrets),
    controlPlane: { localAPIEndpoint: localEndpoint(machine), certificateKey: secrets.certificateKey },
  });
}

/** For `kubeadm join --config FILE` on a worker. */
export function joinWorkerConfig(lab: LabSpec, machine: MachineSpec, secrets: JoinSecrets): string {
  return toYaml(join(lab, machine, secrets));
}

/**
 * For `kubeadm reset --config FILE`; null below 1.31, whose kubeadm has no such kind: `--force` is a flag
 * there.
 */
export function resetConfig(lab: LabSpec): string | null {
  const api = shape.kubeadmApi(lab.kubernetes.version);
  if (shape.isOld(api)) return null;
  return toYaml({
    ...shape.header(api, 'ResetConfiguration'),
    force: true,
    cleanupTmpDir: true,
    criSocket: CRI_SOCKET,
    timeouts: shape.timeouts(lab),
  });
}

/**
 * For `kubeadm upgrade apply|node --config FILE` of the new kubeadm; null when that is below 1.31. Without it
 * the upgraded static pods get startup probes of the default length, and a slow machine's are killed while
 * starting.
 */
export function upgradeConfig(lab: LabSpec, targetVersion: string): string | null {
  const api = shape.kubeadmApi(targetVersion);
  if (shape.isOld(api)) return null;
  // kubeadm gives its trial Job 15 s, whatever the machine, and has no setting for it.
  const checks = lab.timeScale > SLOW ? { ignorePreflightErrors: ['CreateJob'] } : {};
  return toYaml({
    ...shape.header(api, 'UpgradeConfiguration'),
    apply: { kubernetesVersion: targetVersion, ...checks },
    ...optional('plan', checks),
    timeouts: shape.timeouts(lab),
  });
}

/** From this `timeScale` on a pod that is to run and end within 15 s says nothing of the cluster. */
const SLOW = 2;

function join(lab: LabSpec, machine: MachineSpec, secrets: JoinSecrets): YamlMap {
  const api = shape.kubeadmApi(lab.kubernetes.version);
  return {
    ...shape.header(api, 'JoinConfiguration'),
    discovery: {
      bootstrapToken: {
        apiServerEndpoint: `${lab.endpoint.host}:${lab.endpoint.port}`,
        token: secrets.token,
        caCertHashes: [secrets.caCertHash],
      },
      ...(shape.isOld(api) ? { timeout: shape.discoveryTimeout(lab) } : {}),
    },
    nodeRegistration: nodeRegistration(lab, machine),
    ...(shape.isOld(api) ? {} : { timeouts: shape.timeouts(lab) }),
  };
}

/**
 * Must be said: kubeadm would take the address of the default route, which on Vagrant machines is the NAT
 * card.
 */
function localEndpoint(machine: MachineSpec): YamlMap {
  return { advertiseAddress: machine.address, bindPort: API_PORT };
}

function nodeRegistration(lab: LabSpec, machine: MachineSpec): YamlMap {
  const api = shape.kubeadmApi(lab.kubernetes.version);
  // In a lab without workers an empty list keeps kubeadm from tainting the nodes that must run everything.
  const untainted = machine.role === 'control-plane' && workers(lab).length === 0;
  return {
    name: machine.name,
    criSocket: CRI_SOCKET,
    ...(untainted ? { taints: [] } : {}),
    kubeletExtraArgs: shape.extraArgs(api, { 'node-ip': machine.address }),
  };
}
