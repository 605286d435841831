/**
 * `kubeadm upgrade apply` on the first control plane: the pivot. From the moment in which a manifest, etcd or the
 * cluster's stored configuration may be new, there is no way back but forward.
 */
import { StepError, type ProbeAnswer, type Step, type StepContext } from '../../engine/saga.js';
import type { MachineSpec } from '../../model/lab.js';
import { manifestDigests } from '../facts/machine.js';
import { parseKubeadmConfig } from '../facts/parse.js';
import { askKubectl, workingControlPlane } from '../kubectl.js';
import { isRunning, waitForEnd } from '../node.js';
import { minutes, patient, poll, seconds } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { applyArgv, runKubeadm, writeConfig } from './kubeadm.js';
import { quorumGate } from './gate.js';
import { typicalOf } from './typical.js';

export function applyUpgrade(upgrade: Upgrade, first: MachineSpec): Step {
  const { lab, input } = upgrade;
  const argv = applyArgv(upgrade);
  return {
    key: `apply:${first.name}`,
    title: `kubeadm upgrade apply ${input.to} on ${first.name}`,
    kind: 'pivot',
    retry: patient(lab),
    timeoutMs: minutes(lab, 40),
    typicalMs: typicalOf(upgrade).upgradeApply,
    commands: [argv.join(' ')],
    ...quorumGate(lab, first),
    probe: (context) => probe(context, upgrade, first.name),
    run: async (context) => {
      await writeConfig(context, upgrade, first.name);
      const startedMs = context.clock.nowMs();
      try {
        await runKubeadm(context, lab, first.name, argv, minutes(lab, 25));
      } catch (error) {
        const isLate = context.clock.nowMs() - startedMs > seconds(lab, EARLY_SECONDS);
        if (!(error instanceof StepError) || !isLate) throw error;
        throw await judged(context, upgrade, first.name, error);
      }
    },
  };
}

/**
 * What fails sooner has not come far: its preflight said no, or it met an API server that hung, which costs kubeadm
 * 10 s for each question. That is tried again.
 */
const EARLY_SECONDS = 60;

/** What failed later and put everything back itself has had its chance; half-way there only forward is left. */
async function judged(
  context: StepContext,
  upgrade: Upgrade,
  first: string,
  { code, message, remedy }: StepError,
): Promise<StepError> {
  const isBack = (await probe(context, upgrade, first)) === 'not-done';
  return new StepError({ code, message, remedy, retryable: !isBack });
}

/**
 * `not-done` only when manifests, etcd's among them, and the stored configuration are all as they were and no kubeadm
 * is at work. Never `done`: what comes after the manifests leaves no mark that proves it, and doing it again costs
 * little.
 */
async function probe(context: StepContext, { lab, input }: Upgrade, first: string): Promise<ProbeAnswer> {
  await waitForEnd(context, lab, first, 'kubeadm');
  const digests = await manifestDigests(context, lab, first);
  const names = Object.keys(input.manifests);
  const isOld =
    digests !== null && names.length > 0 && names.every((name) => digests[name] === input.manifests[name]);
  if (!isOld) return 'unknown';
  const times = { timeoutMs: minutes(lab, 3), everyMs: seconds(lab, 3) };
  const stored = await poll(context, times, async () => {
    const on = await workingControlPlane(context, lab);
    const args = ['get', 'configmap', '-n', 'kube-system', 'kubeadm-config', '-o', 'json'];
    return on === null ? null : askKubectl(context, lab, args, on);
  });
  if (stored === null || parseKubeadmConfig(stored).version !== input.from) return 'unknown';
  // One that a killed homelab had only just sent was not yet there to be waited for, and has changed nothing yet.
  return (await isRunning(context, lab, first, 'kubeadm')) ? 'unknown' : 'not-done';
}
