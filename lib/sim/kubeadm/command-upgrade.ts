/** `kubeadm upgrade plan | apply | node`. `diff` and `node phase` are left out and refused. */
import type { Sim } from '../task.js';
import { KubeadmFailure, noteFlavour, type Kubeadm } from './context.js';
import { notModelled } from './flags.js';
import { upgradeApply } from './upgrade-apply.js';
import { upgradeNode } from './upgrade-node.js';
import { readUpgradeOptions } from './upgrade-options.js';
import { upgradePlan } from './upgrade-plan.js';

export function* upgradeCommand(kubeadm: Kubeadm, args: readonly string[]): Sim<void> {
  const [verb = '', ...rest] = args;
  noteFlavour(kubeadm);
  switch (verb) {
    case 'plan':
      return yield* upgradePlan(kubeadm, readUpgradeOptions(kubeadm, 'plan', rest));
    case 'apply':
      if (rest[0] === 'phase') throw notModelled(kubeadm, 'kubeadm upgrade apply phase');
      return yield* upgradeApply(kubeadm, readUpgradeOptions(kubeadm, 'apply', rest));
    case 'node':
      if (rest[0] === 'phase') throw notModelled(kubeadm, 'kubeadm upgrade node phase');
      return yield* upgradeNode(kubeadm, readUpgradeOptions(kubeadm, 'node', rest));
    case 'diff':
    case '':
      throw notModelled(kubeadm, `kubeadm upgrade ${verb}`.trim());
    default:
      throw new KubeadmFailure(`unknown command "${verb}" for "kubeadm upgrade"`);
  }
}
