/** What came of a saga, computed from its journal alone; the shape that `-o json` prints, without `wallMs`. */
import type { Residue } from '../provider/provider.js';
import type { RecordedError } from './journal.js';
import { fold, isOver, outcomeOf, type SagaSnapshot } from './machine.js';
import { plannedOf, type SagaPlanned, type SagaRecord } from './records.js';
import type { SagaOutcome, StepOutcome } from './saga.js';
import { stepsOf, stepState, type StepState } from './state.js';

export interface StepResult {
  readonly key: string;
  readonly title: string;
  readonly outcome: StepOutcome;
  readonly attempts: number;
  /** Lab milliseconds since the lab was made; null for a step that never began. */
  readonly startedAtMs: number | null;
  /** From its first attempt to its last outcome, undo included; null while there is none. */
  readonly durationMs: number | null;
}

export interface SagaResult {
  readonly saga: string;
  readonly lab: string;
  readonly provider: string;
  readonly seed: number | null;
  readonly outcome: SagaOutcome;
  /** From the first record to the last. */
  readonly durationMs: number;
  readonly steps: readonly StepResult[];
  /** Empty from here: what is left on the host is asked of the provider by whoever shows the result. */
  readonly residue: readonly Residue[];
  readonly error: RecordedError | null;
}

/** Throws a `UserError` when the records contradict each other. */
export function resultOf(records: readonly SagaRecord[]): SagaResult {
  const planned = plannedOf(records);
  return resultFrom(planned, fold(records), (records.at(-1) ?? planned).atMs);
}

/** As `resultOf`, for a caller that has folded the records already. */
export function resultFrom(planned: SagaPlanned, snapshot: SagaSnapshot, lastAtMs: number): SagaResult {
  return {
    saga: planned.saga,
    lab: planned.lab,
    provider: planned.provider,
    seed: planned.seed,
    outcome: outcomeOf(snapshot),
    durationMs: lastAtMs - planned.atMs,
    steps: stepResults(snapshot),
    residue: [],
    error: snapshot.context.error,
  };
}

/** True while a resume or an abort has something to do; false for a journal in which nothing ever began. */
export function isOpen(records: readonly SagaRecord[]): boolean {
  return records.length > 0 && !isOver(fold(records));
}

export function stepResults({ context }: SagaSnapshot): readonly StepResult[] {
  return stepsOf(context.outline).map(({ key, title }) => {
    const step = stepState(context, key);
    const { attempts, startedAtMs, endedAtMs } = step;
    const durationMs = startedAtMs === null || endedAtMs === null ? null : endedAtMs - startedAtMs;
    return { key, title, outcome: stepOutcome(step), attempts, startedAtMs, durationMs };
  });
}

function stepOutcome({ forward, undo }: StepState): StepOutcome {
  if (undo === 'none') return forward;
  return undo === 'done' ? 'undone' : 'undo-failed';
}
