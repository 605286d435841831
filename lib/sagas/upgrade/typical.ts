/**
 * How long the parts of an upgrade usually take, in milliseconds on machines with 2 vCPU, 4 GiB and an SSD: shown by
 * plans, never waited for. Multiplied by the lab's `timeScale` where it is shown. Estimates, but for the gate's five
 * seconds, which are etcd's own.
 */
import type { Upgrade } from '../upgrade.js';

export const TYPICAL = {
  preflight: 5_000,
  snapshot: 1_000,
  /** Fetching the list of one repository. */
  source: 5_000,
  /** Fetching and unpacking one package of some 12 MB. */
  kubeadmPackage: 7_000,
  /** One archive of a bundle sent and unpacked. */
  imageUnpack: 5_000,
  upgradePlan: 6_000,
  upgradeApply: 110_000,
  upgradeControlPlane: 90_000,
  upgradeWorker: 3_000,
  drain: 35_000,
  /** Packages, restart, and the Node Ready at its new version. */
  kubelet: 30_000,
  /** Five seconds without a change, and the questions before them. */
  gate: 6_000,
  /** The kubelet makes the static pods anew first. */
  gateAfterKubelet: 38_000,
  uncordon: 500,
  addons: 2_000,
  kubeVip: 1_000,
  prune: 500,
  verify: 3_000,
  /** The last worker's kubelet has ended every pod of its node; the agent of a CNI is the last that is ready again. */
  verifyAgents: 30_000,
  record: 0,
} as const;

/** From a bundle nothing is fetched: programs are copied, and the images are there when kubeadm asks for them. */
const BUNDLED = {
  source: 0,
  kubeadmPackage: 500,
  upgradeApply: 70_000,
  upgradeControlPlane: 62_000,
  kubelet: 10_000,
};

export function typicalOf({ input }: Pick<Upgrade, 'input'>): Readonly<Record<keyof typeof TYPICAL, number>> {
  return input.bundle === null ? TYPICAL : { ...TYPICAL, ...BUNDLED };
}
