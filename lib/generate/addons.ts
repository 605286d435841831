/**
 * CNI, CSI and ingress as Helm releases with pinned charts. A lab with a bundle applies the bundle's
 * manifests instead, by the names here. Leaves out the `bridge` CNI, which is files and routes and no chart,
 * and `none`.
 */
import { workers, type LabSpec } from '../model/lab.js';
import { toYaml, type YamlMap } from './yaml.js';

export type Addon = 'cilium' | 'flannel' | 'longhorn' | 'ingress-nginx';

export interface AddonRelease {
  readonly addon: Addon;
  /** CNIs go in while the first control plane is the only node; the rest when all workers are Ready. */
  readonly phase: 'cni' | 'csi' | 'ingress';
  readonly name: string;
  readonly namespace: string;
  readonly chart: string;
  readonly repo: string;
  readonly version: string;
  /** YAML for `helm --values`. */
  readonly values: string;
  /** The manifest that a bundle brings for it, in `common/manifests/`: the name used in the configuration. */
  readonly manifest: string;
}

/** What the lab's configuration asks for, in the order in which it is put in. */
export function addonReleases(lab: LabSpec): readonly AddonRelease[] {
  const { cni, csi, ingress } = lab.kubernetes;
  const wanted: readonly Addon[] = [
    ...(cni === 'cilium' || cni === 'flannel' ? [cni] : []),
    ...(csi === 'longhorn' ? [csi] : []),
    ...(ingress === 'nginx' ? (['ingress-nginx'] as const) : []),
  ];
  return wanted.map((addon) => addonRelease(lab, addon));
}

/**
 * Pinned, so that a rehearsal is the same next month. Cilium's makers test 1.18 with Kubernetes 1.30 to 1.33;
 * Longhorn asks for 1.25 or later.
 */
export function addonRelease(lab: LabSpec, addon: Addon): AddonRelease {
  switch (addon) {
    case 'cilium':
      return {
        ...{
          addon,
          phase: 'cni',
          name: 'cilium',
          namespace: 'kube-system',
          chart: 'cilium',
          manifest: 'cilium.yaml',
        },
        ...{ repo: 'https://helm.cilium.io/', version: '1.18.14', values: toYaml(ciliumValues(lab)) },
      };
    case 'flannel':
      return {
        ...{ addon, phase: 'cni', name: 'flannel', namespace: 'kube-flannel', chart: 'flannel' },
        ...{ repo: 'https://flannel-io.github.io/flannel/', version: 'v0.27.4', manifest: 'flannel.yaml' },
        values: toYaml(flannelValues(lab)),
      };
    case 'longhorn':
      return {
        ...{ addon, phase: 'csi', name: 'longhorn', namespace: 'longhorn-system', chart: 'longhorn' },
        ...{ repo: 'https://charts.longhorn.io', version: '1.8.1', manifest: 'longhorn.yaml' },
        values: toYaml(longhornValues(lab)),
      };
    case 'ingress-nginx':
      return {
        ...{
          addon,
          phase: 'ingress',
          name: 'ingress-nginx',
          namespace: 'ingress-nginx',
          chart: 'ingress-nginx',
        },
        ...{ repo: 'https://kubernetes.github.io/ingress-nginx', version: '4.13.3', manifest: 'nginx.yaml' },
        values: toYaml(ingressNginxValues()),
      };
  }
}

/** How many nodes run ordinary pods: the workers, or every node where no control plane is tainted. */
function workloadNodes(lab: LabSpec): number {
  const count = workers(lab).length;
  return count > 0 ? count : lab.machines.filter((machine) => machine.role === 'control-plane').length;
}

function ciliumValues(lab: LabSpec): YamlMap {
  const nodes = lab.machines.filter((machine) => machine.role !== 'load-balancer').length;
  return {
    kubeProxyReplacement: true,
    // Without kube-proxy nothing serves the `kubernetes` Service yet, so the agents need the real address.
    k8sServiceHost: lab.endpoint.address,
    k8sServicePort: lab.endpoint.port,
    // The default, cluster-pool, takes 10.0.0.0/8 and knows nothing of the pod subnet.
    ipam: { mode: 'kubernetes' },
    // The operator's replicas repel each other: a second one on a single node stays Pending for ever.
    operator: { replicas: Math.min(2, nodes) },
  };
}

function flannelValues(lab: LabSpec): YamlMap {
  return {
    podCidr: lab.kubernetes.podSubnet,
    // Without --iface flannel takes the interface of the default route, which on Vagrant machines is the NAT
    // card.
    flannel: { args: ['--ip-masq', '--kube-subnet-mgr', `--iface=${lab.network.interface}`] },
  };
}

function longhornValues(lab: LabSpec): YamlMap {
  // A volume with more replicas than nodes stays degraded, and sidecars beyond the nodes only cost memory.
  const replicas = Math.min(3, workloadNodes(lab));
  return {
    defaultSettings: { defaultReplicaCount: replicas },
    persistence: { defaultClass: true, defaultClassReplicaCount: replicas },
    csi: {
      attacherReplicaCount: replicas,
      provisionerReplicaCount: replicas,
      resizerReplicaCount: replicas,
      snapshotterReplicaCount: replicas,
    },
    longhornUI: { replicas: 1 },
  };
}

/**
 * No one answers for Services of type LoadBalancer, so the controller takes ports 80 and 443 of each node.
 */
function ingressNginxValues(): YamlMap {
  return {
    controller: {
      kind: 'DaemonSet',
      hostPort: { enabled: true },
      service: { type: 'ClusterIP' },
      // The Ingress' status then shows the nodes' addresses and not the Service's.
      publishService: { enabled: false },
      reportNodeInternalIp: true,
      ingressClassResource: { default: true },
    },
  };
}
