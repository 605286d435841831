/**
 * What is known of a saga after some of its records: plain data, the context of engine/machine.ts. `reduce` only
 * notes what a record says; what follows from it is decided by the machine with the questions further down.
 */
import { must } from '../base/errors.js';
import type { RecordedError } from './journal.js';
import type { PlanOutline, StageOutline, StepOutline } from './plan.js';
import type { RunStarted, SagaEvent, StepFailed, UndoFailed } from './records.js';

/** `scheduled` steps wait for their attempt to be recorded, at once or after a back-off. */
export type Activity = 'idle' | 'scheduled' | 'checking' | 'acting' | 'undo-scheduled' | 'undoing';

export interface StepState {
  readonly forward: 'pending' | 'done' | 'skipped' | 'failed';
  readonly undo: 'none' | 'done' | 'failed';
  readonly activity: Activity;
  /** True once the step may have changed something. */
  readonly touched: boolean;
  /** Grows with every step that begins to act or completes, over the whole saga. */
  readonly order: number;
  /** Attempts recorded over the whole saga. */
  readonly attempts: number;
  /**
   * Failures that count against the retry policy. An attempt that was cut off, by a kill or an interruption,
   * has no recorded failure and so counts for nothing: being killed never uses up a step's attempts.
   */
  readonly failures: number;
  readonly undoAttempts: number;
  readonly undoFailures: number;
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
}

export interface SagaState {
  readonly outline: PlanOutline;
  /** The outline's steps in the plan's order, and where each key is in them: nothing is searched for. */
  readonly outlines: readonly StepOutline[];
  readonly places: Readonly<Record<string, number>>;
  readonly direction: 'forward' | 'back';
  readonly interrupted: boolean;
  /** Key of the last stage to run, or null for all. */
  readonly until: string | null;
  /** What stopped the saga, for a person; null while it goes well or when it was aborted on purpose. */
  readonly error: RecordedError | null;
  readonly order: number;
  /** In the plan's order: a list is copied at each record, which for a map of thousands would be dear. */
  readonly steps: readonly StepState[];
}

const UNTOUCHED: StepState = {
  forward: 'pending',
  undo: 'none',
  activity: 'idle',
  touched: false,
  order: 0,
  attempts: 0,
  failures: 0,
  undoAttempts: 0,
  undoFailures: 0,
  startedAtMs: null,
  endedAtMs: null,
};

export function initialState(outline: PlanOutline): SagaState {
  const outlines = stepsOf(outline);
  return {
    outline,
    outlines,
    places: Object.fromEntries(outlines.map((step, place) => [step.key, place])),
    direction: 'forward',
    interrupted: false,
    until: null,
    error: null,
    order: 0,
    steps: outlines.map(() => UNTOUCHED),
  };
}

export function stepsOf(outline: PlanOutline): readonly StepOutline[] {
  return outline.stages.flatMap((stage) => stage.steps);
}

export function stepState(state: SagaState, key: string): StepState {
  return must(state.steps[placeOf(state, key)], `no step ${key} in the plan`);
}

export function outlineStep(state: SagaState, key: string): StepOutline {
  return must(state.outlines[placeOf(state, key)], `no step ${key} in the plan`);
}

/** Of a step that is not in the plan there is nothing anywhere. */
function placeOf(state: SagaState, key: string): number {
  return state.places[key] ?? -1;
}

/** Can `event` come next? The machine refuses any other, so a wrong journal or a wrong runner is seen at once. */
export function isExpected(state: SagaState, event: SagaEvent): boolean {
  if (event.type === 'run.started' || event.type === 'run.interrupted') return true;
  const step = state.steps[placeOf(state, event.step)];
  if (step === undefined) return false;
  const { activity, attempts, undoAttempts } = step;
  switch (event.type) {
    case 'step.attempt':
      return activity === 'scheduled' && event.attempt === attempts + 1;
    case 'step.acting':
      return activity === 'checking' && event.attempt === attempts;
    case 'step.done':
      return (activity === 'acting' || event.by === 'probe') && isRunning(step) && event.attempt === attempts;
    case 'step.failed':
      return isRunning(step) && event.attempt === attempts;
    case 'step.cancelled':
      return (
        isRunning(step) && event.attempt === attempts && (state.interrupted || state.direction === 'back')
      );
    case 'undo.attempt':
      return activity === 'undo-scheduled' && event.attempt === undoAttempts + 1;
    case 'undo.done':
    case 'undo.failed':
      return activity === 'undoing' && event.attempt === undoAttempts;
    case 'undo.cancelled':
      return activity === 'undoing' && event.attempt === undoAttempts && state.interrupted;
  }
}

function isRunning({ activity }: StepState): boolean {
  return activity === 'checking' || activity === 'acting';
}

export function reduce(state: SagaState, event: SagaEvent): SagaState {
  switch (event.type) {
    case 'run.started':
      return reopen(state, event);
    case 'run.interrupted':
      return { ...state, interrupted: true };
    case 'step.attempt': {
      const { attempts, startedAtMs } = stepState(state, event.step);
      return change(state, event.step, {
        activity: 'checking',
        attempts: attempts + 1,
        startedAtMs: startedAtMs ?? event.atMs,
        endedAtMs: null,
      });
    }
    case 'step.acting':
      return inOrder(state, event.step, { activity: 'acting', touched: true });
    case 'step.done': {
      const forward = stepState(state, event.step).touched ? 'done' : 'skipped';
      return inOrder(state, event.step, { activity: 'idle', forward, endedAtMs: event.atMs });
    }
    case 'step.failed':
      return fail(state, event);
    case 'step.cancelled':
      return change(state, event.step, { activity: 'idle', endedAtMs: event.atMs });
    case 'undo.attempt': {
      const { undoAttempts } = stepState(state, event.step);
      return change(state, event.step, { activity: 'undoing', undoAttempts: undoAttempts + 1 });
    }
    case 'undo.done':
      return change(state, event.step, { activity: 'idle', undo: 'done', endedAtMs: event.atMs });
    case 'undo.failed':
      return failUndo(state, event);
    case 'undo.cancelled':
      return change(state, event.step, { activity: 'idle' });
  }
}

/** A new process has nothing in flight, and what had failed for good gets fresh attempts: a person has looked. */
function reopen(state: SagaState, event: RunStarted): SagaState {
  const direction = event.mode === 'abort' ? 'back' : state.direction;
  const fresh = direction === 'forward' && hasFailed(state);
  const steps = state.steps.map((step): StepState => ({
    ...step,
    activity: 'idle',
    forward: fresh && step.forward === 'failed' ? 'pending' : step.forward,
    failures: fresh ? 0 : step.failures,
    undo: step.undo === 'failed' ? 'none' : step.undo,
    undoFailures: step.undo === 'failed' ? 0 : step.undoFailures,
  }));
  const error = direction === 'forward' ? null : state.error;
  return { ...state, direction, error, interrupted: false, until: event.until, steps };
}

/** Before the pivot a failure for good turns the saga back; from the pivot on it only waits for a person. */
function fail(state: SagaState, event: StepFailed): SagaState {
  const { kind, retry } = outlineStep(state, event.step);
  const step = stepState(state, event.step);
  const failures = step.failures + 1;
  const touched = step.touched && !event.unchanged;
  const forGood = !event.retryable || failures >= retry.attempts || hasFailed(state);
  const next = change(state, event.step, {
    activity: 'idle',
    failures,
    touched,
    forward: forGood ? 'failed' : 'pending',
    endedAtMs: event.atMs,
  });
  if (!forGood) return next;
  const turns = kind === 'compensable' || (kind === 'pivot' && !touched);
  return { ...next, direction: turns ? 'back' : state.direction, error: state.error ?? event.error };
}

function failUndo(state: SagaState, event: UndoFailed): SagaState {
  const undoFailures = stepState(state, event.step).undoFailures + 1;
  const forGood = !event.retryable || undoFailures >= state.outline.undoRetry.attempts;
  const next = change(state, event.step, {
    activity: 'idle',
    undoFailures,
    undo: forGood ? 'failed' : 'none',
    endedAtMs: event.atMs,
  });
  if (!forGood) return next;
  const message = `cannot undo ${event.step}: ${event.error.message}`;
  return { ...next, error: { ...event.error, message } };
}

function change(state: SagaState, key: string, changes: Partial<StepState>): SagaState {
  const steps = [...state.steps];
  steps[placeOf(state, key)] = { ...stepState(state, key), ...changes };
  return { ...state, steps };
}

function inOrder(state: SagaState, key: string, changes: Partial<StepState>): SagaState {
  const order = state.order + 1;
  return change({ ...state, order }, key, { ...changes, order });
}

export function withActivity(state: SagaState, keys: readonly string[], activity: Activity): SagaState {
  return keys.reduce((next, key) => change(next, key, { activity }), state);
}

export function keysWith(state: SagaState, holds: (step: StepState) => boolean): readonly string[] {
  return state.outlines.flatMap(({ key }) => (holds(stepState(state, key)) ? [key] : []));
}

/** Is nothing in flight or about to be? */
export function isQuiet(state: SagaState): boolean {
  return state.steps.every((step) => step.activity === 'idle');
}

export function hasFailed(state: SagaState): boolean {
  return state.steps.some((step) => step.forward === 'failed');
}

export function isComplete(state: SagaState): boolean {
  return state.outline.stages.every((stage) => isSettled(state, stage));
}

/** Has everything that this run was asked for been done? */
export function isUntilReached(state: SagaState): boolean {
  const last = state.outline.stages.findIndex((stage) => stage.key === state.until);
  return last !== -1 && state.outline.stages.slice(0, last + 1).every((stage) => isSettled(state, stage));
}

function isSettled(state: SagaState, stage: StageOutline): boolean {
  return statesOf(state, stage).every(({ forward }) => forward === 'done' || forward === 'skipped');
}

function statesOf(state: SagaState, { steps }: StageOutline): readonly StepState[] {
  const first = placeOf(state, steps[0]?.key ?? '');
  return state.steps.slice(first, first + steps.length);
}

/** Steps of the first unfinished stage for which there is room now, in the plan's order. */
export function startable(state: SagaState): readonly string[] {
  if (state.interrupted || state.direction === 'back' || hasFailed(state) || isUntilReached(state)) return [];
  const stage = state.outline.stages.find((candidate) => !isSettled(state, candidate));
  if (stage === undefined) return [];
  const states = statesOf(state, stage);
  const room = stage.concurrency - states.filter((step) => step.activity !== 'idle').length;
  const isWaiting = ({ forward, activity }: StepState): boolean =>
    forward === 'pending' && activity === 'idle';
  const waiting = states.flatMap((step, index) => (isWaiting(step) ? [stage.steps[index]?.key ?? ''] : []));
  return waiting.slice(0, room);
}

/**
 * Steps still to be undone: what failed first, then what was cut off half-way, then the completed ones in the
 * reverse of the order in which they completed.
 */
export function undoable(state: SagaState): readonly string[] {
  const rank = { failed: 0, pending: 1, done: 2, skipped: 3 };
  return state.outlines
    .map(({ key, hasCompensation }) => ({ key, hasCompensation, ...stepState(state, key) }))
    .filter(({ hasCompensation, touched, undo }) => touched && undo === 'none' && hasCompensation)
    .sort((a, b) => rank[a.forward] - rank[b.forward] || b.order - a.order)
    .map(({ key }) => key);
}

/** The step that makes going back impossible: the pivot or a later one that has acted or may have. */
export function pointOfNoReturn(state: SagaState): string | null {
  const passed = state.outlines.find(({ key, kind }) => {
    const { forward, touched } = stepState(state, key);
    return kind !== 'compensable' && (touched || (kind === 'pivot' && forward === 'skipped'));
  });
  return passed?.key ?? null;
}
