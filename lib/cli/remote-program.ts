/** A program on a machine for a person at the prompt: its output as it is, its exit code as ours. */
import { UserError } from '../base/errors.js';
import { HOST, UnreachableError, type Provider } from '../provider/provider.js';
import { baseFolder } from './base-folder.js';
import { mustFindLab, type Lab } from './labs.js';
import type { Session } from './session.js';
import { useLab } from './use-lab.js';

/** homelab's own failures in commands whose exit code is otherwise the remote program's. */
export const EXIT_OWN_FAILURE = 125;
const EXIT_INTERRUPTED = 130;

export interface RemoteProgram {
  /** Chooses the machine, once the lab is open. */
  readonly machine: (provider: Provider) => Promise<string>;
  readonly argv: readonly string[];
  readonly stdin: Uint8Array;
  readonly timeoutMs: number;
}

/** Its output is passed on when it has ended. */
export function runRemotely(
  session: Session,
  program: (lab: Lab) => Promise<RemoteProgram>,
): Promise<number> {
  return asOwnFailure(async () => {
    const lab = mustFindLab(baseFolder(session), session.options.lab);
    const chosen = await program(lab);
    return useLab(session, lab, (provider) => runOn(session, provider, chosen));
  });
}

/** Gives every failure of homelab's own, machines that do not answer included, its exit code. */
export async function asOwnFailure<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UnreachableError) {
      const remedy = 'See which machines run with: homelab status';
      throw ownFailure(new UserError({ code: 'unreachable', message: error.message, remedy }));
    }
    throw error instanceof UserError ? ownFailure(error) : error;
  }
}

async function runOn(session: Session, provider: Provider, program: RemoteProgram): Promise<number> {
  const machine = await program.machine(provider);
  const { argv, stdin, timeoutMs } = program;
  const { signal } = session.io;
  const result = await provider.shell(machine).run({ argv, stdin, timeoutMs, signal });
  session.io.writeBytes('stdout', result.stdout);
  session.io.writeBytes('stderr', result.stderr);
  if (result.kind === 'exited') return result.code;
  if (result.kind === 'cancelled') return EXIT_INTERRUPTED;
  throw ended(machine, result.kind);
}

/** Throws when there is no such machine; the workstation counts as one. */
export function checkMachine(lab: Lab, name: string): string {
  const names = lab.record.spec.machines.map((machine) => machine.name);
  if (name === HOST || names.includes(name)) return name;
  throw new UserError({
    code: 'no-such-machine',
    message: `lab ${lab.name} has no machine ${name}`,
    remedy: `Machines: ${names.join(', ')}, and ${HOST} for this workstation.`,
  });
}

export function ended(machine: string, kind: 'timedOut' | 'lost'): UserError {
  return new UserError({
    code: kind === 'lost' ? 'connection-lost' : 'timed-out',
    message:
      kind === 'lost' ? `the connection to ${machine} was lost` : `the program on ${machine} ran out of time`,
    remedy:
      kind === 'lost'
        ? 'Its effect is unknown; look at the machine.'
        : 'Give it more time: homelab exec --timeout.',
  });
}

function ownFailure(error: UserError): UserError {
  const { code, message, remedy } = error;
  return new UserError({ code, message, remedy, exitCode: EXIT_OWN_FAILURE, cause: error });
}
