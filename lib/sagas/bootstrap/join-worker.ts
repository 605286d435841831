/** One worker: a fresh token and `kubeadm join`. */
import type { Step, StepContext } from '../../engine/saga.js';
import { joinWorkerConfig } from '../../generate/kubeadm.js';
import type { LabSpec, MachineSpec } from '../../model/lab.js';
import type { Bootstrap } from '../bootstrap.js';
import { askKubectl, parseNodes } from '../kubectl.js';
import { isTouched, waitForEnd } from '../node.js';
import { minutes, patient } from '../timing.js';
import { finishEarlier, freshJoin, join, JOIN_ARGV, leaveCluster, leftSecrets } from './join.js';

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
      const joined = await hasJoined(context, lab, name);
      if (joined === null) return 'unknown';
      return joined && !(await leftSecrets(context, lab, name)) ? 'done' : 'not-done';
    },
    run: async (context) => {
      const joined = async (): Promise<boolean> => (await hasJoined(context, lab, name)) === true;
      if (await finishEarlier(context, lab, machine, joined)) return;
      await join(context, lab, name, joinWorkerConfig(lab, machine, await freshJoin(context, lab)));
    },
    compensate: (context) => leaveCluster(context, lab, machine, input),
  };
}

/** Is there a Node object of this name? Null when the API does not answer. */
async function hasJoined(context: StepContext, lab: LabSpec, name: string): Promise<boolean | null> {
  const nodes = await askKubectl(context, lab, ['get', 'nodes', '-o', 'json']);
  return nodes === null ? null : parseNodes(nodes).some((node) => node.name === name);
}
