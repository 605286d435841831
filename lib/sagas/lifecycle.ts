/** Stopping and removing a whole lab, as sagas: shown by plans, recorded, resumed like every other operation. */
import type { RetryPolicy, Saga, Stage, Step } from '../engine/saga.js';
import { controlPlanes, loadBalancers, workers, type LabSpec, type MachineSpec } from '../model/lab.js';
import type { PowerState } from '../provider/provider.js';
import { minutes, seconds } from './timing.js';

export const DOWN = 'down';
export const DESTROY = 'destroy';

/** Halts every machine cleanly and keeps its disk: workers first, so that nothing asks a control plane that is gone. */
export function downSaga(lab: LabSpec): Saga {
  const stages: readonly Stage[] = [
    haltStage(lab, 'workers', 'Halt the workers', workers(lab)),
    haltStage(lab, 'control-planes', 'Halt the control planes', controlPlanes(lab)),
    haltStage(lab, 'load-balancers', 'Halt the load balancer', loadBalancers(lab)),
  ];
  return { name: DOWN, lab: lab.name, input: {}, stages: stages.filter((stage) => stage.steps.length > 0) };
}

/** Removes every machine with its disk. */
export function destroySaga(lab: LabSpec): Saga {
  const names = lab.machines.map(({ name }) => name);
  const step: Step = {
    key: 'machines',
    title: 'Destroy the machines with their disks',
    kind: 'retriable',
    retry: stubborn(lab),
    timeoutMs: minutes(lab, 15),
    takesDown: names,
    waived: 'the whole lab is being removed',
    run: async ({ provider }) => provider.destroy(names),
  };
  const stage: Stage = { key: 'machines', title: 'Machines', concurrency: 1, steps: [step] };
  return { name: DESTROY, lab: lab.name, input: {}, stages: [stage] };
}

function haltStage(lab: LabSpec, key: string, title: string, machines: readonly MachineSpec[]): Stage {
  return {
    key,
    title,
    concurrency: Math.max(1, machines.length),
    steps: machines.map((one) => halt(lab, one)),
  };
}

function halt(lab: LabSpec, { name }: MachineSpec): Step {
  const gone: readonly PowerState[] = ['off', 'absent'];
  return {
    key: `halt:${name}`,
    title: `Halt ${name}`,
    // Nothing here needs undoing: a halted machine is started again by the next `homelab up`.
    kind: 'retriable',
    retry: stubborn(lab),
    timeoutMs: minutes(lab, 10),
    takesDown: [name],
    waived: 'the whole lab is being halted',
    probe: async ({ provider }) => {
      const state = (await provider.machines()).find((machine) => machine.name === name)?.state ?? 'absent';
      return gone.includes(state) ? 'done' : 'not-done';
    },
    run: ({ provider, signal }) => provider.power(name, 'halt', { signal }),
  };
}

function stubborn(lab: LabSpec): RetryPolicy {
  return { attempts: 4, backoffMs: seconds(lab, 10), factor: 2, maxBackoffMs: minutes(lab, 1) };
}
