/**
 * What an onlooker of a run is told, after it is durable. Screens and reports are built on it; nothing that they
 * do changes a run.
 */
import type { PlanOutline } from './plan.js';
import type { SagaEvent } from './records.js';
import type { StepResult } from './result.js';
import type { SagaOutcome } from './saga.js';

export type EngineEvent =
  /** A run begins; `steps` is how the saga stood before it. */
  | {
      readonly type: 'opened';
      readonly atMs: number;
      readonly outline: PlanOutline;
      readonly steps: readonly StepResult[];
    }
  /** Something went into the journal: steps starting and ending, undo, interruption. */
  | { readonly type: 'recorded'; readonly atMs: number; readonly record: SagaEvent }
  /** A step waits before its next attempt, or before the next attempt to undo it. */
  | {
      readonly type: 'waiting';
      readonly atMs: number;
      readonly step: string;
      readonly attempt: number;
      readonly undo: boolean;
      readonly waitMs: number;
    }
  /** A line that a step logged; in no journal. */
  | { readonly type: 'progress'; readonly atMs: number; readonly step: string; readonly line: string }
  | { readonly type: 'ended'; readonly atMs: number; readonly outcome: SagaOutcome };

export type Observer = (event: EngineEvent) => void;
