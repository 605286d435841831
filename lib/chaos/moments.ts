/** When an experiment did what, out of its journal. */
import type { SagaRecord } from '../engine/records.js';
import type { Interval } from './recorder.js';

/** When the method began; null while it has not. */
export function beganMs(records: readonly SagaRecord[]): number | null {
  return lastAt(records, 'step.done', 'begin');
}

/** When a chapter of the method began; the first one begins with the method. Null while it has not. */
export function chapterMs(records: readonly SagaRecord[], chapter: number): number | null {
  return chapter === 0 ? beganMs(records) : lastAt(records, 'step.done', `when:${chapter}`);
}

/** True when the operation has been begun, by this process or an earlier one. */
export function hasBegunOperation(records: readonly SagaRecord[]): boolean {
  return lastAt(records, 'step.done', 'operation') !== null;
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

/** Every attempt at the steps of that name, of these machines or of any: good when it ended well. */
export function attemptsAt(
  records: readonly SagaRecord[],
  name: string,
  machines: readonly string[] | null,
): readonly Interval[] {
  const isMeant = (key: string): boolean => {
    const [own, machine] = key.split(':');
    return own === name && (machines === null || (machine !== undefined && machines.includes(machine)));
  };
  const found: Interval[] = [];
  const begun = new Map<string, number>();
  for (const record of records) {
    if (!('step' in record) || !isMeant(record.step)) continue;
    const { type, step, atMs } = record;
    if (type === 'step.attempt') begun.set(step, atMs);
    const fromMs = begun.get(step);
    if (fromMs === undefined || (type !== 'step.done' && type !== 'step.failed')) continue;
    begun.delete(step);
    const value = type === 'step.done' ? 'done' : record.error.message;
    found.push({ fromMs, toMs: Math.max(atMs, fromMs + 1), value, good: type === 'step.done' });
  }
  return found.sort((a, b) => a.toMs - b.toMs);
}
