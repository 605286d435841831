/**
 * kubeadm's configuration as the commands use it: v1beta3 and v1beta4 are both read into these shapes. External
 * etcd, patches and feature gates are left out; a file that asks for them is refused.
 */
import type { Tree } from '../tree.js';

export interface Arg {
  readonly name: string;
  readonly value: string;
}

export interface HostVolume {
  readonly name: string;
  readonly hostPath: string;
  readonly mountPath: string;
  readonly readOnly: boolean;
  readonly pathType: string;
}

/** One of the control plane's programs. */
export interface Component {
  readonly extraArgs: readonly Arg[];
  readonly extraVolumes: readonly HostVolume[];
  /** As written: `name` and `value`. */
  readonly extraEnvs: readonly Tree[];
}

export interface ClusterConfig {
  readonly kubernetesVersion: string;
  /** `host:port`; null when there is none. */
  readonly controlPlaneEndpoint: string | null;
  readonly clusterName: string;
  readonly certificatesDir: string;
  readonly imageRepository: string;
  readonly podSubnet: string | null;
  readonly serviceSubnet: string;
  readonly dnsDomain: string;
  readonly certSans: readonly string[];
  readonly apiServer: Component;
  readonly controllerManager: Component;
  readonly scheduler: Component;
  readonly etcd: {
    readonly dataDir: string;
    readonly extraArgs: readonly Arg[];
    readonly serverCertSans: readonly string[];
    readonly peerCertSans: readonly string[];
  };
  readonly proxyDisabled: boolean;
  readonly certificateLifetimeMs: number;
  readonly authorityLifetimeMs: number;
  readonly encryptionAlgorithm: string;
}

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
}

export interface NodeRegistration {
  readonly name: string;
  readonly criSocket: string;
  /** Null when the file says nothing, which means the role's own taint. */
  readonly taints: readonly Taint[] | null;
  readonly kubeletExtraArgs: readonly Arg[];
  readonly ignorePreflightErrors: readonly string[];
  readonly pullImages: boolean;
}

export interface Endpoint {
  readonly advertiseAddress: string;
  readonly bindPort: number;
}

/** All in milliseconds. */
export interface Timeouts {
  readonly controlPlaneComponentHealthCheck: number;
  readonly kubeletHealthCheck: number;
  readonly kubernetesAPICall: number;
  readonly etcdAPICall: number;
  readonly tlsBootstrap: number;
  readonly discovery: number;
  readonly upgradeManifests: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  controlPlaneComponentHealthCheck: 240_000,
  kubeletHealthCheck: 240_000,
  kubernetesAPICall: 60_000,
  etcdAPICall: 120_000,
  tlsBootstrap: 300_000,
  discovery: 300_000,
  upgradeManifests: 300_000,
};

/** What a node needs of the cluster to run its own control plane. */
export interface ControlPlane {
  readonly cluster: ClusterConfig;
  readonly node: NodeRegistration;
  readonly endpoint: Endpoint;
  readonly timeouts: Timeouts;
}

export interface TokenConfig {
  /** `abcdef.0123456789abcdef`; null for one that kubeadm makes up. */
  readonly token: string | null;
  readonly ttlMs: number;
  readonly usages: readonly string[];
  readonly groups: readonly string[];
  readonly description: string | null;
}

export interface InitConfig extends ControlPlane {
  readonly certificateKey: string | null;
  readonly tokens: readonly TokenConfig[];
  readonly skipPhases: readonly string[];
  /** The KubeletConfiguration and KubeProxyConfiguration documents of the file, as written. */
  readonly kubelet: Tree;
  readonly proxy: Tree;
}

export interface JoinConfig {
  readonly node: NodeRegistration;
  /** `host:port`. */
  readonly apiServerEndpoint: string;
  readonly token: string;
  readonly tlsBootstrapToken: string;
  readonly caCertHashes: readonly string[];
  readonly skipVerification: boolean;
  readonly controlPlane: { readonly endpoint: Endpoint; readonly certificateKey: string | null } | null;
  readonly skipPhases: readonly string[];
  readonly timeouts: Timeouts;
}

export interface ResetConfig {
  readonly force: boolean;
  readonly cleanupTmpDir: boolean;
  readonly certificatesDir: string;
  readonly ignorePreflightErrors: readonly string[];
  readonly skipPhases: readonly string[];
  readonly timeouts: Timeouts;
}
