/**
 * `kubeadm join` with what was written beforehand. Nothing looks whether etcd takes another member now: two at once
 * are what this saga is for. A join that ends badly has shown that what it joined with is no good: the next one is
 * made with fresh secrets, on a node that is reset where kubeadm had got as far as the kubelet.
 */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { joinControlPlaneConfig } from '../../generate/kubeadm.js';
import type { LabSpec, MachineSpec } from '../../model/lab.js';
import {
  freshCertificateKey,
  freshJoin,
  holdsSecrets,
  join,
  JOIN_ARGV,
  rejoinable,
  removeSecrets,
} from '../bootstrap/join.js';
import { installKubeVip } from '../bootstrap/vip.js';
import { joinProblem } from '../gates.js';
import { forgetNode } from '../membership.js';
import { isTouched, resetNode, waitForEnd } from '../node.js';
import { commandFailed, run } from '../remote.js';
import { minutes, poll, seconds } from '../timing.js';
import type { Rejoin } from '../rejoin.js';

/** Longer than the life of a certificate key: a machine may be away for all of it. */
const AWAY_MINUTES = 180;

export function joinAgain({ lab }: Rejoin, machine: MachineSpec): Step {
  const { name } = machine;
  return {
    key: `join:${name}`,
    title: `Join ${name} again`,
    kind: 'compensable',
    retry: { attempts: 6, backoffMs: seconds(lab, 15), factor: 2, maxBackoffMs: minutes(lab, 2) },
    timeoutMs: minutes(lab, AWAY_MINUTES + 40),
    commands: [JOIN_ARGV.join(' ')],
    run: async (context) => {
      await answering(context, lab, name);
      await waitForEnd(context, lab, name, 'kubeadm');
      if (await isJoined(context, lab, machine)) return;
      if (await isPrepared(context, lab, name)) await joinAsPrepared(context, lab, machine);
      else await joinAnew(context, lab, machine);
    },
    // A learner that nobody promotes would keep every other one out, so all of them go before anybody joins in order.
    compensate: async (context) => {
      if (await isJoined(context, lab, machine)) return;
      if (await isTouched(context, lab, name)) await resetNode(context, lab, machine);
      await forgetNode(context, lab, machine, false);
    },
  };
}

/** A machine without power is waited for: somebody will switch it on. */
async function answering(context: StepContext, lab: LabSpec, name: string): Promise<void> {
  const times = { timeoutMs: minutes(lab, AWAY_MINUTES), everyMs: seconds(lab, 15) };
  const isBack = await poll(context, times, async () => {
    const states = await context.provider.machines();
    return states.some((one) => one.name === name && one.state === 'running') ? true : null;
  });
  if (isBack !== null) return;
  throw new StepError({
    code: 'machine-away',
    message: `${name} was not running for ${AWAY_MINUTES} minutes`,
    remedy: `Start it with: homelab machine start ${name}`,
    retryable: false,
  });
}

async function isJoined(context: StepContext, lab: LabSpec, machine: MachineSpec): Promise<boolean> {
  return (await isTouched(context, lab, machine.name)) && (await joinProblem(context, lab, machine)) === null;
}

async function isPrepared(context: StepContext, lab: LabSpec, name: string): Promise<boolean> {
  return (await holdsSecrets(context, lab, name)) && !(await isTouched(context, lab, name));
}

async function joinAsPrepared(context: StepContext, lab: LabSpec, machine: MachineSpec): Promise<void> {
  const { name } = machine;
  if (lab.vip?.provider === 'kube-vip') await installKubeVip(context, lab, name, 'steady');
  const ran = await run(context, name, JOIN_ARGV, { timeoutMs: minutes(lab, 12) });
  if (ran.code === 0) return;
  await removeSecrets(context, lab, name);
  throw commandFailed(name, JOIN_ARGV, ran);
}

async function joinAnew(context: StepContext, lab: LabSpec, machine: MachineSpec): Promise<void> {
  await rejoinable(context, lab, machine);
  if (lab.vip?.provider === 'kube-vip') await installKubeVip(context, lab, machine.name, 'steady');
  const certificateKey = await freshCertificateKey(context, lab);
  const secrets = { ...(await freshJoin(context, lab)), certificateKey };
  await join(context, lab, machine.name, joinControlPlaneConfig(lab, machine, secrets));
}
