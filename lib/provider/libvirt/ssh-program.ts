/** One program that was sent over a connection: its output as it comes, and how it ended. */
import { constants } from 'node:os';
import type { NodeSSH } from 'node-ssh';
import type { CommandResult } from '../provider.js';

type Channel = Awaited<ReturnType<NodeSSH['requestShell']>>;

interface Output {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

export type SshEnd =
  Extract<CommandResult, { readonly kind: 'exited' }> | (Output & { readonly kind: 'lost' });

/**
 * A program that left another one in the background may have ended long before its output does: the other one
 * holds it open. So long after its end, and so long after the last byte, the rest is not waited for.
 */
const QUIET_MS = 2_000;
/**
 * Waited for in so many parts: a timer of a process that did not get the processor for a while runs before what came
 * meanwhile is read.
 */
const QUIET_PARTS = 4;

const SIGNALS: Readonly<Record<string, number | undefined>> = constants.signals;

export class SshProgram {
  /** Never rejects. */
  readonly ended: Promise<SshEnd>;
  readonly #channel: Channel | null;
  readonly #quietMs: number;
  readonly #output = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  /** Its streams that have not ended. */
  #open = 2;
  #isClosed = false;
  #exit: { readonly code: number | null; readonly signal: string | undefined } | null = null;
  #quiet: NodeJS.Timeout | undefined;
  #settle: (end: SshEnd) => void = () => undefined;

  /** Without a channel it is lost already: the connection went while it was being sent. */
  constructor(channel: Channel | null, timeScale: number) {
    this.#channel = channel;
    this.#quietMs = QUIET_MS * timeScale;
    this.ended = new Promise((resolve) => {
      this.#settle = (end) => {
        clearTimeout(this.#quiet);
        resolve(end);
      };
    });
    if (channel === null) this.lose();
    else this.#listen(channel);
  }

  /** What came so far. */
  get output(): Output {
    const { stdout, stderr } = this.#output;
    return { stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr) };
  }

  send(stdin: Uint8Array): void {
    this.#channel?.end(stdin);
  }

  /** The connection is gone. What had come to its end before is no loss. */
  lose(): void {
    if (this.#open > 0 || this.#exit === null) this.#settle({ kind: 'lost', ...this.output });
    else this.#settleExited();
  }

  /** Lets go of the channel; a program that still runs goes on unseen. */
  close(): void {
    this.#channel?.close();
    this.lose();
  }

  #listen(channel: Channel): void {
    for (const [name, stream] of [
      ['stdout', channel],
      ['stderr', channel.stderr],
    ] as const) {
      stream.on('data', (chunk: Uint8Array) => {
        this.#output[name].push(chunk);
        if (this.#exit !== null) this.#waitQuietly();
      });
      stream.on('end', () => {
        this.#open -= 1;
        this.#settleClosed();
      });
      stream.on('error', () => {
        this.close();
      });
    }
    channel.on('exit', (code: number | null, signal?: string) => {
      this.#exit = { code, signal };
      this.#waitQuietly();
    });
    channel.on('close', () => {
      this.#isClosed = true;
      this.#settleClosed();
    });
  }

  /**
   * ssh2 tells of the closing when standard output has ended, and standard error may still have something
   * to say.
   */
  #settleClosed(): void {
    if (!this.#isClosed || this.#open > 0) return;
    if (this.#exit === null) this.lose();
    else this.#settleExited();
  }

  #waitQuietly(parts = QUIET_PARTS): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      if (parts > 1) {
        this.#waitQuietly(parts - 1);
        return;
      }
      this.#channel?.close();
      this.#settleExited();
    }, this.#quietMs / QUIET_PARTS);
  }

  #settleExited(): void {
    const { code, signal } = this.#exit ?? { code: null, signal: undefined };
    if (code !== null) {
      this.#settle({ kind: 'exited', code, signal: null, ...this.output });
      return;
    }
    // OpenSSH has names for the signals of RFC 4254 only; of others, such as SIGBUS, it says that it was one.
    const number = signal === undefined ? undefined : SIGNALS[signal];
    this.#settle({
      ...{ kind: 'exited', code: 128 + (number ?? 0), ...this.output },
      signal: number === undefined ? 'unknown' : (signal ?? null),
    });
  }
}
