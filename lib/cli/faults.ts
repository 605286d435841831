/** `--fault 95s=cut:stage-cp-3`: what happens to a simulated machine at a lab time, planned before the saga begins. */
import { parseDuration } from '../base/duration.js';
import { UserError } from '../base/errors.js';
import type { LabSpec } from '../model/lab.js';
import type { Provider } from '../provider/provider.js';
import type { FaultAction } from '../provider/sim/operations.js';
import type { PlannedFault } from '../provider/sim/sim-provider.js';
import { asSim } from './providers.js';
import type { Session } from './session.js';

const ACTIONS: readonly FaultAction[] = ['cut', 'halt', 'start'];

/** Puts what `--fault` asked for into the log of the simulated lab. */
export async function planFaults(session: Session, spec: LabSpec, provider: Provider): Promise<void> {
  const texts = (session.options['fault'] ?? []) as readonly string[];
  if (texts.length === 0) return;
  const sim = asSim(provider);
  for (const fault of parseFaults(texts, spec, provider.clock.nowMs())) await sim.planFault(fault);
}

/** For an option that may be given several times. */
export function collectFaults(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

function parseFaults(texts: readonly string[], lab: LabSpec, nowMs: number): readonly PlannedFault[] {
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
