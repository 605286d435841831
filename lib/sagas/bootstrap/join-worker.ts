/** One worker: a fresh token and `kubeadm join`. */
import type { Step } from '../../engine/saga.js';
import { joinWorkerConfig } from '../../generate/kubeadm.js';
import type { MachineSpec } from '../../model/lab.js';
import type { Bootstrap } from '../bootstrap.js';
import { askKubectl, parseNodes } from '../kubectl.js';
import { isTouched, waitForEnd } from '../node.js';
import { minutes, patient } from '../timing.js';
import { freshJoin, join, JOIN_ARGV, leaveCluster, rejoinable } from './join.js';

export function joinWorker({ lab, input }: Bootstrap, machine: MachineSpec): Step {
  const { name } = machine;
  return {
    key: `join:${name}`,
    title: `Join worker ${name}`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 20),
    commands: ['kubeadm token create --print-join-command', JOIN_ARGV.join(' ')],
    probe: async (context) => {
      await waitForEnd(context, lab, name, 'kubeadm');
      if (!(await isTouched(context, lab, name))) return 'not-done';
      const nodes = await askKubectl(context, lab, ['get', 'nodes', '-o', 'json']);
      if (nodes === null) return 'unknown';
      return parseNodes(nodes).some((node) => node.name === name) ? 'done' : 'not-done';
    },
    run: async (context) => {
      await rejoinable(context, lab, machine);
      await join(context, lab, name, joinWorkerConfig(lab, machine, await freshJoin(context, lab)));
    },
    compensate: (context) => leaveCluster(context, lab, machine, input),
  };
}
