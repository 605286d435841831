/**
 * What a lab is, resolved: the frozen plain data that generators, providers and sagas read. The configuration
 * folder makes it, nothing changes it afterwards, and it holds no secret.
 */

export type ProviderName = 'sim' | 'libvirt';
export type Role = 'control-plane' | 'worker' | 'load-balancer';
export type TopologyKind = 'single' | 'multi' | 'ha';
export type VipProvider = 'kube-vip' | 'haproxy';
export type Cni = 'cilium' | 'flannel' | 'bridge' | 'none';
export type Csi = 'longhorn' | 'none';
export type Ingress = 'nginx' | 'none';
/**
 * What runs the virtual machines; `auto` is KVM where the host can run a guest with it, and else software
 * emulation.
 */
export type Driver = 'auto' | 'kvm' | 'qemu';

/** A machine as it is wanted. How it is observed is `MachineState` in the provider contract. */
export interface MachineSpec {
  /** Host name and node name, such as `stage-cp-1`. */
  readonly name: string;
  readonly role: Role;
  readonly cpus: number;
  readonly memoryMiB: number;
  /** IPv4 address on the lab network. */
  readonly address: string;
}

/**
 * The timers of a Kubernetes Lease as kube-vip is given them, in whole seconds. Final: the resolver has stretched
 * defaults by `timeScale` already, and generators print the numbers as they are.
 */
export interface LeaseSpec {
  readonly durationSeconds: number;
  readonly renewDeadlineSeconds: number;
  readonly retryPeriodSeconds: number;
  /** False when the values come from defaults, which were stretched by `timeScale`; explicit ones never are. */
  readonly explicit: boolean;
}

export interface VipSpec {
  readonly address: string;
  readonly provider: VipProvider;
  readonly lease: LeaseSpec;
  /** Such as `v1.0.4`; what the kube-vip image is tagged with. */
  readonly kubeVipVersion: string;
}

export interface KubernetesSpec {
  readonly distribution: 'kubeadm';
  /** With the leading v and a patch number: `v1.31.4`. */
  readonly version: string;
  readonly cni: Cni;
  readonly csi: Csi;
  readonly ingress: Ingress;
  readonly podSubnet: string;
  readonly serviceSubnet: string;
  /** Further names and addresses for the API server's certificate, beside those that kubeadm adds. */
  readonly apiSans: readonly string[];
}

/** Where clients reach the API: `host:6443`, the VIP, a name resolving to it, or the only control plane. */
export interface EndpointSpec {
  readonly host: string;
  readonly port: number;
  /** The address that `host` stands for; equal to `host` when that is an address. */
  readonly address: string;
}

export interface LabNetwork {
  /** CIDR of the lab network, such as `192.168.62.0/24`. */
  readonly cidr: string;
  readonly prefixLength: number;
  /** The address of the operator's workstation on it: the first of the network. */
  readonly hostAddress: string;
  /** CIDR of the network by which real machines are reached and reach the internet: their first interface. */
  readonly managementCidr: string;
  /** The guests' interface on it, such as `eth1`. */
  readonly interface: string;
}

export interface Budget {
  readonly cpus: number;
  readonly memoryMiB: number;
}

/** What the node image is built from, and how the build reaches it. */
export interface ImageSpec {
  /** Address of a bootable Debian image, or its path relative to the configuration. */
  readonly base: string;
  /** Of the base image, with its kind: `sha512:…` or `sha256:…`. */
  readonly checksum: string;
  /** A user of the base image with sudo; cloud-init makes it where there is cloud-init. */
  readonly sshUser: string;
  /** Path of that user's private key; null means one made for each build and handed over by cloud-init. */
  readonly sshKey: string | null;
}

export interface LabSpec {
  readonly name: string;
  readonly provider: ProviderName;
  /** `k8s-single`, `k8s-multi`, `k8s-ha`, or the name in a topology file of the user's own. */
  readonly topology: string;
  readonly kubernetes: KubernetesSpec;
  /** Null for labs with one control plane and no floating address. */
  readonly vip: VipSpec | null;
  readonly endpoint: EndpointSpec;
  readonly network: LabNetwork;
  readonly machines: readonly MachineSpec[];
  /** What the machines may take together: `vos` of the configuration. */
  readonly budget: Budget;
  /** `api.<name>.<tld>` when `acme` is configured: a SAN and a line in the machines' hosts files. */
  readonly apiName: string | null;
  /** How many times slower these machines are than the simulator's timing table; 1 is a plain SSD workstation. */
  readonly timeScale: number;
  /** How many workers join at once; control planes always join one at a time. */
  readonly parallelJoins: number;
  /** How many workers an upgrade may take away at once; control planes always go one at a time. */
  readonly maxUnavailable: number;
  /** Vagrant box of the machines; null means the node image that homelab builds. */
  readonly box: string | null;
  readonly image: ImageSpec;
  /** `vos.driver`: read by the libvirt provider only. */
  readonly driver: Driver;
  /** Folder of an offline bundle; null means the network. */
  readonly bundle: string | null;
}

export function controlPlanes(lab: LabSpec): readonly MachineSpec[] {
  return lab.machines.filter((machine) => machine.role === 'control-plane');
}

export function workers(lab: LabSpec): readonly MachineSpec[] {
  return lab.machines.filter((machine) => machine.role === 'worker');
}

export function loadBalancers(lab: LabSpec): readonly MachineSpec[] {
  return lab.machines.filter((machine) => machine.role === 'load-balancer');
}
