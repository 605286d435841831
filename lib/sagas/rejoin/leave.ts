/** One control plane out of the cluster: reset, and forgotten by the others. Undone by a join in good order. */
import type { Step } from '../../engine/saga.js';
import type { MachineSpec } from '../../model/lab.js';
import { joinControlPlane } from '../bootstrap/join-control-plane.js';
import { forgetNode } from '../membership.js';
import { isTouched, resetNode } from '../node.js';
import { minutes, patient } from '../timing.js';
import type { Rejoin } from '../rejoin.js';

export function leave({ lab, ports }: Rejoin, machine: MachineSpec): Step {
  const { name } = machine;
  const existing = lab.machines.map((one) => one.name);
  const inOrder = joinControlPlane({ lab, input: { existing, initialized: true }, ports }, machine);
  return {
    key: `leave:${name}`,
    title: `Take ${name} out of the cluster`,
    kind: 'compensable',
    retry: patient(lab),
    // Undoing it may wait for the others, and joins.
    timeoutMs: minutes(lab, 30),
    commands: ['kubeadm reset --force', 'etcdctl member remove ID', `kubectl delete node ${name}`],
    takesDown: [name],
    waived: 'it leaves on purpose, and its voter with it',
    run: async (context) => {
      if (await isTouched(context, lab, name)) await resetNode(context, lab, machine);
      await forgetNode(context, lab, machine, false);
    },
    compensate: async (context) => {
      await inOrder.run(context);
    },
  };
}
