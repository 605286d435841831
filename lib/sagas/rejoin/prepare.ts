/**
 * One token and one certificate key for all of them, written where each will join: `kubeadm init phase upload-certs`
 * overwrites what an earlier key could read, and the key is good for two hours. The machines' disks keep them, no
 * record.
 */
import type { Step } from '../../engine/saga.js';
import { joinControlPlaneConfig } from '../../generate/kubeadm.js';
import { JOIN_CONFIG } from '../../generate/paths.js';
import type { MachineSpec } from '../../model/lab.js';
import { freshCertificateKey, freshJoin, holdsSecrets, removeSecrets } from '../bootstrap/join.js';
import { minutes, patient, seconds } from '../timing.js';
import type { Rejoin } from '../rejoin.js';

export function prepareJoins({ lab }: Rejoin, machines: readonly MachineSpec[]): Step {
  return {
    key: 'prepare',
    title: 'A token and a certificate key for all of them',
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 10),
    commands: ['kubeadm init phase upload-certs --upload-certs', 'kubeadm token create --print-join-command'],
    run: async (context) => {
      const certificateKey = await freshCertificateKey(context, lab);
      const secrets = { ...(await freshJoin(context, lab)), certificateKey };
      for (const machine of machines) {
        const config = joinControlPlaneConfig(lab, machine, secrets);
        const options = { mode: 0o600, timeoutMs: seconds(lab, 30) };
        await context.shell(machine.name).writeFile(JOIN_CONFIG, config, options);
      }
    },
    compensate: async (context) => {
      for (const { name } of machines)
        if (await holdsSecrets(context, lab, name)) await removeSecrets(context, lab, name);
    },
  };
}
