/**
 * Running programs on machines from a step, and judging how they ended: by exit code, never by the texts of
 * success. What a program printed to its standard output may hold secrets and is never part of an error.
 */
import { CancelledError } from '../base/errors.js';
import { shellLine } from '../base/shell-line.js';
import { StepError, type StepContext } from '../engine/saga.js';
import type { CommandResult } from '../provider/provider.js';

export interface RunOptions {
  readonly timeoutMs: number;
  readonly stdin?: string;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How many of the last lines of standard error an error quotes. */
const QUOTED_LINES = 12;

/**
 * Runs a program to its end, whatever its exit code. Throws a retryable `StepError` when the connection was lost
 * or the time was over, and `CancelledError` when the step was cancelled.
 */
export async function run(
  context: StepContext,
  machine: string,
  argv: readonly string[],
  options: RunOptions,
): Promise<Ran> {
  const { signal } = context;
  const result = await context.shell(machine).run({ argv, ...options, signal });
  if (result.kind === 'cancelled') throw new CancelledError();
  if (result.kind === 'exited') return { code: result.code, ...textOf(result) };
  const how =
    result.kind === 'lost' ? 'the connection was lost' : `it did not end within ${options.timeoutMs} ms`;
  throw new StepError({
    code: result.kind === 'lost' ? 'connection-lost' : 'command-timed-out',
    message: `${machine}: ${shellLine(argv)}: ${how}`,
    remedy: 'Look at the machine with `homelab status`.',
    retryable: true,
  });
}

/** Runs a program that must exit 0, and returns its standard output. */
export async function must(
  context: StepContext,
  machine: string,
  argv: readonly string[],
  options: RunOptions,
): Promise<string> {
  const ran = await run(context, machine, argv, options);
  if (ran.code !== 0) throw commandFailed(machine, argv, ran);
  return ran.stdout;
}

/** True when the program exits 0, false when it exits with anything else. */
export async function succeeds(
  context: StepContext,
  machine: string,
  argv: readonly string[],
  options: RunOptions,
): Promise<boolean> {
  return (await run(context, machine, argv, options)).code === 0;
}

export function commandFailed(machine: string, argv: readonly string[], { code, stderr }: Ran): StepError {
  const lines = stderr.trimEnd().split('\n').slice(-QUOTED_LINES).join('\n');
  return new StepError({
    code: 'command-failed',
    message: `${machine}: ${shellLine(argv)} ended with exit code ${code}${lines === '' ? '' : `:\n${lines}`}`,
    remedy: 'Read what the program said above.',
    retryable: true,
  });
}

function textOf(result: CommandResult): { stdout: string; stderr: string } {
  const decoder = new TextDecoder();
  return { stdout: decoder.decode(result.stdout), stderr: decoder.decode(result.stderr) };
}
