/** What a kind of fault can do: come, go, and say whether it is in force. */
import type { StepContext } from '../../engine/saga.js';
import type { LabSpec } from '../../model/lab.js';
import type { MachineState, PowerState } from '../../provider/provider.js';
import type { FaultSpec } from '../scenario.js';

/** One fault on one machine. */
export interface FaultCall {
  readonly context: StepContext;
  readonly lab: LabSpec;
  readonly fault: FaultSpec;
  readonly machine: string;
  /** For a partition: who is not heard any more; machines, or the workstation. */
  readonly from: readonly string[];
}

export interface Fault {
  inject(call: FaultCall): Promise<void>;
  /** Idempotent, and right after a half-done injection and after none at all. */
  lift(call: FaultCall): Promise<void>;
  /** Null where nobody can tell afterwards, such as of a killed process. */
  inForce(call: FaultCall): Promise<boolean | null>;
}

export async function powerOf({ context, machine }: FaultCall): Promise<PowerState> {
  const states: readonly MachineState[] = await context.provider.machines();
  return states.find(({ name }) => name === machine)?.state ?? 'absent';
}

/** False for a machine whose power another fault has taken: what lived in its memory is gone with it. */
export async function runs(call: FaultCall): Promise<boolean> {
  return (await powerOf(call)) === 'running';
}
