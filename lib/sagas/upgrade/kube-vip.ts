/** kube-vip's manifest on each control plane is the everyday one, and super-admin.conf is nobody's but root's. */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { kubeVipManifest } from '../../generate/kube-vip.js';
import { KUBE_VIP_MANIFEST, SUPER_ADMIN_CONF } from '../../generate/paths.js';
import { controlPlanes, type LabSpec } from '../../model/lab.js';
import { installKubeVip } from '../bootstrap/vip.js';
import { fileText } from '../facts/machine.js';
import { controlPlaneProblem } from '../gates.js';
import { must, run } from '../remote.js';
import { minutes, patient, poll, seconds } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { TYPICAL } from './typical.js';

export function kubeVipSteady({ lab }: Upgrade): Step {
  const names = controlPlanes(lab).map(({ name }) => name);
  return {
    key: 'kube-vip',
    title: 'kube-vip runs without super-admin.conf everywhere',
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 15),
    typicalMs: TYPICAL.kubeVip,
    probe: async (context) => {
      for (const name of names) if (!(await isSteady(context, lab, name))) return 'not-done';
      return 'done';
    },
    run: async (context) => {
      for (const machine of controlPlanes(lab)) {
        if (await isSteady(context, lab, machine.name)) continue;
        await closeSuperAdmin(context, lab, machine.name);
        await installKubeVip(context, lab, machine.name, 'steady');
        // The next one only when the address has a holder again.
        const times = { timeoutMs: minutes(lab, 3), everyMs: seconds(lab, 2) };
        let problem = '';
        const whole = await poll(context, times, async () => {
          const found = await controlPlaneProblem(context, lab, machine);
          problem = found ?? '';
          return found === null ? true : null;
        });
        if (whole === null) throw notWhole(machine.name, problem);
      }
    },
  };
}

async function isSteady(context: StepContext, lab: LabSpec, machine: string): Promise<boolean> {
  const manifest = await fileText(context, lab, machine, KUBE_VIP_MANIFEST);
  return (
    manifest === kubeVipManifest(lab, 'steady') && (await superAdminMode(context, lab, machine)) !== 'open'
  );
}

/** The first control plane has the file, and whoever reads it may do everything for a year. */
async function superAdminMode(
  context: StepContext,
  lab: LabSpec,
  machine: string,
): Promise<'absent' | 'closed' | 'open'> {
  const argv = ['stat', '-c', '%a', SUPER_ADMIN_CONF];
  const shown = await run(context, machine, argv, { timeoutMs: seconds(lab, 30) });
  if (shown.code !== 0) return 'absent';
  return shown.stdout.trim() === '600' ? 'closed' : 'open';
}

async function closeSuperAdmin(context: StepContext, lab: LabSpec, machine: string): Promise<void> {
  if ((await superAdminMode(context, lab, machine)) !== 'open') return;
  await must(context, machine, ['chmod', '0600', SUPER_ADMIN_CONF], { timeoutMs: seconds(lab, 30) });
}

function notWhole(machine: string, problem: string): StepError {
  return new StepError({
    code: 'upgrade-gate',
    message: `${machine} is not whole again with its everyday kube-vip: ${problem}`,
    remedy: 'Look at it with `homelab status`, then type: homelab resume',
    retryable: true,
  });
}
