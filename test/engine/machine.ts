// Every path of the saga machine over small plans, found by xstate/graph, and what must hold on each of them.
import t from 'tap';
import { getShortestPaths, getSimplePaths } from 'xstate/graph';
import { advance, begin, machineOf, type Effect, type SagaSnapshot } from '../../lib/engine/machine.js';
import { outlineOf, type PlanOutline } from '../../lib/engine/plan.js';
import type { SagaEvent } from '../../lib/engine/records.js';
import { backoffMs } from '../../lib/engine/saga.js';
import { stepsOf, stepState } from '../../lib/engine/state.js';
import { toySaga, toyStage, toyStep } from '../helpers/toy-saga.js';

// Some seconds on an idle machine; a busy one must not make it fail.
t.setTimeout(180_000);

const ONCE = { attempts: 1, backoffMs: 0, factor: 1, maxBackoffMs: 0 };
const ERROR = { code: 'failed', message: 'it failed', remedy: 'Look.' };

/** A stage of these steps at once, a pivot, a step after it. */
function planOf(keys: readonly string[], retry = ONCE): PlanOutline {
  const saga = toySaga([
    toyStage(
      'first',
      keys.map((key) => toyStep(key, 'compensable', { retry })),
      2,
    ),
    toyStage('commit', [toyStep('commit', 'pivot', { retry })]),
    toyStage('after', [toyStep('label', 'retriable', { retry })]),
  ]);
  return outlineOf({ ...saga, undoRetry: retry });
}

/** What the runner and a person could make happen next; with `resumes` also kills, while attempts are few. */
function eventsOf(snapshot: SagaSnapshot, resumes: boolean): readonly SagaEvent[] {
  const { context, value } = snapshot;
  const events: SagaEvent[] = [];
  const started = (mode: 'run' | 'resume' | 'abort', until: string | null = null): void => {
    events.push({ type: 'run.started', atMs: 0, mode, until, pivotUnchanged: false });
  };
  if (value === 'planned') {
    started('run');
    started('run', 'first');
  } else if (resumes && context.steps.every((s) => s.attempts <= 1 && s.undoAttempts <= 1)) {
    started('resume');
    started('abort');
  }
  events.push({ type: 'run.interrupted', atMs: 0 });
  for (const { key, kind } of stepsOf(context.outline)) {
    const { attempts, undoAttempts, activity } = stepState(context, key);
    const now = { atMs: 0, step: key, attempt: attempts } as const;
    const undo = { atMs: 0, step: key, attempt: undoAttempts } as const;
    const failed = { ...now, type: 'step.failed', error: ERROR, retryable: true } as const;
    events.push(
      { ...now, type: 'step.attempt', attempt: attempts + 1 },
      { ...now, type: 'step.acting' },
      { ...now, type: 'step.done', by: 'run' },
      { ...now, type: 'step.done', by: 'probe' },
      { ...failed, unchanged: activity === 'checking' && !stepState(context, key).touched },
      ...(kind === 'pivot' ? [{ ...failed, unchanged: true }] : []),
      { ...now, type: 'step.cancelled' },
      { ...undo, type: 'undo.attempt', attempt: undoAttempts + 1 },
      { ...undo, type: 'undo.done' },
      { ...undo, type: 'undo.failed', error: ERROR, retryable: true },
      { ...undo, type: 'undo.cancelled' },
    );
  }
  return events.filter((event) => snapshot.can(event));
}

/** Equal for snapshots that nothing can tell apart; the plan is the same in all of them. */
function identity(snapshot: SagaSnapshot): string {
  const { outline: _outline, outlines: _outlines, places: _places, ...rest } = snapshot.context;
  return JSON.stringify([snapshot.value, rest]);
}

interface Walked {
  readonly event: SagaEvent;
  readonly before: SagaSnapshot;
  readonly after: SagaSnapshot;
  readonly effects: readonly Effect[];
}

/** xstate's paths begin with an event of its own, which is left out. */
function walk(plan: PlanOutline, events: readonly SagaEvent[]): readonly Walked[] {
  let before = begin(plan);
  return events.map((event) => {
    const [after, effects] = advance(before, event);
    const walked = { event, before, after, effects };
    before = after;
    return walked;
  });
}

/** Everything that is wrong with a path, computed from its events and not from the machine's own state. */
function wrongWith(plan: PlanOutline, path: readonly Walked[]): readonly string[] {
  const events = path.map(({ event }) => event);
  const end = path.at(-1)?.after;
  const done = events.flatMap((event) => (event.type === 'step.done' ? [event.step] : []));
  const acted = new Set(events.flatMap((event) => (event.type === 'step.acting' ? [event.step] : [])));
  const undone = events.flatMap((event) => (event.type === 'undo.done' ? [event.step] : []));
  const wrong: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) wrong.push(what);
  };
  const firstUndo = events.findIndex((event) => event.type === 'undo.attempt');
  if (firstUndo !== -1) {
    const earlier = events.slice(0, firstUndo);
    check(!done.some((key) => key === 'commit' || key === 'label'), 'undone after the pivot');
    check(
      !events.slice(firstUndo).some((event) => event.type === 'step.attempt'),
      'went forward after it had gone back',
    );
    const failed = earlier.flatMap((event) => (event.type === 'step.failed' ? [event.step] : []));
    const first = events[firstUndo];
    const cause = failed[0];
    if (cause !== undefined && acted.has(cause) && cause !== 'commit' && failed.length === 1) {
      check(first?.type === 'undo.attempt' && first.step === cause, 'the failed step was not undone first');
    }
  }
  const reversed = done.filter((key) => undone.includes(key) && acted.has(key)).toReversed();
  const doneUndone = undone.filter((key) => done.includes(key));
  check(doneUndone.join() === reversed.join(), `undone in order ${doneUndone.join()}, done ${done.join()}`);
  for (const { key, retry } of stepsOf(plan)) {
    const attempts = events.filter((event) => event.type === 'step.attempt' && event.step === key).length;
    const cuts = events.filter(
      (event) => event.type === 'run.started' || event.type === 'step.cancelled',
    ).length;
    check(attempts <= retry.attempts * Math.max(1, cuts), `${attempts} attempts of ${key}`);
  }
  check(!undone.some((key) => !acted.has(key)), 'undid what never acted');
  if (end?.value === 'completed')
    check(new Set(done).size === stepsOf(plan).length, 'completed without all steps');
  if (end?.value === 'compensated') {
    const left = ['a', 'b'].filter((key) => acted.has(key) && !undone.includes(key));
    check(left.length === 0 && !done.includes('commit'), `compensated with ${left.join()} left`);
  }
  if (end?.value === 'stuck') {
    check(
      events.some((event) => event.type === 'step.failed' || event.type === 'undo.failed'),
      'stuck without a failure',
    );
  }
  const ends = path.at(-1)?.effects.filter((effect) => effect.type === 'end') ?? [];
  const atRest = !['planned', 'running', 'undoing'].includes(end?.value ?? 'planned');
  check(ends.length === (atRest ? 1 : 0), 'the end of the run was not told once');
  return wrong;
}

function isEvent(event: { type: string }): event is SagaEvent {
  return event.type !== 'xstate.init';
}

const RESTS = ['compensated', 'completed', 'interrupted', 'partial', 'stuck'];

function options(resumes: boolean) {
  return {
    serializeState: identity,
    serializeEvent: (event: SagaEvent) => JSON.stringify(event),
    events: (snapshot: SagaSnapshot) => eventsOf(snapshot, resumes),
  };
}

function problemsOn(plan: PlanOutline, paths: readonly { steps: readonly { event: { type: string } }[] }[]) {
  const wrong = paths.flatMap(({ steps }) =>
    wrongWith(plan, walk(plan, steps.map(({ event }) => event).filter(isEvent))),
  );
  return [...new Set(wrong)];
}

function restsOf(paths: readonly { state: { value: unknown } }[]): readonly unknown[] {
  return [...new Set(paths.map(({ state }) => state.value))]
    .filter((value) => RESTS.includes(String(value)))
    .sort();
}

void t.test('every simple path of one run', async (t) => {
  const plan = planOf(['a']);
  const paths = getSimplePaths(machineOf(plan), options(false));
  t.comment(`paths: ${paths.length}`);
  t.strictSame(restsOf(paths), RESTS);
  t.strictSame(problemsOn(plan, paths), []);
});

void t.test('a shortest path to every state of one run with two steps at once', async (t) => {
  const plan = planOf(['a', 'b']);
  const paths = getShortestPaths(machineOf(plan), options(false));
  t.comment(`states: ${paths.length}`);
  t.strictSame(restsOf(paths), RESTS);
  t.strictSame(problemsOn(plan, paths), []);
});

void t.test('a shortest path to every state with kills, resumes and aborts', async (t) => {
  const plan = planOf(['a']);
  const paths = getShortestPaths(machineOf(plan), options(true));
  t.comment(`states: ${paths.length}`);
  t.strictSame(restsOf(paths), RESTS);
  t.strictSame(problemsOn(plan, paths), []);
});

void t.test('the checks on paths see a planted defect', async (t) => {
  const plan = planOf(['a']);
  const broken: PlanOutline = {
    ...plan,
    stages: plan.stages.map((stage) => ({
      ...stage,
      steps: stage.steps.map((step) => ({ ...step, kind: 'compensable', hasCompensation: true })),
    })),
  };
  const paths = getShortestPaths(machineOf(broken), options(false));
  t.ok(problemsOn(broken, paths).includes('undone after the pivot'));
});

void t.test('a final state takes nothing more, and a wrong event is a bug', async (t) => {
  const plan = planOf(['a']);
  const started: SagaEvent = {
    type: 'run.started',
    atMs: 0,
    mode: 'run',
    until: null,
    pivotUnchanged: false,
  };
  const early: SagaEvent = { type: 'undo.done', atMs: 0, step: 'a', attempt: 1 };
  const [running] = advance(begin(plan), started);
  t.throws(() => advance(running, early), /cannot take/);
  t.throws(() => advance(begin(plan), early), /cannot take/);
  const aborted = advance(running, { ...started, mode: 'abort' })[0];
  t.equal(aborted.value, 'compensated');
  t.throws(() => advance(aborted, started), /cannot take/);
});

void t.test('back-off grows, is capped and starts with the first failure', async (t) => {
  const retry = { attempts: 9, backoffMs: 1_000, factor: 1.5, maxBackoffMs: 3_000 };
  t.strictSame(
    [0, 1, 2, 3, 4, 100].map((failures) => backoffMs(retry, failures)),
    [0, 1_000, 1_500, 2_250, 3_000, 3_000],
  );
});
