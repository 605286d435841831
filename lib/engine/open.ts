/**
 * May this run begin, and with what? Decides between a new saga, one that goes on and one that goes back, and
 * refuses with what to type instead. Nothing of the saga has been run when it returns or throws.
 */
import { assert, CancelledError, must, UserError } from '../base/errors.js';
import type { Provider } from '../provider/provider.js';
import { askPivot } from './attempt.js';
import type { Journal } from './journal.js';
import { begin, fold, isOver, type SagaSnapshot } from './machine.js';
import { digestOf, firstDifference, outlineOf } from './plan.js';
import { plannedOf, type RunMode, type SagaPlanned, type SagaRecord } from './records.js';
import type { Saga, Step } from './saga.js';
import { pointOfNoReturn, stepsOf, stepState, type SagaState } from './state.js';
import { validateSaga } from './validate.js';

export interface OpenOptions {
  readonly saga: Saga;
  readonly journal: Journal<SagaRecord>;
  readonly provider: Provider;
  /** Recorded with the plan; null where nothing is random. */
  readonly seed: number | null;
  /** Aborting it ends the run as `interrupted`, or an `abort` that only looks with a `CancelledError`. */
  readonly signal: AbortSignal;
  /**
   * `run` begins a new saga or goes on with a `partial` one, `resume` goes on with any open one, `abort` undoes
   * what an open one did.
   */
  readonly mode: RunMode;
  /** Key of the last stage to run; the saga then ends `partial` and a later run goes on. */
  readonly until?: string;
  /** Recorded with the plan of a saga that another one began: the number of that one's journal. */
  readonly parent?: number;
}

export interface Opened {
  readonly planned: SagaPlanned;
  readonly snapshot: SagaSnapshot;
  readonly pivotUnchanged: boolean;
}

/** Records the plan when there is none yet. Throws `UserError`s with exit code 2. */
export async function openSaga(options: OpenOptions): Promise<Opened> {
  const { saga, journal, mode, until } = options;
  validateSaga(saga);
  if (until !== undefined) checkUntil(saga, until);
  const records = journal.read();
  if (records.length === 0) {
    if (mode !== 'run') throw nothingOpen(mode);
    const planned = planSaga(options);
    return { planned, snapshot: begin(planned.outline), pivotUnchanged: false };
  }
  const planned = plannedOf(records);
  assert(planned.saga === saga.name && planned.lab === saga.lab, `the journal is of saga ${planned.saga}`);
  const snapshot = fold(records);
  if (isOver(snapshot)) {
    assert(mode !== 'run', 'a saga that is over needs a new journal to run again');
    throw nothingOpen(mode);
  }
  if (mode === 'run' && snapshot.value !== 'partial') throw alreadyOpen(saga);
  if (mode === 'abort') {
    checkCompensations(snapshot.context, saga);
    await letSettle(snapshot.context, options);
    return { planned, snapshot, pivotUnchanged: await checkPivot(snapshot.context, options) };
  }
  if (snapshot.context.direction === 'back') checkCompensations(snapshot.context, saga);
  else checkPlan(planned, saga);
  await letSettle(snapshot.context, options);
  return { planned, snapshot, pivotUnchanged: false };
}

/** More than a machine needs from taking a command over SSH to having renamed or removed a file. */
const SETTLE_MS = 2_000;

/**
 * What a killed homelab sent in its last moment may not have begun yet. Whoever looks at once would see the time before
 * it, and what it does then would hit what has been put right meanwhile. Programs that take longer are the business
 * of the steps that start them.
 */
async function letSettle(state: SagaState, { provider, signal }: OpenOptions): Promise<void> {
  const wasCut = state.steps.some(({ activity }) => activity === 'acting' || activity === 'undoing');
  if (!wasCut) return;
  try {
    await provider.clock.sleep(SETTLE_MS, signal);
  } catch (error) {
    // Whether the run goes on is decided, and recorded, where it is driven.
    if (!(error instanceof CancelledError)) throw error;
  }
}

/** The plan is a turn of its own: whatever tears the first append, the journal then holds nothing at all. */
function planSaga({ saga, journal, provider, seed, parent }: OpenOptions): SagaPlanned {
  const outline = outlineOf(saga);
  const planned: SagaPlanned = {
    type: 'saga.planned',
    atMs: provider.clock.nowMs(),
    version: 1,
    saga: saga.name,
    lab: saga.lab,
    provider: provider.name,
    seed,
    input: saga.input,
    digest: digestOf(outline),
    outline,
    ...(parent === undefined ? {} : { parent }),
  };
  journal.append([planned]);
  return planned;
}

/** The step's functions of this process. A recorded key may be gone from a changed plan. */
export function stepOf(saga: Saga, key: string): Step | undefined {
  for (const { steps } of saga.stages) {
    const found = steps.find((step) => step.key === key);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Throws unless the saga has a stage of that name. */
export function checkUntil(saga: Saga, until: string): void {
  const keys = saga.stages.map((stage) => stage.key);
  if (keys.includes(until)) return;
  throw new UserError({
    code: 'unknown-stage',
    message: `saga ${saga.name} has no stage ${until}`,
    remedy: `Name one of its stages: ${keys.join(', ')}.`,
  });
}

function checkPlan(planned: SagaPlanned, saga: Saga): void {
  const outline = outlineOf(saga);
  if (planned.digest === digestOf(outline)) return;
  const difference = firstDifference(planned.outline, outline) ?? 'digests differ';
  throw new UserError({
    code: 'plan-changed',
    message: `the plan of saga ${saga.name} is not the one it began with: ${difference}`,
    remedy:
      'Put the configuration back as it was and type `homelab resume`, or go back with `homelab abort`.',
  });
}

/** Going back only needs each recorded step's compensation, wherever it is in the plan now. */
function checkCompensations(state: SagaState, saga: Saga): void {
  const missing = stepsOf(state.outline).find(
    ({ key, hasCompensation }) => hasCompensation && stepOf(saga, key)?.compensate === undefined,
  );
  if (missing === undefined) return;
  throw new UserError({
    code: 'compensation-gone',
    message: `step ${missing.key} was recorded, and the plan no longer has its compensation`,
    remedy: 'Put the configuration back as it was, or run `homelab destroy`.',
  });
}

/** True when a pivot of unknown outcome has been asked and has changed nothing. Throws when it is too late. */
async function checkPivot(state: SagaState, options: OpenOptions): Promise<boolean> {
  const key = pointOfNoReturn(state);
  if (key === null) return false;
  const step = stepOf(options.saga, key);
  const { forward } = stepState(state, key);
  if (step?.kind !== 'pivot' || forward === 'done' || forward === 'skipped')
    throw tooLate(key, 'has been done');
  const { provider, signal } = options;
  const cancel = new AbortController();
  const onAbort = (): void => {
    cancel.abort(new CancelledError());
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const answer = await askPivot(step, { provider, cancel: cancel.signal, log: () => undefined });
    if (answer === 'cancelled') throw new CancelledError();
    if (answer === 'not-done') return true;
    throw tooLate(key, answer === 'done' ? 'has been done' : 'may have been done');
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function tooLate(key: string, how: string): UserError {
  return new UserError({
    code: 'past-pivot',
    message: `the saga cannot go back: step ${key} ${how}, and nothing is undone after that`,
    remedy: 'Go on with `homelab resume`, or remove the whole lab with `homelab destroy`.',
  });
}

function alreadyOpen(saga: Saga): UserError {
  return new UserError({
    code: 'saga-open',
    message: `saga ${saga.name} of lab ${saga.lab} was begun and is not over`,
    remedy: 'Go on with `homelab resume`, or go back with `homelab abort`.',
  });
}

function nothingOpen(mode: 'resume' | 'abort'): UserError {
  return new UserError({
    code: `nothing-to-${mode}`,
    message: `no saga is open, so there is nothing to ${mode}`,
    remedy: 'Look at earlier ones with `homelab saga list`, or begin one, such as `homelab up`.',
  });
}

export function mustStep(saga: Saga, key: string): Step {
  return must(stepOf(saga, key), `no step ${key} in saga ${saga.name}`);
}
