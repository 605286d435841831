/** `kubeadm upgrade node` on a further control plane. Run again after a crash: what is new already it leaves alone. */
import type { Step } from '../../engine/saga.js';
import type { MachineSpec } from '../../model/lab.js';
import { minutes, patient } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { quorumGate } from './gate.js';
import { nodeArgv, runKubeadm, writeConfig } from './kubeadm.js';
import { typicalOf } from './typical.js';

export function upgradeControlPlane(upgrade: Upgrade, machine: MachineSpec): Step {
  const { lab } = upgrade;
  const argv = nodeArgv(upgrade);
  return {
    key: `upgrade-node:${machine.name}`,
    title: `kubeadm upgrade node on ${machine.name}`,
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 40),
    typicalMs: typicalOf(upgrade).upgradeControlPlane,
    commands: [argv.join(' ')],
    ...quorumGate(lab, machine),
    run: async (context) => {
      await writeConfig(context, upgrade, machine.name);
      await runKubeadm(context, lab, machine.name, argv, minutes(lab, 25));
    },
  };
}
