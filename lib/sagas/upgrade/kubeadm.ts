/** kubeadm's part of an upgrade: its configuration file, its command lines, and how its failures are judged. */
import type { Step, StepContext } from '../../engine/saga.js';
import { upgradeConfig } from '../../generate/kubeadm.js';
import { HOMELAB_DIR, UPGRADE_CONFIG } from '../../generate/paths.js';
import type { LabSpec, MachineSpec } from '../../model/lab.js';
import type { Upgrade } from '../upgrade.js';
import { waitForEnd } from '../node.js';
import { must } from '../remote.js';
import { minutes, patient, seconds } from '../timing.js';
import { TYPICAL } from './typical.js';

export function planArgv({ lab, input }: Upgrade): readonly string[] {
  return ['kubeadm', 'upgrade', 'plan', input.to, ...configArgs(lab, input.to)];
}

export function applyArgv({ lab, input }: Upgrade): readonly string[] {
  return ['kubeadm', 'upgrade', 'apply', input.to, ...configArgs(lab, input.to), '-y'];
}

export function nodeArgv({ lab, input }: Upgrade): readonly string[] {
  return ['kubeadm', 'upgrade', 'node', ...configArgs(lab, input.to)];
}

/** kubeadm below 1.31 has no such file: its time-outs are what they are. */
function configArgs(lab: LabSpec, to: string): readonly string[] {
  return upgradeConfig(lab, to) === null ? [] : ['--config', UPGRADE_CONFIG];
}

/** The new kubeadm looks at the cluster: a Job that must run, Ready control planes, manifests, versions. */
export function planWithKubeadm(upgrade: Upgrade, first: MachineSpec): Step {
  const { lab } = upgrade;
  return {
    key: `plan:${first.name}`,
    title: `kubeadm's own plan on ${first.name}`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 10),
    typicalMs: TYPICAL.upgradePlan,
    commands: [planArgv(upgrade).join(' ')],
    run: async (context) => {
      await writeConfig(context, upgrade, first.name);
      await runKubeadm(context, lab, first.name, planArgv(upgrade), minutes(lab, 8));
    },
    compensate: async (context) => {
      await waitForEnd(context, lab, first.name, 'kubeadm');
      await must(context, first.name, ['rm', '-f', UPGRADE_CONFIG], { timeoutMs: seconds(lab, 30) });
    },
  };
}

/** The time-outs are not kept in the cluster: each kubeadm must be told them again. */
export async function writeConfig(
  context: StepContext,
  { lab, input }: Upgrade,
  machine: string,
): Promise<void> {
  const config = upgradeConfig(lab, input.to);
  if (config === null) return;
  const short = { timeoutMs: seconds(lab, 30) };
  await must(context, machine, ['mkdir', '-p', HOMELAB_DIR], short);
  await context.shell(machine).writeFile(UPGRADE_CONFIG, config, { mode: 0o600, ...short });
}

/**
 * Runs one kubeadm to its end, when no earlier one runs. Its exit code counts, never what it says of its success; a
 * failure is worth another try, because it may only have met an API server that hung.
 */
export async function runKubeadm(
  context: StepContext,
  lab: LabSpec,
  machine: string,
  argv: readonly string[],
  timeoutMs: number,
): Promise<void> {
  await waitForEnd(context, lab, machine, 'kubeadm');
  await must(context, machine, argv, { timeoutMs });
}
