/** `--fault 95s=cut:stage-cp-3`: what happens to a simulated machine at a lab time, planned before the saga begins. */
import { parseDuration } from '../base/duration.js';
import { UserError } from '../base/errors.js';
import type { LabSpec } from '../model/lab.js';
import type { FaultAction } from '../provider/sim/operations.js';

export interface PlannedFault {
  readonly dueMs: number;
  readonly action: FaultAction;
  readonly machine: string;
}

const ACTIONS: readonly FaultAction[] = ['cut', 'halt', 'start'];

export function parseFaults(texts: readonly string[], lab: LabSpec, nowMs: number): readonly PlannedFault[] {
  return texts.map((text) => parseFault(text, lab, nowMs));
}

function parseFault(text: string, lab: LabSpec, nowMs: number): PlannedFault {
  const [, at, action, machine] = /^([^=]+)=([^:]+):(.+)$/.exec(text) ?? [];
  const dueMs = parseDuration(at ?? '');
  const known = ACTIONS.find((one) => one === action);
  if (dueMs === null || known === undefined || machine === undefined) {
    throw bad(
      text,
      'it is not of the form TIME=ACTION:MACHINE',
      `Such as --fault 95s=cut:${lab.machines.at(-1)?.name ?? ''}; actions: ${ACTIONS.join(', ')}.`,
    );
  }
  const names = lab.machines.map(({ name }) => name);
  if (!names.includes(machine))
    throw bad(text, `there is no machine ${machine}`, `Machines: ${names.join(', ')}.`);
  if (dueMs < nowMs) {
    throw bad(
      text,
      `lab time is already ${nowMs} ms`,
      'Name a later time; faults count from when the lab was made.',
    );
  }
  return { dueMs, action: known, machine };
}

function bad(text: string, why: string, remedy: string): UserError {
  return new UserError({ code: 'bad-fault', message: `--fault ${text}: ${why}`, remedy });
}
