/**
 * What a saga is: plain data and functions, made whole before anything runs, so that it can be shown, digested
 * and compared with what a journal recorded.
 */
import type { Clock } from '../base/clock.js';
import type { Provider, Shell } from '../provider/provider.js';

/**
 * `compensable` steps are undone when the saga fails; the `pivot` is the point after which it only goes forward;
 * `retriable` steps come after the pivot and are tried until they succeed or a person must look.
 */
export type StepKind = 'compensable' | 'pivot' | 'retriable';

export interface RetryPolicy {
  /** Attempts in all, at least 1. */
  readonly attempts: number;
  /** Lab milliseconds before the second attempt. */
  readonly backoffMs: number;
  /** What each further wait is multiplied by. */
  readonly factor: number;
  readonly maxBackoffMs: number;
}

/** A compensation that meets a machine just restarting should outlast its start, hence about a minute of waits. */
export const UNDO_RETRY: RetryPolicy = { attempts: 4, backoffMs: 5_000, factor: 3, maxBackoffMs: 45_000 };

/** What a step may touch. Secrets read through it must not be returned, logged or thrown. */
export interface StepContext {
  readonly provider: Provider;
  readonly clock: Clock;
  /** Aborts when the step's time is over or the saga is interrupted. */
  readonly signal: AbortSignal;
  shell(machine: string): Shell;
  /** One line for a person; shown live, kept in the log, never in the journal. */
  readonly log: (line: string) => void;
}

/** `done` skips the step; `not-done` runs it; `unknown` runs it too, and tells a pivot that it may have happened. */
export type ProbeAnswer = 'done' | 'not-done' | 'unknown';

/** A guard's answer: null lets the step go on, a text stops it with that reason. */
export type Guard = (context: StepContext) => Promise<string | null>;

export interface Step {
  /** Stable: written in journals, compared on resume. Such as `join-control-plane:stage-cp-2`. */
  readonly key: string;
  readonly title: string;
  readonly kind: StepKind;
  readonly retry: RetryPolicy;
  /**
   * Lab milliseconds for one attempt, probe and guards included, and for one attempt to undo it. When they are
   * over the signal aborts and the engine waits until the step has let go, so every command must get the signal.
   */
  readonly timeoutMs: number;
  /** Machines that this step takes down for a while; read by the quorum gate and shown by plans. */
  readonly takesDown?: readonly string[];
  /** Why no gate is asked although the step takes machines down; shown by every plan. */
  readonly waived?: string;
  /** Lab milliseconds that it usually takes on a machine of speed 1; shown by plans, never waited for. */
  readonly typicalMs?: number;
  /** The commands that this step sends, as a person would type them; shown by plans, never run from here. */
  readonly commands?: readonly string[];
  /**
   * Asked before every attempt, and of a pivot also after a failed one and before an abort. Not asked before
   * compensation: `not-done` may still mean half done, so no answer could make it safe to leave out. A command
   * that a killed homelab sent may still be going on: a pivot's probe says `not-done` only when it can see that
   * nothing of it is.
   */
  readonly probe?: (context: StepContext) => Promise<ProbeAnswer>;
  readonly guards?: readonly Guard[];
  readonly run: (context: StepContext) => Promise<void>;
  /**
   * Undoes the step, also one that failed half-way: must be idempotent and must not trust that it ran. Only
   * compensable steps have one; a compensable step without it declares that it leaves nothing behind.
   */
  readonly compensate?: (context: StepContext) => Promise<void>;
}

/** Stages run in order; the steps of one stage run at once, up to `concurrency`. */
export interface Stage {
  readonly key: string;
  readonly title: string;
  readonly concurrency: number;
  readonly steps: readonly Step[];
}

export interface Saga {
  /** Such as `bootstrap`. */
  readonly name: string;
  readonly lab: string;
  /** Plain data that the plan was made from; recorded so that a resume can make the same plan again. */
  readonly input: unknown;
  readonly stages: readonly Stage[];
  /** For every compensation; `UNDO_RETRY` unless told otherwise. */
  readonly undoRetry?: RetryPolicy;
}

export type SagaOutcome = 'completed' | 'compensated' | 'stuck' | 'interrupted' | 'refused' | 'partial';
export type StepOutcome = 'done' | 'skipped' | 'failed' | 'undone' | 'undo-failed' | 'pending';

/** The failure of one attempt. `retryable: false` ends the step at once, whatever its retry policy. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly code: string;
  readonly remedy: string;
  readonly retryable: boolean;

  constructor(options: {
    code: string;
    message: string;
    remedy: string;
    retryable: boolean;
    cause?: unknown;
  }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.remedy = options.remedy;
    this.retryable = options.retryable;
  }
}

/** Lab milliseconds to wait after `failures` failures. No power function: its last digit may differ by engine. */
export function backoffMs(retry: RetryPolicy, failures: number): number {
  if (failures === 0) return 0;
  let wait = retry.backoffMs;
  for (let i = 1; i < failures && wait < retry.maxBackoffMs; i += 1) wait *= retry.factor;
  return Math.min(Math.round(wait), retry.maxBackoffMs);
}
