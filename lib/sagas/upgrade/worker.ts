/**
 * One worker from the first package to the first new pod, as one step, so that as many of them as may be away go
 * through it side by side. Each part looks first whether it is done already.
 */
import type { Step, StepContext } from '../../engine/saga.js';
import type { MachineSpec } from '../../model/lab.js';
import { minutes, patient } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { drain, nodeView, uncordon } from './drain.js';
import { nodeArgv, runKubeadm, writeConfig } from './kubeadm.js';
import { exchangeKubelet, kubeletCommands, runsNew } from './kubelet.js';
import { areNew, bringPrograms, programCommands, setSource } from './packages.js';
import { typicalOf } from './typical.js';

export function upgradeWorker(upgrade: Upgrade, machine: MachineSpec): Step {
  const { lab, input } = upgrade;
  const { name } = machine;
  const {
    source,
    kubeadmPackage,
    upgradeWorker: node,
    drain: drained,
    kubelet,
    uncordon: back,
  } = typicalOf(upgrade);
  return {
    key: `worker:${name}`,
    title: `Upgrade worker ${name}`,
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: input.drainTimeoutMs + minutes(lab, 50),
    typicalMs: source + kubeadmPackage + node + drained + kubelet + back,
    commands: [
      ...(input.bundle === null ? ['apt-get update'] : []),
      ...[...programCommands(upgrade, ['kubeadm']), nodeArgv(upgrade).join(' ')],
      `kubectl drain ${name} --ignore-daemonsets --delete-emptydir-data`,
      ...kubeletCommands(upgrade),
      ...(input.cordoned.includes(name) ? [] : [`kubectl uncordon ${name}`]),
    ],
    probe: async (context) => {
      if (!(await runsNew(context, upgrade, name))) return 'not-done';
      const view = await nodeView(context, lab, name);
      return view?.schedulable === true || input.cordoned.includes(name) ? 'done' : 'not-done';
    },
    run: (context) => run(context, upgrade, name),
  };
}

async function run(context: StepContext, upgrade: Upgrade, machine: string): Promise<void> {
  const { lab, input } = upgrade;
  if (!(await runsNew(context, upgrade, machine))) {
    context.log(`kubeadm ${input.to}`);
    await newKubeadm(context, upgrade, machine);
    await writeConfig(context, upgrade, machine);
    await runKubeadm(context, lab, machine, nodeArgv(upgrade), minutes(lab, 10));
    context.log('drain');
    await drain(context, upgrade, machine);
    context.log(`kubelet ${input.to}`);
    await exchangeKubelet(context, upgrade, machine);
  }
  await uncordon(context, upgrade, machine);
}

async function newKubeadm(context: StepContext, upgrade: Upgrade, machine: string): Promise<void> {
  const { lab, input } = upgrade;
  if (await areNew(context, upgrade, machine, ['kubeadm'])) return;
  if (input.bundle === null) await setSource(context, lab, machine, input.to);
  await bringPrograms(context, upgrade, machine, ['kubeadm']);
}
