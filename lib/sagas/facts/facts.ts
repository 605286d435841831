/**
 * What is known of a cluster at one moment, as plain data: gathered once through the machines' shells, judged by
 * pure functions, and good for a file. What could not be read is null, with a line in `reasons`.
 */
import type { PowerState } from '../../provider/provider.js';
import type { Role } from '../../model/lab.js';

export interface ClusterFacts {
  /** Lab milliseconds. */
  readonly atMs: number;
  readonly machines: readonly MachineFacts[];
  readonly nodes: readonly NodeFacts[] | null;
  /** Pods of the control plane and what image each runs. */
  readonly staticPods: readonly StaticPodFacts[] | null;
  readonly etcd: EtcdFacts | null;
  readonly kubeadm: KubeadmFacts | null;
  readonly budgets: readonly BudgetFacts[] | null;
  /** Pods that no controller would make anew. */
  readonly barePods: readonly PodName[] | null;
  /** Images of DaemonSets and Deployments. */
  readonly workloads: readonly WorkloadFacts[] | null;
  readonly reasons: readonly string[];
}

export interface MachineFacts {
  readonly name: string;
  readonly role: Role;
  readonly state: PowerState;
  /** Such as `v1.31.4`; null for a load balancer and a machine that does not answer. */
  readonly kubeadm: string | null;
  readonly freeBytes: number | null;
  /** Control planes only: certificates by kubeadm's names. */
  readonly certificates: readonly CertificateFacts[] | null;
  /** Control planes only: SHA-256 of each manifest in the kubelet's folder, by file name without `.yaml`. */
  readonly manifests: Readonly<Record<string, string>> | null;
  /** Control planes of a lab with kube-vip only: does its manifest still mount super-admin.conf? */
  readonly mountsSuperAdmin: boolean | null;
}

export interface CertificateFacts {
  readonly name: string;
  /** As kubeadm prints it: `364d`, `9y`, `<invalid>`. */
  readonly residual: string;
  readonly hoursLeft: number;
}

export interface NodeFacts {
  readonly name: string;
  readonly ready: boolean;
  /** The kubelet's. */
  readonly version: string;
  readonly schedulable: boolean;
  readonly controlPlane: boolean;
}

export interface StaticPodFacts {
  readonly node: string;
  /** Such as `kube-apiserver`. */
  readonly component: string;
  readonly image: string;
  readonly running: boolean;
}

export interface EtcdFacts {
  readonly members: readonly EtcdMemberFacts[];
  /** Size of the database in bytes, the largest of the members'; null when nobody said. */
  readonly dbBytes: number | null;
}

export interface EtcdMemberFacts {
  readonly name: string;
  readonly learner: boolean;
  /** Answers a linearizable read. */
  readonly healthy: boolean;
}

export interface KubeadmFacts {
  /** `kubernetesVersion` of the ConfigMap kubeadm-config. */
  readonly version: string;
  /** Such as `kubeadm.k8s.io/v1beta4`. */
  readonly api: string;
}

export interface PodName {
  readonly namespace: string;
  readonly name: string;
  readonly node: string | null;
}

export interface BudgetFacts {
  readonly namespace: string;
  readonly name: string;
  readonly minAvailable: string | null;
  readonly maxUnavailable: string | null;
  readonly expectedPods: number;
  readonly currentHealthy: number;
  readonly desiredHealthy: number;
  readonly disruptionsAllowed: number;
  /** Names of the pods that it covers now. */
  readonly pods: readonly string[];
}

export interface WorkloadFacts {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly images: readonly string[];
}

export type FindingSeverity = 'error' | 'warning' | 'note';

/** One thing to know of a cluster, or before an operation on it. */
export interface ClusterFinding {
  readonly code: string;
  readonly severity: FindingSeverity;
  /** What was found here. */
  readonly message: string;
  readonly remedy: string;
  /** Why it matters, wherever it is found. */
  readonly explanation: string;
  /** Where more can be read. */
  readonly reference: string;
}

/** `registry.k8s.io/etcd:3.5.15-0` → `3.5.15-0`; empty for an image without a tag. */
export function tagOf(image: string): string {
  const name = image.split('@')[0] ?? image;
  const cut = name.lastIndexOf(':');
  return cut > name.lastIndexOf('/') ? name.slice(cut + 1) : '';
}
