/**
 * The kubelet and kubectl of the new version on a drained node. A kubelet of another minor makes every static pod of
 * its node anew: on a control plane etcd and the API server go away once more, and the API's address may move.
 */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import type { LabSpec, MachineSpec } from '../../model/lab.js';
import { must } from '../remote.js';
import { minutes, patient, poll, seconds } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { nodeView } from './drain.js';
import { quorumGate } from './gate.js';
import type { KubernetesProgram } from './bundle.js';
import { areNew, bringPrograms, programCommands } from './packages.js';
import { typicalOf } from './typical.js';

const PROGRAMS: readonly KubernetesProgram[] = ['kubelet', 'kubectl'];
const RESTART = [
  ['systemctl', 'daemon-reload'],
  ['systemctl', 'restart', 'kubelet'],
] as const;

export function newKubelet(upgrade: Upgrade, machine: MachineSpec): Step {
  const { lab, input } = upgrade;
  return {
    key: `kubelet:${machine.name}`,
    title: `kubelet ${input.to} on ${machine.name}`,
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 25),
    typicalMs: typicalOf(upgrade).kubelet,
    commands: kubeletCommands(upgrade),
    ...quorumGate(lab, machine),
    probe: async (context) => ((await runsNew(context, upgrade, machine.name)) ? 'done' : 'not-done'),
    run: (context) => exchangeKubelet(context, upgrade, machine.name),
  };
}

export function kubeletCommands(upgrade: Upgrade): readonly string[] {
  return [...programCommands(upgrade, PROGRAMS), ...RESTART.map((argv) => argv.join(' '))];
}

/** Ready, and of the new version as the kubelet itself reported it. */
export async function runsNew(context: StepContext, upgrade: Upgrade, machine: string): Promise<boolean> {
  const { lab, input } = upgrade;
  const node = await nodeView(context, lab, machine);
  if (node?.ready !== true || node.version !== input.to) return false;
  return areNew(context, upgrade, machine, PROGRAMS);
}

export async function exchangeKubelet(
  context: StepContext,
  upgrade: Upgrade,
  machine: string,
): Promise<void> {
  const { lab, input } = upgrade;
  await bringPrograms(context, upgrade, machine, PROGRAMS);
  for (const argv of RESTART) await must(context, machine, argv, { timeoutMs: minutes(lab, 2) });
  await awaitReady(context, lab, machine, input.to);
}

async function awaitReady(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  version: string,
): Promise<void> {
  let last = 'the API does not answer';
  const times = { timeoutMs: minutes(lab, 8), everyMs: seconds(lab, 2) };
  const ready = await poll(context, times, async () => {
    const node = await nodeView(context, lab, machine);
    if (node === null) return null;
    if (node.ready && node.version === version) return true;
    last = node.version === version ? `it is not Ready: ${node.message}` : `its kubelet is ${node.version}`;
    return null;
  });
  if (ready !== null) return;
  throw new StepError({
    code: 'nodes-not-ready',
    message: `${machine} did not come back with kubelet ${version}: ${last}`,
    remedy: `Look at it with: homelab exec ${machine} -- systemctl status kubelet`,
    retryable: true,
  });
}
