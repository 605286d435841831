/**
 * SSH to a simulated machine, over its management card, which no fault of the lab network touches: connecting,
 * running a program to its end, its time or the loss of the machine, and files.
 */
import { parentOf } from '../../sim/disk.js';
import type { Machine } from '../../sim/machine.js';
import { endProcess, type Process } from '../../sim/process.js';
import { sleep, waitFor, type Sim } from '../../sim/task.js';

export type SessionEnd =
  | {
      readonly kind: 'exited';
      readonly code: number;
      readonly signal: string | null;
      readonly stdout: Uint8Array;
      readonly stderr: Uint8Array;
    }
  | { readonly kind: 'timedOut' | 'lost'; readonly stdout: Uint8Array; readonly stderr: Uint8Array }
  | { readonly kind: 'cancelled' }
  /** Nothing was sent. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'content'; readonly content: Uint8Array | null }
  | { readonly kind: 'written' }
  | { readonly kind: 'file-error'; readonly message: string };

/** ServerAliveInterval 5 and ServerAliveCountMax 3: how long a client believes in a silent peer. */
const KEEPALIVE_MS = 15_000;
/** ConnectTimeout of the client. */
const CONNECT_TIMEOUT_MS = 10_000;
const KILL_GRACE_MS = 2_000;

export function* runSession(
  machine: Machine,
  argv: readonly string[],
  stdin: Uint8Array,
  timeoutMs: number,
): Sim<SessionEnd> {
  const refused = yield* connect(machine);
  if (refused !== null) return refused;
  const { scheduler } = machine.world;
  const deadlineMs = scheduler.nowMs + timeoutMs;
  const boot = machine.boots;
  const process = machine.start(argv, { stdin });
  try {
    while (process.running) {
      const leftMs = deadlineMs - scheduler.nowMs;
      if (leftMs <= 0) {
        yield* endProcess(process, KILL_GRACE_MS);
        return { kind: 'timedOut', ...outputOf(process) };
      }
      yield* waitFor([process.exited, machine.powerChanged], leftMs);
      if (machine.power === 'paused') yield* waitFor([machine.powerChanged], KEEPALIVE_MS);
      if (machine.power === 'paused') return { kind: 'lost', ...outputOf(process) };
      if (machine.power !== 'running' || machine.boots !== boot) {
        yield* sleep(KEEPALIVE_MS);
        return { kind: 'lost', ...outputOf(process) };
      }
    }
    return { kind: 'exited', code: process.exitCode ?? 0, signal: process.endedBy, ...outputOf(process) };
  } finally {
    // A cancelled session ends its program, as the closing of a terminal does.
    if (process.running && machine.power === 'running') process.kill('SIGKILL');
  }
}

export function* readSession(machine: Machine, path: string): Sim<SessionEnd> {
  const refused = yield* connect(machine);
  if (refused !== null) return refused;
  if (machine.disk.isDirectory(path)) return { kind: 'file-error', message: `cat: ${path}: Is a directory` };
  return { kind: 'content', content: machine.disk.readBytes(path) };
}

export interface FileToWrite {
  readonly path: string;
  readonly content: Uint8Array;
  readonly mode: number;
  readonly owner: string;
  /** More than its content for what only stands for a larger file. */
  readonly size?: number;
}

export function* writeSession(machine: Machine, file: FileToWrite): Sim<SessionEnd> {
  const refused = yield* connect(machine);
  return refused ?? written(machine, file);
}

/** What SSH to a virtual machine of the same computer carries, in bytes a millisecond. An estimate. */
const BYTES_A_MS = 50_000;

export interface FileToSend extends Omit<FileToWrite, 'content' | 'size'> {
  readonly text: string;
  readonly size: number;
  readonly timeoutMs: number;
  readonly cutShort?: boolean;
}

/** Its content goes over the wire first, and into its place only when all of it is there. */
export function* sendSession(machine: Machine, file: FileToSend): Sim<SessionEnd> {
  const refused = yield* connect(machine);
  if (refused !== null) return refused;
  const { world, boots } = machine;
  const takesMs = Math.ceil(file.size / BYTES_A_MS) * world.options.timeScale;
  const endsAtMs = world.nowMs + Math.min(takesMs, file.timeoutMs);
  while (world.nowMs < endsAtMs) {
    yield* waitFor([machine.powerChanged], endsAtMs - world.nowMs);
    if (machine.power === 'running' && machine.boots === boots) continue;
    yield* sleep(KEEPALIVE_MS);
    return { kind: 'unreachable', reason: 'the connection was lost' };
  }
  if (takesMs > file.timeoutMs)
    return { kind: 'unreachable', reason: `no answer within ${file.timeoutMs} ms` };
  if (file.cutShort === true) return { kind: 'cancelled' };
  return written(machine, { ...file, content: new TextEncoder().encode(file.text) });
}

function written(machine: Machine, file: FileToWrite): SessionEnd {
  const { path, content, mode, owner, size = 0 } = file;
  const failed = machine.disk.isDirectory(parentOf(path))
    ? machine.disk.write(path, content, { mode, owner, size })
    : 'no-entry';
  if (failed === null) return { kind: 'written' };
  const words =
    failed === 'is-directory'
      ? 'Is a directory'
      : failed === 'no-space'
        ? 'No space left on device'
        : 'No such file or directory';
  return { kind: 'file-error', message: `cannot write ${path}: ${words}` };
}

/** Null once connected; otherwise why the machine was not reached. */
function* connect(machine: Machine): Sim<SessionEnd | null> {
  const { world } = machine;
  if (machine.power === 'off') {
    yield* sleep(3_000);
    return { kind: 'unreachable', reason: 'No route to host' };
  }
  if (machine.power === 'paused') {
    yield* sleep(CONNECT_TIMEOUT_MS);
    return { kind: 'unreachable', reason: 'Connection timed out' };
  }
  yield* sleep(world.draw('command', machine.prng));
  const answers =
    machine === world.host || (machine.power === 'running' && machine.units.state('ssh') === 'active');
  return answers ? null : { kind: 'unreachable', reason: 'Connection refused' };
}

function outputOf(process: Process): { stdout: Uint8Array; stderr: Uint8Array } {
  return { stdout: concatenate(process.stdout), stderr: concatenate(process.stderr) };
}

function concatenate(parts: readonly (string | Uint8Array)[]): Uint8Array {
  const encoder = new TextEncoder();
  const chunks = parts.map((part) => (typeof part === 'string' ? encoder.encode(part) : part));
  const whole = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}
