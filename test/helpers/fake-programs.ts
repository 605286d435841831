/** Programs of a computer that are not there: each is a function of its arguments, and every call is kept. */
import type { HostProgram, HostProgramEnd, RunHostProgram } from '../../lib/provider/libvirt/host-program.js';

/** What a program printed and how it ended; text alone means that it succeeded. */
export type Played = string | { readonly code: number; readonly stdout?: string; readonly stderr?: string };

export type FakeProgram = (args: readonly string[], program: HostProgram) => Played;

export interface FakePrograms {
  readonly run: RunHostProgram;
  /** Command lines in order, arguments joined by a space. */
  readonly calls: readonly string[];
}

/** Programs that `programs` does not name are missing. */
export function fakePrograms(programs: Readonly<Record<string, FakeProgram>>): FakePrograms {
  const calls: string[] = [];
  const encoder = new TextEncoder();
  const run: RunHostProgram = async (program): Promise<HostProgramEnd> => {
    const [name = '', ...args] = program.argv;
    calls.push(program.argv.join(' '));
    const play = programs[name];
    if (play === undefined) return { kind: 'missing', why: `${name} ENOENT` };
    if (program.signal?.aborted === true)
      return { kind: 'cancelled', stdout: new Uint8Array(), stderr: new Uint8Array() };
    const played = play(args, program);
    const {
      code,
      stdout = '',
      stderr = '',
    } = typeof played === 'string' ? { code: 0, stdout: played } : played;
    for (const line of stdout.split('\n')) if (line !== '') program.onLine?.(line, 'stdout');
    return {
      ...{ kind: 'exited', code, signal: null },
      stdout: encoder.encode(stdout),
      stderr: encoder.encode(stderr),
    };
  };
  return { run, calls };
}
