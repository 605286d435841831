/** Asking machines as a step does, outside of any saga: nothing is recorded, and failures are the person's to read. */
import { UserError } from '../base/errors.js';
import { StepError, type StepContext } from '../engine/saga.js';
import { FileError, UnreachableError, type Provider } from '../provider/provider.js';
import type { Session } from './session.js';

export function asking(session: Session, provider: Provider): StepContext {
  return {
    provider,
    clock: provider.clock,
    signal: session.io.signal,
    shell: (machine) => provider.shell(machine),
    log: (line) => {
      session.note(line);
    },
  };
}

/** Gives what a step would record and retry the form of an error for people. */
export async function saidPlainly<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StepError) {
      const { code, message, remedy } = error;
      throw new UserError({ code, message, remedy });
    }
    if (error instanceof UnreachableError || error instanceof FileError) {
      throw new UserError({
        code: error instanceof FileError ? 'file-refused' : 'unreachable',
        message: error.message,
        remedy: 'See which machines run with: homelab status',
      });
    }
    throw error;
  }
}
