/**
 * The two families of errors. A `UserError` is something a person can mend: it says what is wrong and what
 * to type next, and is shown without a stack. Everything else is a bug in homelab and ends with exit code 70.
 */

export interface UserErrorOptions {
  /** Stable, machine-readable, kebab-case; documented in docs/cli.md. */
  readonly code: string;
  readonly message: string;
  /** What to do or type next, as one sentence. */
  readonly remedy: string;
  /** Exit code of the command line; 2 ("refused, nothing changed") unless told otherwise. */
  readonly exitCode?: number;
  readonly cause?: unknown;
}

export class UserError extends Error {
  override readonly name = 'UserError';
  readonly code: string;
  readonly remedy: string;
  readonly exitCode: number;

  constructor(options: UserErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.remedy = options.remedy;
    this.exitCode = options.exitCode ?? 2;
  }
}

/** The work was cancelled on purpose (Ctrl-C, a sibling step failed). Never retried. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';

  constructor(message = 'cancelled') {
    super(message);
  }
}

/** An invariant of homelab itself is broken. Shown with a stack, exit code 70. */
export class BugError extends Error {
  override readonly name = 'BugError';
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new BugError(message);
}

/** Narrows away `undefined`, for look-ups that cannot miss unless homelab is wrong. */
export function must<T>(value: T | null | undefined, message: string): T {
  if (value === undefined || value === null) throw new BugError(message);
  return value;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** One thing wrong with an input. `file`, `line` and `column` are 1-based and null when there is no text. */
export interface Problem {
  readonly code: string;
  readonly severity: 'error' | 'warning' | 'note';
  readonly message: string;
  readonly remedy: string;
  readonly file: string | null;
  readonly line: number | null;
  readonly column: number | null;
  readonly expected: string | null;
  readonly found: string | null;
}
