/** One further control plane: fresh secrets, kube-vip's manifest, `kubeadm join`, and the gate that it is whole. */
import type { Step } from '../../engine/saga.js';
import { joinControlPlaneConfig } from '../../generate/kubeadm.js';
import type { MachineSpec } from '../../model/lab.js';
import type { Bootstrap } from '../bootstrap.js';
import { controlPlaneJoined, joinProblem, membershipMayGrow } from '../gates.js';
import { waitForEnd } from '../node.js';
import { minutes, patient } from '../timing.js';
import {
  finishEarlier,
  freshCertificateKey,
  freshJoin,
  JOIN_ARGV,
  join,
  leaveCluster,
  leftSecrets,
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
      if ((await joinProblem(context, lab, machine)) !== null) return 'not-done';
      return (await leftSecrets(context, lab, name)) ? 'not-done' : 'done';
    },
    guards: [membershipMayGrow(lab, machine)],
    run: async (context) => {
      const joined = async (): Promise<boolean> => (await joinProblem(context, lab, machine)) === null;
      if (await finishEarlier(context, lab, machine, joined)) return;
      // Safe before the join: admin.conf is there before the kubelet starts, and kube-vip waits for its own API server.
      if (lab.vip?.provider === 'kube-vip') await installKubeVip(context, lab, name, 'steady');
      const secrets = {
        ...(await freshJoin(context, lab)),
        certificateKey: await freshCertificateKey(context, lab),
      };
      await join(context, lab, name, joinControlPlaneConfig(lab, machine, secrets));
      await controlPlaneJoined(context, lab, machine);
    },
    compensate: (context) => leaveCluster(context, lab, machine, input),
  };
}
