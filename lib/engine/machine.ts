/**
 * The saga as one pure state machine. Its events are the journal's records and its actions are named effects
 * that engine/runner.ts performs; nothing here runs anything, knows the time or keeps a secret. Only xstate's
 * `initialTransition` and `transition` are used. Live actors, `after` and persisted snapshots are left out:
 * restored timers of xstate 5 never fire, restored promises run again, and ids come from a random number.
 */
import { initialTransition, setup, transition, type SnapshotFrom } from 'xstate';
import { BugError, UserError } from '../base/errors.js';
import type { PlanOutline } from './plan.js';
import { plannedOf, type SagaEvent, type SagaRecord } from './records.js';
import { backoffMs, type SagaOutcome } from './saga.js';
import {
  hasFailed,
  initialState,
  isComplete,
  isExpected,
  isQuiet,
  isUntilReached,
  keysWith,
  outlineStep,
  pointOfNoReturn,
  reduce,
  startable,
  stepState,
  undoable,
  withActivity,
  type SagaState,
} from './state.js';

interface Attempt {
  readonly step: string;
  readonly attempt: number;
}

/** What the machine asks the runner to do, with everything needed to do it. */
export type Effect =
  /** After `waitMs` of lab time, record the attempt. */
  | {
      readonly type: 'schedule';
      readonly params: Attempt & { readonly undo: boolean; readonly waitMs: number };
    }
  | { readonly type: 'perform'; readonly params: Attempt }
  | { readonly type: 'undo'; readonly params: Attempt }
  /** Let go of the step, whether it waits or runs; a running one still owes its outcome. */
  | { readonly type: 'cancel'; readonly params: { readonly step: string } }
  /** This run is over. */
  | { readonly type: 'end'; readonly params: { readonly outcome: SagaOutcome } };

type Params<Type extends Effect['type']> = Extract<Effect, { type: Type }>['params'];

const saga = setup({
  types: { context: {} as SagaState, events: {} as SagaEvent },
  // Effects have names and parameters and no body: xstate hands them back from `transition`.
  actions: {
    schedule: (_, _params: Params<'schedule'>) => undefined,
    perform: (_, _params: Params<'perform'>) => undefined,
    undo: (_, _params: Params<'undo'>) => undefined,
    cancel: (_, _params: Params<'cancel'>) => undefined,
    end: (_, _params: Params<'end'>) => undefined,
  },
  guards: {
    expected: ({ context, event }) => isExpected(context, event),
    goesForward: ({ context, event }) =>
      event.type === 'run.started' && event.mode !== 'abort' && context.direction === 'forward',
    goesBack: ({ context, event }) =>
      event.type === 'run.started' &&
      (context.direction === 'back' ||
        (event.mode === 'abort' && (event.pivotUnchanged || pointOfNoReturn(context) === null))),
    complete: ({ context }) => isComplete(context),
    turnedBack: ({ context }) => context.direction === 'back',
    broken: ({ context }) => hasFailed(context) && isQuiet(context),
    interrupted: ({ context }) => context.interrupted && isQuiet(context),
    untilReached: ({ context }) => isUntilReached(context) && isQuiet(context),
    undoneButNotAll: ({ context }) =>
      isUndone(context) && keysWith(context, (s) => s.undo === 'failed').length > 0,
    undone: ({ context }) => isUndone(context),
  },
});

function isUndone(state: SagaState): boolean {
  return isQuiet(state) && undoable(state).length === 0;
}

const note = saga.assign(({ context, event }) => reduce(context, event));

/** Begins every step of the current stage for which there is room. */
const goOn = saga.enqueueActions(({ context, enqueue }) => {
  const keys = startable(context);
  for (const step of keys) {
    const { attempts, failures } = stepState(context, step);
    const waitMs = backoffMs(outlineStep(context, step).retry, failures);
    enqueue({ type: 'schedule', params: { step, attempt: attempts + 1, undo: false, waitMs } });
  }
  enqueue.assign(withActivity(context, keys, 'scheduled'));
});

/** Begins the next compensation when nothing else is in flight: one at a time, so that the order is exact. */
const goBack = saga.enqueueActions(({ context, enqueue }) => {
  const step = undoable(context)[0];
  if (step === undefined || context.interrupted || !isQuiet(context)) return;
  const { undoAttempts, undoFailures } = stepState(context, step);
  const waitMs = backoffMs(context.outline.undoRetry, undoFailures);
  enqueue({ type: 'schedule', params: { step, attempt: undoAttempts + 1, undo: true, waitMs } });
  enqueue.assign(withActivity(context, [step], 'undo-scheduled'));
});

/** What waits for its attempt is idle at once; what runs stays in flight until its outcome is recorded. */
const cancelAll = saga.enqueueActions(({ context, enqueue }) => {
  for (const step of keysWith(context, ({ activity }) => activity !== 'idle')) {
    enqueue({ type: 'cancel', params: { step } });
  }
  const waiting = keysWith(
    context,
    ({ activity }) => activity === 'scheduled' || activity === 'undo-scheduled',
  );
  enqueue.assign(withActivity(context, waiting, 'idle'));
});

const reopens = [
  { guard: 'goesForward', target: 'running', reenter: true, actions: note },
  { guard: 'goesBack', target: 'undoing', reenter: true, actions: note },
] as const;
const forwardOutcome = { guard: 'expected', actions: [note, goOn] } as const;
const lateOutcome = { guard: 'expected', actions: [note, goBack] } as const;

const running = saga.createStateConfig({
  entry: goOn,
  on: {
    'run.started': reopens,
    'run.interrupted': { actions: [note, cancelAll] },
    'step.attempt': {
      guard: 'expected',
      actions: [
        note,
        { type: 'perform', params: ({ event }) => ({ step: event.step, attempt: event.attempt }) },
      ],
    },
    'step.acting': { guard: 'expected', actions: note },
    'step.done': forwardOutcome,
    'step.failed': forwardOutcome,
    'step.cancelled': forwardOutcome,
  },
  always: [
    { guard: 'complete', target: 'completed' },
    { guard: 'turnedBack', target: 'undoing' },
    { guard: 'broken', target: 'stuck' },
    { guard: 'interrupted', target: 'interrupted' },
    { guard: 'untilReached', target: 'partial' },
  ],
});

const undoing = saga.createStateConfig({
  entry: [cancelAll, goBack],
  on: {
    'run.started': reopens,
    'run.interrupted': { actions: [note, cancelAll] },
    'step.acting': { guard: 'expected', actions: note },
    'step.done': lateOutcome,
    'step.failed': lateOutcome,
    'step.cancelled': lateOutcome,
    'undo.attempt': {
      guard: 'expected',
      actions: [
        note,
        { type: 'undo', params: ({ event }) => ({ step: event.step, attempt: event.attempt }) },
      ],
    },
    'undo.done': lateOutcome,
    'undo.failed': lateOutcome,
    'undo.cancelled': lateOutcome,
  },
  always: [
    { guard: 'undoneButNotAll', target: 'stuck' },
    { guard: 'undone', target: 'compensated' },
    { guard: 'interrupted', target: 'interrupted' },
  ],
});

/**
 * The machine of one plan. Its context is made here, once, and not from xstate's `input`: `transition` makes an
 * actor that it throws away, and that actor would make the context again, without the input.
 */
export function machineOf(outline: PlanOutline) {
  return saga.createMachine({
    id: 'saga',
    context: initialState(outline),
    initial: 'planned',
    states: {
      planned: { on: { 'run.started': reopens } },
      running,
      undoing,
      partial: { entry: { type: 'end', params: { outcome: 'partial' } }, on: { 'run.started': reopens } },
      interrupted: {
        entry: { type: 'end', params: { outcome: 'interrupted' } },
        on: { 'run.started': reopens },
      },
      stuck: { entry: { type: 'end', params: { outcome: 'stuck' } }, on: { 'run.started': reopens } },
      completed: { type: 'final', entry: { type: 'end', params: { outcome: 'completed' } } },
      compensated: { type: 'final', entry: { type: 'end', params: { outcome: 'compensated' } } },
    },
  });
}

type SagaMachine = ReturnType<typeof machineOf>;
export type SagaSnapshot = SnapshotFrom<SagaMachine>;

/** The state before any event, from the plan in the first record. */
export function begin(outline: PlanOutline): SagaSnapshot {
  return initialTransition(machineOf(outline))[0];
}

/** One event further. Throws a `BugError` for an event that cannot come in this state. */
export function advance(
  snapshot: SagaSnapshot,
  event: SagaEvent,
): readonly [SagaSnapshot, readonly Effect[]] {
  if (!snapshot.can(event)) {
    throw new BugError(`a saga that is ${snapshot.value} cannot take ${JSON.stringify(event)}`);
  }
  const [next, actions] = transition(machineBehind(snapshot), snapshot, event);
  return [next, actions.map(({ type, params }) => ({ type, params }) as Effect)];
}

/** A snapshot knows the machine that made it, as any machine; it was made by `machineOf`. */
function machineBehind(snapshot: SagaSnapshot): SagaMachine {
  return snapshot.machine as SagaMachine;
}

/** All of a journal's records, whose first is `saga.planned`. Their effects belong to processes that are gone. */
export function fold(records: readonly SagaRecord[]): SagaSnapshot {
  const machine = machineOf(plannedOf(records).outline);
  let [snapshot] = initialTransition(machine);
  records.slice(1).forEach((record, i) => {
    if (record.type === 'saga.planned' || !snapshot.can(record)) {
      throw new UserError({
        code: 'journal-inconsistent',
        message: `record ${i + 2} of the journal, ${record.type}, cannot follow the records before it`,
        remedy: 'Restore the journal from a copy, or run `homelab destroy`, which does not need it.',
      });
    }
    snapshot = transition(machine, snapshot, record)[0];
  });
  return snapshot;
}

/** How the saga stands. One that says neither is one whose process was killed, which is `interrupted`. */
export function outcomeOf({ value }: SagaSnapshot): SagaOutcome {
  return value === 'planned' || value === 'running' || value === 'undoing' ? 'interrupted' : value;
}

/** Can no later run change anything? */
export function isOver(snapshot: SagaSnapshot): boolean {
  return snapshot.value === 'completed' || snapshot.value === 'compensated';
}
