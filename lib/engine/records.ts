/**
 * The records of a journal, which are also the events of engine/machine.ts: plain data, one JSON line each. They
 * hold no command output and no value that a step read, so no secret can reach them but in an error's text.
 */
import { BugError } from '../base/errors.js';
import type { RecordedError } from './journal.js';
import type { PlanOutline } from './plan.js';

/** The first record. Everything later is folded over the plan as it is written here. */
export interface SagaPlanned {
  readonly type: 'saga.planned';
  /** Lab milliseconds, as in every record. */
  readonly atMs: number;
  /** Of the record format. */
  readonly version: 1;
  readonly saga: string;
  readonly lab: string;
  readonly provider: string;
  /** Null where nothing is random. */
  readonly seed: number | null;
  /** What the plan was made from, so that a later process can make it again. */
  readonly input: unknown;
  readonly digest: string;
  readonly outline: PlanOutline;
  /** Number of the journal of the experiment that this saga belongs to; left out where it is on its own. */
  readonly parent?: number;
}

export type RunMode = 'run' | 'resume' | 'abort';

/**
 * A process took the saga up. Whatever was in flight before has no outcome any more: it was cut off with the
 * process that did it.
 */
export interface RunStarted {
  readonly type: 'run.started';
  readonly atMs: number;
  readonly mode: RunMode;
  /** Key of the last stage to run, or null for all. */
  readonly until: string | null;
  /** Of an abort: the pivot's probe showed that a pivot of unknown outcome has changed nothing. */
  readonly pivotUnchanged: boolean;
}

/** A person asked to stop (Ctrl-C). Ends when nothing is in flight any more. */
export interface RunInterrupted {
  readonly type: 'run.interrupted';
  readonly atMs: number;
}

interface OfAttempt<Type extends string> {
  readonly type: Type;
  readonly atMs: number;
  readonly step: string;
  /** Counts from 1 over the whole saga, kills and resumes included. */
  readonly attempt: number;
}

interface Failure {
  readonly error: RecordedError;
  readonly retryable: boolean;
}

/** An attempt begins: the probe and the guards are asked, which changes nothing. */
export type StepAttempt = OfAttempt<'step.attempt'>;
/** The step itself is about to be run. Without this record nothing was sent that could change anything. */
export type StepActing = OfAttempt<'step.acting'>;
/** `by` tells whether the step ran to its end or its probe answered `done`. */
export type StepDone = OfAttempt<'step.done'> & { readonly by: 'run' | 'probe' };
/** `unchanged`: it is known that neither this attempt nor an earlier one changed anything. */
export type StepFailed = OfAttempt<'step.failed'> & Failure & { readonly unchanged: boolean };
/** The attempt was cut short by homelab itself: interruption, or a failed sibling. Its effect is unknown. */
export type StepCancelled = OfAttempt<'step.cancelled'>;

export type UndoAttempt = OfAttempt<'undo.attempt'>;
export type UndoDone = OfAttempt<'undo.done'>;
export type UndoFailed = OfAttempt<'undo.failed'> & Failure;
export type UndoCancelled = OfAttempt<'undo.cancelled'>;

export type StepOutcomeRecord = StepDone | StepFailed | StepCancelled;
export type UndoOutcomeRecord = UndoDone | UndoFailed | UndoCancelled;
export type StepRecord = StepAttempt | StepActing | StepOutcomeRecord;
export type UndoRecord = UndoAttempt | UndoOutcomeRecord;

/** Every record but the first is an event of the machine. */
export type SagaEvent = RunStarted | RunInterrupted | StepRecord | UndoRecord;
export type SagaRecord = SagaPlanned | SagaEvent;

const ATTEMPT = { step: 'string', attempt: 'number' } as const;
const FAILURE = { ...ATTEMPT, error: 'object', retryable: 'boolean' } as const;

const FIELDS: Readonly<Record<SagaRecord['type'], Readonly<Record<string, string>>>> = {
  'saga.planned': {
    version: 'number',
    saga: 'string',
    lab: 'string',
    provider: 'string',
    digest: 'string',
    outline: 'object',
  },
  'run.started': { mode: 'string', pivotUnchanged: 'boolean' },
  'run.interrupted': {},
  'step.attempt': ATTEMPT,
  'step.acting': ATTEMPT,
  'step.done': { ...ATTEMPT, by: 'string' },
  'step.failed': { ...FAILURE, unchanged: 'boolean' },
  'step.cancelled': ATTEMPT,
  'undo.attempt': ATTEMPT,
  'undo.done': ATTEMPT,
  'undo.failed': FAILURE,
  'undo.cancelled': ATTEMPT,
};

/** Narrows what a journal's line held. Returns what is wrong with it when it is not a record of this version. */
export function checkRecord(value: unknown): { record: SagaRecord } | { wrong: string } {
  if (typeof value !== 'object' || value === null) return { wrong: 'it is not an object' };
  const fields = new Map<string, unknown>(Object.entries(value));
  const type = fields.get('type');
  const wanted = Object.entries(FIELDS).find(([name]) => name === type)?.[1];
  if (wanted === undefined) return { wrong: `its type ${String(type)} is not known` };
  for (const [name, kind] of Object.entries({ atMs: 'number', ...wanted })) {
    const found = fields.get(name);
    if (typeof found !== kind || found === null) return { wrong: `its field "${name}" is not a ${kind}` };
  }
  if (type === 'saga.planned' && fields.get('version') !== 1) return { wrong: 'its version is not 1' };
  return { record: value as SagaRecord };
}

/** The journal's first record; the caller knows that there is one. */
export function plannedOf(records: readonly SagaRecord[]): SagaPlanned {
  const first = records[0];
  if (first?.type !== 'saga.planned') throw new BugError('a journal must begin with saga.planned');
  return first;
}
