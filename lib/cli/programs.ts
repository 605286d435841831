/** Running programs of this computer for the command line itself. Labs' programs run through a provider's shells. */
import { execa } from 'execa';
import type { Io } from './io.js';

export type ProgramAnswer =
  | { readonly state: 'missing' }
  /** It is there and did not answer as asked; `why` is one line. */
  | { readonly state: 'broken'; readonly why: string }
  /** `line` is the first one with a version number. */
  | { readonly state: 'found'; readonly line: string };

/** `program args`, such as `vagrant --version`, with the environment of `io`. Whatever it does is an answer. */
export async function askVersion(
  io: Io,
  program: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<ProgramAnswer> {
  const result = await execa(program, [...args], {
    cwd: io.cwd,
    env: { ...io.env },
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    timeout: timeoutMs,
    forceKillAfterDelay: 1_000,
    cancelSignal: io.signal,
  });
  if (result.code === 'ENOENT') return { state: 'missing' };
  if (result.failed) return { state: 'broken', why: (result.shortMessage ?? '').split('\n')[0] ?? '' };
  // ssh says its version on standard error.
  const lines = `${result.stdout}\n${result.stderr}`.split('\n');
  const line = lines.find((text) => /\d+\.\d+/.test(text));
  return line === undefined ? { state: 'broken', why: 'it printed no version' } : { state: 'found', line };
}
