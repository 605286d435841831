/**
 * One attempt of a step or of its compensation, within its time. Leaves out what comes of it: retries, order and
 * records are the machine's and the runner's.
 */
import type { Clock } from '../base/clock.js';
import { BugError, CancelledError } from '../base/errors.js';
import type { Provider } from '../provider/provider.js';
import { failureOf, type Failure } from './failure.js';
import { StepError, type ProbeAnswer, type Step, type StepContext } from './saga.js';

/** What an attempt is given beside the step. */
export interface AttemptContext {
  readonly provider: Provider;
  /** Aborts with a `CancelledError` when homelab wants the attempt to end early. */
  readonly cancel: AbortSignal;
  readonly log: (line: string) => void;
}

export type StepEnd =
  | { readonly type: 'step.done'; readonly by: 'run' | 'probe' }
  | ({ readonly type: 'step.failed'; readonly unchanged: boolean } & Failure)
  | { readonly type: 'step.cancelled' };

export type UndoEnd =
  | { readonly type: 'undo.done' }
  | ({ readonly type: 'undo.failed' } & Failure)
  | { readonly type: 'undo.cancelled' };

/** What may have changed before this attempt, and what must be recorded before it changes anything. */
export interface Touch {
  readonly before: boolean;
  /** Resolves when it is durable that the step is about to act. */
  readonly record: () => Promise<void>;
}

/** Probe, then guards, then run. Rejects only with a bug. */
export async function attemptStep(step: Step, context: AttemptContext, touch: Touch): Promise<StepEnd> {
  let touched = touch.before;
  const settled = await settle(step, context, async (inner): Promise<'run' | 'probe'> => {
    if (step.probe !== undefined && (await step.probe(inner)) === 'done') return 'probe';
    await askGuards(step, inner);
    inner.signal.throwIfAborted();
    touched = true;
    await touch.record();
    inner.signal.throwIfAborted();
    await step.run(inner);
    return 'run';
  });
  if (settled.kind === 'done') return { type: 'step.done', by: settled.value };
  if (settled.kind === 'cancelled') return { type: 'step.cancelled' };
  const found = touched && step.kind === 'pivot' ? await askPivot(step, context) : 'unknown';
  if (found === 'done') return { type: 'step.done', by: 'probe' };
  if (found === 'cancelled') return { type: 'step.cancelled' };
  return { type: 'step.failed', unchanged: !touched || found === 'not-done', ...settled.failure };
}

/** Rejects only with a bug. */
export async function attemptUndo(step: Step, context: AttemptContext): Promise<UndoEnd> {
  const { compensate } = step;
  if (compensate === undefined) throw new BugError(`step ${step.key} has no compensation`);
  const settled = await settle(step, context, compensate);
  if (settled.kind === 'failed') return { type: 'undo.failed', ...settled.failure };
  return { type: settled.kind === 'done' ? 'undo.done' : 'undo.cancelled' };
}

/**
 * Did a pivot of unknown outcome happen? `unknown` also when it has no probe or the probe fails: whatever cannot
 * show that nothing changed counts as changed.
 */
export async function askPivot(step: Step, context: AttemptContext): Promise<ProbeAnswer | 'cancelled'> {
  const { probe } = step;
  if (probe === undefined) return 'unknown';
  const settled = await settle(step, context, probe);
  if (settled.kind === 'failed') return 'unknown';
  return settled.kind === 'done' ? settled.value : 'cancelled';
}

async function askGuards(step: Step, context: StepContext): Promise<void> {
  for (const guard of step.guards ?? []) {
    context.signal.throwIfAborted();
    const reason = await guard(context);
    if (reason === null) continue;
    throw new StepError({
      code: 'guard-refused',
      message: `${step.title}: ${reason}`,
      remedy: 'Remove the reason, then go on with `homelab resume` or go back with `homelab abort`.',
      retryable: false,
    });
  }
}

type Settled<Value> =
  | { readonly kind: 'done'; readonly value: Value }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'cancelled' };

/**
 * Gives `work` a signal and the step's time. When the time is over or the attempt is cancelled the signal
 * aborts, and then `work` is waited for: nothing of a step goes on in the background after its outcome is known.
 * Work that ends well in spite of the abort has ended well. Rejects only with a bug.
 */
async function settle<Value>(
  step: Step,
  { provider, cancel, log }: AttemptContext,
  work: (context: StepContext) => Promise<Value>,
): Promise<Settled<Value>> {
  const { clock } = provider;
  const attempt = new AbortController();
  const onCancel = (): void => {
    attempt.abort(cancel.reason);
  };
  if (cancel.aborted) onCancel();
  cancel.addEventListener('abort', onCancel, { once: true });
  const stopTimer = startTimer(step, clock, attempt);
  try {
    attempt.signal.throwIfAborted();
    const shell = provider.shell.bind(provider);
    return { kind: 'done', value: await work({ provider, clock, signal: attempt.signal, shell, log }) };
  } catch (error) {
    // After an abort the work may fail in any way that a cut-off command has; the reason is why it was cut off.
    const cause: unknown =
      attempt.signal.aborted && failureOf(error) !== null ? attempt.signal.reason : error;
    if (cause instanceof CancelledError && attempt.signal.aborted) return { kind: 'cancelled' };
    const failure = failureOf(cause);
    if (failure === null) throw cause;
    return { kind: 'failed', failure };
  } finally {
    cancel.removeEventListener('abort', onCancel);
    await stopTimer();
  }
}

/** Aborts `attempt` when the step's time is over. A clock that fails aborts it too, with the clock's error. */
function startTimer(step: Step, clock: Clock, attempt: AbortController): () => Promise<void> {
  const timer = new AbortController();
  const ended = clock.sleep(step.timeoutMs, timer.signal).then(
    () => {
      attempt.abort(timedOut(step));
    },
    (error: unknown) => {
      if (!(error instanceof CancelledError && timer.signal.aborted)) attempt.abort(error);
    },
  );
  return async () => {
    timer.abort('the attempt has ended');
    await ended;
  };
}

function timedOut(step: Step): StepError {
  return new StepError({
    code: 'timed-out',
    message: `${step.title} did not end within ${step.timeoutMs} ms of lab time`,
    remedy: 'Look at the machines with `homelab status`; slow ones need a larger `vos.time_scale`.',
    retryable: true,
  });
}
