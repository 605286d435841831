/** Faults that are words to the API: a node that is drained, or that nothing is scheduled to. */
import { StepError } from '../../engine/saga.js';
import { commandFailed } from '../../sagas/remote.js';
import { kubectl, mustKubectl, parseNodes, workingControlPlane } from '../../sagas/kubectl.js';
import { minutes } from '../../sagas/timing.js';
import type { Fault, FaultCall } from './fault.js';

const DRAIN = ['--ignore-daemonsets', '--delete-emptydir-data', '--force', '--timeout=4m'];

export const drain: Fault = {
  inject: async (call) => {
    const args = ['drain', call.machine, ...DRAIN];
    const ran = await kubectl(call.context, call.lab, args, {
      on: await working(call),
      timeoutMs: minutes(call.lab, 5),
    });
    if (ran.code !== 0) throw commandFailed(call.machine, ['kubectl', ...args], ran);
  },
  lift: uncordon,
  inForce: isCordoned,
};

export const cordon: Fault = {
  inject: async (call) => {
    await mustKubectl(call.context, call.lab, ['cordon', call.machine], { on: await working(call) });
  },
  lift: uncordon,
  inForce: isCordoned,
};

async function uncordon(call: FaultCall): Promise<void> {
  await mustKubectl(call.context, call.lab, ['uncordon', call.machine], { on: await working(call) });
}

async function isCordoned(call: FaultCall): Promise<boolean> {
  const on = await working(call);
  const nodes = parseNodes(await mustKubectl(call.context, call.lab, ['get', 'nodes', '-o', 'json'], { on }));
  return nodes.some(({ name, schedulable }) => name === call.machine && !schedulable);
}

async function working({ context, lab, machine }: FaultCall): Promise<string> {
  const found = await workingControlPlane(context, lab, machine);
  if (found !== null) return found;
  throw new StepError({
    code: 'no-control-plane',
    message: 'no control plane is running, so nobody can be asked to change a node',
    remedy: 'Start one with: homelab machine start NAME',
    retryable: true,
  });
}
