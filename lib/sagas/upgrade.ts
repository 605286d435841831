/**
 * The upgrade of a cluster to another version: a copy of etcd first, the first control plane, the others one at a
 * time, the workers a few at a time, and a look at everything in the end. `kubeadm upgrade apply` on the first
 * control plane is the pivot. One line a stage; the steps are in upgrade/.
 */
import type { Saga, Stage, Step } from '../engine/saga.js';
import { controlPlanes, workers, type LabSpec, type MachineSpec } from '../model/lab.js';
import type { SagaPorts } from './ports.js';
import { addonsUpgraded } from './upgrade/addons.js';
import { applyUpgrade } from './upgrade/apply.js';
import { importImages, type BundleUse } from './upgrade/bundle.js';
import { drainNode, uncordonNode } from './upgrade/drain.js';
import { wholeAgain } from './upgrade/gate.js';
import { newKubelet } from './upgrade/kubelet.js';
import { kubeVipSteady } from './upgrade/kube-vip.js';
import { installKubeadm, switchSource } from './upgrade/packages.js';
import { planWithKubeadm } from './upgrade/kubeadm.js';
import { preflight } from './upgrade/preflight.js';
import { pruneBackups } from './upgrade/prune.js';
import { recordVersion } from './upgrade/record.js';
import { saveSnapshot } from './upgrade/snapshot.js';
import { upgradeControlPlane } from './upgrade/upgrade-node.js';
import { everythingUpgraded } from './upgrade/verify.js';
import { upgradeWorker } from './upgrade/worker.js';

/** Recorded with the saga: plain data, no secret. */
export interface UpgradeInput {
  /** Such as `v1.31.4`. */
  readonly from: string;
  readonly to: string;
  /** How many workers may be away at once. */
  readonly maxUnavailable: number;
  /** How long one drain waits for budgets and for pods that end slowly. */
  readonly drainTimeoutMs: number;
  /** Name of the copy of etcd in the lab's folder, without its ending. */
  readonly snapshot: string;
  /** Nodes that somebody had cordoned before: they stay so. */
  readonly cordoned: readonly string[];
  /** SHA-256 of the first control plane's manifests before, by component: what "nothing has changed" means. */
  readonly manifests: Readonly<Record<string, string>>;
  /** The files of the lab's bundle that machines get; null when they come from the network. */
  readonly bundle: BundleUse | null;
}

/** What every step of this saga is made from. */
export interface Upgrade {
  readonly lab: LabSpec;
  readonly input: UpgradeInput;
  readonly ports: SagaPorts;
}

export const UPGRADE = 'upgrade';

export function upgradeSaga(lab: LabSpec, input: UpgradeInput, ports: SagaPorts): Saga {
  return { name: UPGRADE, lab: lab.name, input, stages: plan({ lab, input, ports }) };
}

function plan(upgrade: Upgrade): readonly Stage[] {
  const { lab, input } = upgrade;
  const [first, ...further] = controlPlanes(lab);
  if (first === undefined) return [];
  const usesKubeVip = lab.vip?.provider === 'kube-vip';
  const stages: readonly Stage[] = [
    inOrder('preflight', 'Is everything as an upgrade needs it?', [preflight(upgrade)]),
    inOrder('snapshot', 'A copy of etcd', [saveSnapshot(upgrade)]),
    inOrder(
      'images',
      'Images out of the bundle',
      bundled(lab, input, (one) => importImages(upgrade, one)),
    ),
    inOrder(`prepare-${first.name}`, `kubeadm ${input.to} on ${first.name}`, [
      ...source(upgrade, first, 'compensable'),
      installKubeadm(upgrade, first, 'compensable'),
      planWithKubeadm(upgrade, first),
    ]),
    inOrder('apply', `The control plane of ${first.name}`, [applyUpgrade(upgrade, first)]),
    inOrder(first.name, `The kubelet of ${first.name}`, nodeSteps(upgrade, first)),
    // One at a time: each takes an etcd member and an API server down.
    ...further.map((machine) =>
      inOrder(machine.name, `Control plane ${machine.name}`, [
        ...source(upgrade, machine, 'retriable'),
        installKubeadm(upgrade, machine, 'retriable'),
        upgradeControlPlane(upgrade, machine),
        ...nodeSteps(upgrade, machine),
      ]),
    ),
    inOrder('addons', "kubeadm's add-ons", [addonsUpgraded(upgrade)]),
    {
      key: 'workers',
      title: 'Workers',
      concurrency: Math.max(1, input.maxUnavailable),
      steps: workers(lab).map((machine) => upgradeWorker(upgrade, machine)),
    },
    inOrder('kube-vip', 'kube-vip and its credentials', usesKubeVip ? [kubeVipSteady(upgrade)] : []),
    inOrder(
      'prune',
      "kubeadm's old backups",
      controlPlanes(lab).map((machine) => pruneBackups(upgrade, machine)),
    ),
    inOrder('verify', 'Everything is new', [everythingUpgraded(upgrade)]),
    inOrder('record', 'The lab remembers its version', [recordVersion(upgrade)]),
  ];
  return stages.filter((stage) => stage.steps.length > 0);
}

/** After a node's control plane is new: its kubelet, which restarts every static pod once more. */
function nodeSteps(upgrade: Upgrade, machine: MachineSpec): readonly Step[] {
  return [
    wholeAgain(upgrade, machine, 'control-plane'),
    drainNode(upgrade, machine),
    newKubelet(upgrade, machine),
    wholeAgain(upgrade, machine, 'kubelet'),
    uncordonNode(upgrade, machine),
  ];
}

function bundled(lab: LabSpec, input: UpgradeInput, step: (machine: MachineSpec) => Step): readonly Step[] {
  return input.bundle === null ? [] : [...controlPlanes(lab), ...workers(lab)].map(step);
}

/** A machine that was made from a bundle has no repository. */
function source(upgrade: Upgrade, machine: MachineSpec, kind: 'compensable' | 'retriable'): readonly Step[] {
  return upgrade.input.bundle === null ? [switchSource(upgrade, machine, kind)] : [];
}

function inOrder(key: string, title: string, steps: Stage['steps']): Stage {
  return { key, title, concurrency: 1, steps };
}
