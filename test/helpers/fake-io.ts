/** The command line in this process: arguments in, what it wrote and its exit code out. Nothing real but files. */
import { Readable } from 'node:stream';
import { runCli } from '../../lib/cli/app.js';
import type { Io } from '../../lib/cli/io.js';

export interface FakeOptions {
  /** Absolute; the working directory. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly hostMemoryMiB?: number;
  readonly availableMemoryMiB?: number;
  readonly nodeVersion?: string;
  /** What is read line by line. */
  readonly stdin?: string;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Everything that was written, as text. */
export interface Written {
  stdout: string;
  stderr: string;
}

export function fakeIo(args: readonly string[], options: FakeOptions): { io: Io; written: Written } {
  const written: Written = { stdout: '', stderr: '' };
  const output = (to: 'stdout' | 'stderr'): Io['stdout'] => ({
    write: (text) => {
      written[to] += text;
    },
    isTTY: options.isTTY ?? false,
    columns: options.columns ?? 80,
    stream: null,
  });
  let nowMs = 0;
  const io: Io = {
    args,
    cwd: options.cwd,
    env: options.env ?? {},
    pid: 4711,
    platform: 'linux',
    nodeVersion: options.nodeVersion ?? '20.19.0',
    stdout: output('stdout'),
    stderr: output('stderr'),
    played: null,
    node: null,
    signal: new AbortController().signal,
    wallMs: () => (nowMs += 1),
    hostMemoryMiB: () => options.hostMemoryMiB ?? 65_536,
    availableMemoryMiB: () => options.availableMemoryMiB ?? 4_096,
    isAlive: () => false,
    sleep: async () => undefined,
    ask: async () => null,
    input: () => ({ stream: Readable.from([options.stdin ?? '']), isTTY: false }),
    readStdin: async () => new Uint8Array(),
    writeBytes: (to, bytes) => {
      written[to] += new TextDecoder().decode(bytes);
    },
  };
  return { io, written };
}

export async function runHomelab(args: readonly string[], options: FakeOptions): Promise<Ran> {
  const { io, written } = fakeIo(args, options);
  const code = await runCli(io);
  return { code, ...written };
}
