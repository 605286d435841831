/**
 * Programs on a machine over SSH, as root: run to their end, their time, their cancellation or the loss of
 * the machine.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { UnreachableError, type Command, type CommandResult } from '../provider.js';
import type { SshConnection } from './ssh-connection.js';
import { endLine, runLine } from './ssh-lines.js';
import type { SshMachine } from './ssh-machine.js';
import type { SshProgram } from './ssh-program.js';
import { Stopper, type Stop } from './stopper.js';

/**
 * How long the ending of a program may take before its result is `lost`: nobody knows then whether it still
 * runs.
 */
const END_MS = 20_000;
const END_AGAIN_MS = 500;
/** A program that cannot be ended, such as one whose disk does not answer, is not asked for ever. */
const END_ATTEMPTS = 10;

const EMPTY = new Uint8Array();
const CANCELLED = { kind: 'cancelled', stdout: EMPTY, stderr: EMPTY } as const;

/** Rejects with an `UnreachableError` when nothing was sent. */
export async function runOver(machine: SshMachine, command: Command): Promise<CommandResult> {
  const stopper = new Stopper(command.signal);
  const state = { hasTurn: false };
  const turn = machine.turns(async () => {
    if (command.signal?.aborted === true) return CANCELLED;
    state.hasTurn = true;
    return runNow(machine, command, stopper);
  });
  try {
    const first = await Promise.race([turn, stopper.cancelled]);
    return first === 'cancelled' && !state.hasTurn ? CANCELLED : await turn;
  } finally {
    stopper.dispose();
  }
}

async function runNow(machine: SshMachine, command: Command, stopper: Stopper): Promise<CommandResult> {
  // A connecting has a time limit of its own; only a cancellation ends the waiting for it.
  const connection = await Promise.race([machine.connected(), stopper.cancelled]);
  if (connection === 'cancelled') return CANCELLED;
  stopper.startClock(command.timeoutMs);
  const sent = new SentProgram(machine, connection, command);
  const end = await Promise.race([sent.ended, stopper.stopped]);
  return typeof end === 'string' ? sent.stop(end) : end;
}

class SentProgram {
  /** Rejects with an `UnreachableError` when it was not sent after all. */
  readonly ended: Promise<CommandResult>;
  readonly #machine: SshMachine;
  readonly #connection: SshConnection;
  readonly #id = randomUUID();
  #program: SshProgram | null = null;
  #hasEnded = false;

  constructor(machine: SshMachine, connection: SshConnection, { argv, stdin = EMPTY }: Command) {
    this.#machine = machine;
    this.#connection = connection;
    const bytes = typeof stdin === 'string' ? new TextEncoder().encode(stdin) : stdin;
    this.ended = this.#run(runLine(this.#id, argv), bytes);
  }

  /**
   * Ends it on the machine with all its children. `lost` when that did not come to pass, or nobody can
   * know.
   */
  async stop(why: Stop): Promise<CommandResult> {
    const limit = new AbortController();
    const limited = sleep(END_MS * this.#machine.timeScale, null, { signal: limit.signal }).catch(() => null);
    // What is sent to a paused machine begins when it comes back: the ending then goes on unseen.
    const end = await Promise.race([this.#stopped(), limited]);
    limit.abort();
    if (end?.kind === 'exited') return { kind: why, stdout: end.stdout, stderr: end.stderr };
    return end ?? { kind: 'lost', ...(this.#program?.output ?? { stdout: EMPTY, stderr: EMPTY }) };
  }

  async #run(line: string, stdin: Uint8Array): Promise<CommandResult> {
    try {
      this.#program = await this.#connection.start(line, stdin);
      return await this.#program.ended;
    } catch (error) {
      // sshd refuses a channel when it has too many, perhaps of programs that cannot be ended: it has none on a
      // new one.
      if (this.#connection.size === 0) this.#machine.forget();
      throw error;
    } finally {
      this.#hasEnded = true;
    }
  }

  /** Null when it cannot be ended. */
  async #stopped(): Promise<CommandResult | null> {
    for (let attempt = 0; attempt < END_ATTEMPTS && this.#connection.isOpen; attempt += 1) {
      const isClean = await this.#machine.endings(() => this.#endMarked());
      if (isClean && this.#hasEnded) return this.ended;
      // It may not have begun yet: sudo takes a while on a slow machine, and only what it starts is marked.
      await sleep(END_AGAIN_MS);
    }
    this.#program?.close();
    return null;
  }

  async #endMarked(): Promise<boolean> {
    try {
      const ending = await this.#connection.start(endLine(this.#id), EMPTY);
      const end = await ending.ended;
      return end.kind === 'exited' && end.code === 0;
    } catch (error) {
      if (error instanceof UnreachableError) return false; // Asked again while the connection is there.
      throw error;
    }
  }
}
