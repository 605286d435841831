/**
 * The inventory of a cluster: what a rehearsal on a copy needs to know of it beside the lab's own plan. Null is what
 * could not be read; the copy has what a new lab has then.
 */
import type { Role } from './lab.js';

export const INVENTORY_API = 'homelab/v1';

export const INVENTORY_STATES = ['absent', 'off', 'booting', 'running', 'paused'] as const;

export interface InventoryMachine {
  readonly name: string;
  readonly role: Role;
  readonly state: (typeof INVENTORY_STATES)[number];
  /** Of a node: its kubelet's version, such as `v1.31.4`. */
  readonly kubelet: string | null;
  /** Of a control plane: its API server's. */
  readonly apiServer: string | null;
  readonly schedulable: boolean | null;
  /** Of a control plane: hours until the first of its certificates ends; negative when one has. */
  readonly certificateHours: number | null;
}

export const WORKLOAD_KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'Pod'] as const;

/** What runs pods, or a pod that nobody would make anew. Those of Kubernetes and of add-ons are left out. */
export interface InventoryWorkload {
  readonly kind: (typeof WORKLOAD_KINDS)[number];
  readonly namespace: string;
  readonly name: string;
  readonly replicas: number;
  /** Of its pods, each as `key=value`. */
  readonly labels: readonly string[];
  readonly images: readonly string[];
  /** How long its pods may take to end. */
  readonly graceSeconds: number;
}

export interface InventoryBudget {
  readonly namespace: string;
  readonly name: string;
  /** As written: `1` or `50%`. */
  readonly minAvailable: string | null;
  readonly maxUnavailable: string | null;
  /** Of the pods it covers, each as `key=value`. */
  readonly labels: readonly string[];
}

export interface Inventory {
  readonly apiVersion: typeof INVENTORY_API;
  readonly kind: 'Inventory';
  readonly lab: string;
  readonly machines: readonly InventoryMachine[];
  readonly etcdBytes: number | null;
  readonly workloads: readonly InventoryWorkload[] | null;
  readonly budgets: readonly InventoryBudget[] | null;
  /** Why something is null, and what of the cluster has no place here. */
  readonly reasons: readonly string[];
}
