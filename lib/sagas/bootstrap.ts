/**
 * The bootstrap of a lab: machines, the API's address, the first control plane, the others one at a time, the
 * workers, add-ons, and a kubeconfig that was tried. One line a stage; the steps are in bootstrap/.
 */
import type { Saga, Stage } from '../engine/saga.js';
import { addonReleases } from '../generate/addons.js';
import { controlPlanes, loadBalancers, workers, type LabSpec } from '../model/lab.js';
import { installAddon } from './bootstrap/addon.js';
import { buildImage } from './bootstrap/image.js';
import { initFirst } from './bootstrap/init.js';
import { joinControlPlane } from './bootstrap/join-control-plane.js';
import { joinWorker } from './bootstrap/join-worker.js';
import { writeKubeconfig } from './bootstrap/kubeconfig.js';
import { startLoadBalancer } from './bootstrap/load-balancer.js';
import { machinesUp } from './bootstrap/machines.js';
import { prepareMachine } from './bootstrap/prepare.js';
import { nodesReady } from './bootstrap/ready.js';
import { checkVipFree, placeKubeVip, steadyKubeVip, verifyVip } from './bootstrap/vip.js';
import type { SagaPorts } from './ports.js';

/** Recorded with the saga, so that a resume after a crash knows what was there before. */
export interface BootstrapInput {
  /** Machines that were there before this saga; it never destroys them. */
  readonly existing: readonly string[];
  /** True when the lab's cluster was complete before: this saga then repairs, and never takes the cluster back. */
  readonly initialized: boolean;
}

/** What every step of this saga is made from. */
export interface Bootstrap {
  readonly lab: LabSpec;
  readonly input: BootstrapInput;
  readonly ports: SagaPorts;
}

export const BOOTSTRAP = 'bootstrap';

export function bootstrapSaga(lab: LabSpec, input: BootstrapInput, ports: SagaPorts): Saga {
  return { name: BOOTSTRAP, lab: lab.name, input, stages: plan({ lab, input, ports }) };
}

function plan(boot: Bootstrap): readonly Stage[] {
  const { lab } = boot;
  const [first, ...furtherControlPlanes] = controlPlanes(lab);
  if (first === undefined) return [];
  const kubeVip = lab.vip?.provider === 'kube-vip';
  const addons = addonReleases(lab);
  const stages: readonly Stage[] = [
    inOrder('image', 'Node image', needsImage(boot) ? [buildImage(boot)] : []),
    inOrder('machines', 'Machines', [machinesUp(boot)]),
    atOnce(
      'prepare',
      'Names, network and preflight',
      lab.machines.length,
      lab.machines.map((one) => prepareMachine(boot, one)),
    ),
    inOrder('vip-free', 'Is the API address free?', lab.vip === null ? [] : [checkVipFree(boot, lab.vip)]),
    inOrder(
      'load-balancer',
      'Load balancer',
      loadBalancers(lab).map((one) => startLoadBalancer(boot, one)),
    ),
    // kube-vip must be there before init: kubeadm waits for its own API through the VIP.
    inOrder('kube-vip', 'kube-vip for the bootstrap', kubeVip ? [placeKubeVip(boot, first)] : []),
    inOrder('init', 'First control plane', [initFirst(boot, first)]),
    inOrder(
      'kube-vip-steady',
      'kube-vip with its everyday credentials',
      kubeVip ? [steadyKubeVip(boot, first)] : [],
    ),
    inOrder(
      'cni',
      'Pod network',
      addons.filter((one) => one.phase === 'cni').map((one) => installAddon(boot, one)),
    ),
    // One at a time: etcd accepts one learner, and every change of membership needs all voters connected.
    inOrder(
      'control-planes',
      'Further control planes',
      furtherControlPlanes.map((one) => joinControlPlane(boot, one)),
    ),
    atOnce(
      'workers',
      'Workers',
      lab.parallelJoins,
      workers(lab).map((one) => joinWorker(boot, one)),
    ),
    inOrder('ready', 'Every node Ready', lab.kubernetes.cni === 'none' ? [] : [nodesReady(boot)]),
    inOrder(
      'csi',
      'Storage',
      addons.filter((one) => one.phase === 'csi').map((one) => installAddon(boot, one)),
    ),
    inOrder(
      'ingress',
      'Ingress',
      addons.filter((one) => one.phase === 'ingress').map((one) => installAddon(boot, one)),
    ),
    inOrder('vip', 'The API address has one holder', lab.vip === null ? [] : [verifyVip(boot, lab.vip)]),
    inOrder('kubeconfig', 'kubeconfig', [writeKubeconfig(boot)]),
  ];
  return stages.filter((stage) => stage.steps.length > 0);
}

/**
 * Not for simulated machines, for a box of the user's own, or for machines that are all there: after an upgrade those
 * are of another version than the image that they were made from.
 */
function needsImage({ lab, input }: Bootstrap): boolean {
  const complete = lab.machines.every(({ name }) => input.existing.includes(name));
  return lab.provider === 'libvirt' && lab.box === null && !complete;
}

function inOrder(key: string, title: string, steps: Stage['steps']): Stage {
  return { key, title, concurrency: 1, steps };
}

function atOnce(key: string, title: string, concurrency: number, steps: Stage['steps']): Stage {
  return { key, title, concurrency: Math.max(1, concurrency), steps };
}
