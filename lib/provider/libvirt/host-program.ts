/**
 * Programs of this computer: vagrant, virsh, packer, ssh, qemu. The one place that starts processes for real labs;
 * everything above takes `RunHostProgram`, so that its decisions are tested without the programs.
 */
import { constants } from 'node:os';
import { execa } from 'execa';

export interface HostProgram {
  /** Program and arguments; never a shell line. */
  readonly argv: readonly string[];
  readonly cwd?: string;
  /** Added to the environment that homelab was started with. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** Milliseconds of wall-clock time. */
  readonly timeoutMs: number;
  /** Sends `cancelSignal`, and SIGKILL when that does not end it within `graceMs`. */
  readonly signal?: AbortSignal;
  /** SIGTERM unless told otherwise; Vagrant and Packer clean up after a SIGINT. */
  readonly cancelSignal?: 'SIGINT' | 'SIGTERM';
  /** 10 s unless told otherwise. */
  readonly graceMs?: number;
  /** Every line as it comes, a progress bar's carriage returns counted as line ends. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void;
  /**
   * In a process group of its own, which a terminal's Ctrl-C does not reach: for programs that would take it and
   * our own signal for two, and that outlive a homelab that was killed.
   */
  readonly detached?: boolean;
  /** Told of the process once it runs. */
  readonly onStart?: (pid: number) => void;
}

export type HostProgramEnd =
  | {
      readonly kind: 'exited';
      readonly code: number;
      /** Name of the signal that ended it; `code` is then 128 + its number. */
      readonly signal: string | null;
      readonly stdout: Uint8Array;
      readonly stderr: Uint8Array;
    }
  | { readonly kind: 'timedOut' | 'cancelled'; readonly stdout: Uint8Array; readonly stderr: Uint8Array }
  /** There is no such program on PATH, or it may not be started. */
  | { readonly kind: 'missing'; readonly why: string };

export type RunHostProgram = (program: HostProgram) => Promise<HostProgramEnd>;

const GRACE_MS = 10_000;
const EMPTY = new Uint8Array();

/** Runs programs with the environment `env`, PATH included. */
export function hostPrograms(env: Readonly<Record<string, string | undefined>>): RunHostProgram {
  return async ({ argv: [name = '', ...args], ...program }) => {
    const { signal, timeoutMs, stdin, cwd, onStart } = program;
    if (signal?.aborted === true) return { kind: 'cancelled', stdout: EMPTY, stderr: EMPTY };
    const running = execa(name, args, {
      ...(cwd === undefined ? {} : { cwd }),
      ...(signal === undefined ? {} : { cancelSignal: signal }),
      ...(stdin === undefined ? { stdin: 'ignore' as const } : { input: stdin }),
      ...(program.detached === true ? { detached: true, cleanup: false } : {}),
      ...{ env: { ...env, ...program.env }, extendEnv: false, encoding: 'buffer', reject: false },
      ...{ timeout: timeoutMs, killSignal: program.cancelSignal ?? 'SIGTERM' },
      ...{ forceKillAfterDelay: program.graceMs ?? GRACE_MS, stripFinalNewline: false, maxBuffer: Infinity },
    });
    if (running.pid !== undefined) onStart?.(running.pid);
    const { onLine } = program;
    if (onLine !== undefined) {
      running.stdout.on(
        'data',
        lines((line) => {
          onLine(line, 'stdout');
        }),
      );
      running.stderr.on(
        'data',
        lines((line) => {
          onLine(line, 'stderr');
        }),
      );
    }
    const { stdout, stderr, ...end } = await running;
    if (end.code === 'ENOENT' || end.code === 'EACCES')
      return { kind: 'missing', why: end.shortMessage ?? '' };
    if (end.timedOut || end.isCanceled)
      return { kind: end.timedOut ? 'timedOut' : 'cancelled', stdout, stderr };
    const code = end.exitCode ?? 128 + (end.signal === undefined ? 0 : constants.signals[end.signal]);
    return { kind: 'exited', code, signal: end.signal ?? null, stdout, stderr };
  };
}

/** The last line may come without its end, and is dropped then: whoever needs it reads the whole output. */
function lines(tell: (line: string) => void): (chunk: Uint8Array) => void {
  const decoder = new TextDecoder();
  let rest = '';
  return (chunk) => {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r/);
    rest = parts.pop() ?? '';
    for (const part of parts) if (part !== '') tell(part);
  };
}
