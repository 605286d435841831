/** Which errors are the failure of an attempt, and how they are written down. All others are bugs. */
import { CancelledError, UserError } from '../base/errors.js';
import { FileError, UnreachableError } from '../provider/provider.js';
import type { RecordedError } from './journal.js';
import { StepError } from './saga.js';

export interface Failure {
  readonly error: RecordedError;
  /** False when trying again cannot help, whatever the retry policy says. */
  readonly retryable: boolean;
}

/** Null for what no step may throw: the run must end with it, neither recorded nor retried. */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof StepError) {
    return recorded(error.code, error.message, error.remedy, error.retryable);
  }
  if (error instanceof UnreachableError) {
    return recorded('unreachable', error.message, 'Look at the machines with `homelab status`.', true);
  }
  if (error instanceof FileError) {
    return recorded(
      'file-refused',
      error.message,
      'Look at the file on the machine with `homelab exec`.',
      true,
    );
  }
  if (error instanceof UserError) return recorded(error.code, error.message, error.remedy, false);
  if (error instanceof CancelledError) {
    return recorded('cancelled', error.message, 'Go on with `homelab resume`.', false);
  }
  return null;
}

function recorded(code: string, message: string, remedy: string, retryable: boolean): Failure {
  return { error: { code, message, remedy }, retryable };
}
