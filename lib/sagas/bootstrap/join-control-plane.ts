/** One further control plane: fresh secrets, kube-vip's manifest, `kubeadm join`, and the gate that it is whole. */
import type { Step, StepContext } from '../../engine/saga.js';
import { joinControlPlaneConfig } from '../../generate/kubeadm.js';
import type { MachineSpec } from '../../model/lab.js';
import type { Bootstrap } from '../bootstrap.js';
import { controlPlaneJoined, joinProblem, membershipMayGrow } from '../gates.js';
import { isTouched, waitForEnd } from '../node.js';
import { minutes, patient, poll, seconds } from '../timing.js';
import {
  freshCertificateKey,
  freshJoin,
  holdsSecrets,
  JOIN_ARGV,
  join,
  leaveCluster,
  rejoinable,
  removeSecrets,
} from './join.js';
import { installKubeVip } from './vip.js';

export function joinControlPlane(boot: Bootstrap, machine: MachineSpec): Step {
  const { lab, input } = boot;
  const { name } = machine;
  return {
    key: `join:${name}`,
    title: `Join control plane ${name}`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 25),
    commands: [
      'kubeadm init phase upload-certs --upload-certs',
      'kubeadm token create --print-join-command',
      JOIN_ARGV.join(' '),
    ],
    probe: async (context) => {
      await waitForEnd(context, lab, name, 'kubeadm');
      const joined = await hasJoined(context, boot, machine);
      return joined && !(await holdsSecrets(context, lab, name)) ? 'done' : 'not-done';
    },
    guards: [membershipMayGrow(lab, machine)],
    run: async (context) => {
      if ((await joinProblem(context, lab, machine)) !== null) await joinAnew(context, boot, machine);
      await controlPlaneJoined(context, lab, machine);
      await removeSecrets(context, lab, name);
    },
    compensate: (context) => leaveCluster(context, lab, machine, input),
  };
}

async function joinAnew(context: StepContext, { lab }: Bootstrap, machine: MachineSpec): Promise<void> {
  await rejoinable(context, lab, machine);
  // Safe before the join: admin.conf is there before the kubelet starts, and kube-vip waits for its own API server.
  if (lab.vip?.provider === 'kube-vip') await installKubeVip(context, lab, machine.name, 'steady');
  const secrets = {
    ...(await freshJoin(context, lab)),
    certificateKey: await freshCertificateKey(context, lab),
  };
  await join(context, lab, machine.name, joinControlPlaneConfig(lab, machine, secrets));
}

/**
 * In a lab that was complete the machines may just have been switched on: the node's etcd and API server are given
 * time to come back, because the alternative is to reset it.
 */
async function hasJoined(
  context: StepContext,
  { lab, input }: Bootstrap,
  machine: MachineSpec,
): Promise<boolean> {
  const isWhole = async () => ((await joinProblem(context, lab, machine)) === null ? true : null);
  if (!input.initialized || !(await isTouched(context, lab, machine.name))) return (await isWhole()) === true;
  const times = { timeoutMs: minutes(lab, 6), everyMs: seconds(lab, 5) };
  return (await poll(context, times, isWhole)) === true;
}
