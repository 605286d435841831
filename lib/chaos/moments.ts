/** When an experiment did what, out of its journal. */
import type { SagaRecord } from '../engine/records.js';

/** When the method began; null while it has not. */
export function beganMs(records: readonly SagaRecord[]): number | null {
  return lastAt(records, 'step.done', 'begin');
}

export interface FaultTimes {
  /** Its injection was begun; null for one that never was. */
  readonly beginMs: number | null;
  /** It was in force. */
  readonly inForceMs: number | null;
  /** Its lifting was begun. */
  readonly liftMs: number | null;
  /** It was gone. */
  readonly goneMs: number | null;
}

/** A fault that was lifted because the saga went back has its end from there. */
export function faultTimes(records: readonly SagaRecord[], fault: string): FaultTimes {
  const inject = `inject:${fault}`;
  const lift = `lift:${fault}`;
  return {
    beginMs: firstAt(records, 'step.acting', inject),
    inForceMs: lastAt(records, 'step.done', inject),
    liftMs: firstAt(records, 'step.acting', lift) ?? firstAt(records, 'undo.attempt', inject),
    goneMs: lastAt(records, 'step.done', lift) ?? lastAt(records, 'undo.done', inject),
  };
}

function firstAt(records: readonly SagaRecord[], type: SagaRecord['type'], step: string): number | null {
  return records.find((one) => one.type === type && 'step' in one && one.step === step)?.atMs ?? null;
}

function lastAt(records: readonly SagaRecord[], type: SagaRecord['type'], step: string): number | null {
  return records.findLast((one) => one.type === type && 'step' in one && one.step === step)?.atMs ?? null;
}
