/** The steps of an experiment that have to do with its operation: it begins, a step of it begins, it ends. */
import { printDuration } from '../base/duration.js';
import { StepError, type Step } from '../engine/saga.js';
import { brief, minutes, seconds } from '../sagas/timing.js';
import { durationOn } from './duration-sum.js';
import { isStep } from './operation-plan.js';
import type { Whole } from './saga.js';
import type { FaultSpec } from './scenario.js';

/** The operation goes on beside the steps that come; an experiment that goes back takes it back afterwards. */
export function beginOperation({ lab, ports }: Whole, name: string): Step {
  return {
    ...{ key: 'operation', title: `The ${name} begins`, kind: 'compensable', retry: brief(lab) },
    timeoutMs: seconds(lab, 60),
    run: () => {
      ports.operation?.begin();
      return Promise.resolve();
    },
  };
}

/** Waits for the step of the operation with whose beginning a chapter of the method begins. */
export function when({ lab, scenario, input, ports }: Whole, chapter: number, fault: FaultSpec): Step {
  const name = fault.when ?? '';
  return {
    ...{ key: `when:${chapter}`, title: `Wait until ${name} begins`, kind: 'compensable', retry: brief(lab) },
    timeoutMs: withinMs(lab, scenario),
    run: async (context) => {
      const machines = input.faults[fault.name] ?? [];
      if (await ports.operation?.hasBegun(isStep(name, machines), context)) return;
      throw new StepError({
        code: 'step-never-came',
        message: `the operation is over, and its step ${name} never began on ${machines.join(', ')}`,
        remedy: 'Look at what it did with: homelab saga show',
        retryable: false,
      });
    },
  };
}

/** Fails for good when the operation does not come to an end although nothing is in force any more. */
export function endOperation({ lab, scenario, ports }: Whole, name: string): Step {
  const timeMs = withinMs(lab, scenario);
  return {
    ...{ key: 'operation-over', title: `The ${name} comes to its end`, kind: 'compensable' },
    ...{ retry: { ...brief(lab), attempts: 1 }, timeoutMs: timeMs + minutes(lab, 2) },
    run: async (context) => {
      const outcome = (await ports.operation?.over(context, timeMs)) ?? null;
      if (outcome === 'completed' || outcome === 'compensated') return;
      throw new StepError({
        code: 'not-recovered',
        message:
          outcome === null
            ? `the ${name} did not come to its end within ${printDuration(timeMs)}`
            : `the ${name} is ${outcome} although it was taken up again`,
        remedy: 'See its steps with `homelab saga show`.',
        retryable: false,
      });
    },
  };
}

function withinMs(lab: Whole['lab'], { operation }: Whole['scenario']): number {
  return operation === null ? 0 : durationOn(lab, operation.within);
}
