/** One worker: a fresh token and `kubeadm join`. */
import type { ProbeAnswer, Step, StepContext } from '../../engine/saga.js';
import { joinWorkerConfig } from '../../generate/kubeadm.js';
import type { LabSpec, MachineSpec } from '../../model/lab.js';
import type { Bootstrap } from '../bootstrap.js';
import { askKubectl, parseNodes } from '../kubectl.js';
import { isTouched, waitForEnd } from '../node.js';
import { minutes, patient } from '../timing.js';
import { freshJoin, holdsSecrets, join, JOIN_ARGV, leaveCluster, rejoinable, removeSecrets } from './join.js';

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
      const answer = await isNode(context, lab, name);
      return answer === 'done' && (await holdsSecrets(context, lab, name)) ? 'not-done' : answer;
    },
    run: async (context) => {
      if ((await isNode(context, lab, name)) !== 'done') {
        await rejoinable(context, lab, machine);
        await join(context, lab, name, joinWorkerConfig(lab, machine, await freshJoin(context, lab)));
      }
      await removeSecrets(context, lab, name);
    },
    compensate: (context) => leaveCluster(context, lab, machine, input),
  };
}

/** Has it been touched by kubeadm, and does the cluster know it? */
async function isNode(context: StepContext, lab: LabSpec, name: string): Promise<ProbeAnswer> {
  if (!(await isTouched(context, lab, name))) return 'not-done';
  const nodes = await askKubectl(context, lab, ['get', 'nodes', '-o', 'json']);
  if (nodes === null) return 'unknown';
  return parseNodes(nodes).some((node) => node.name === name) ? 'done' : 'not-done';
}
