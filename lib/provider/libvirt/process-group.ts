/**
 * Programs of this computer that must be ended with all that they started, also by a homelab that did not start
 * them: each runs in a process group of its own, and is known by its number and its time of birth together.
 */
import { readFileSync } from 'node:fs';
import type { Clock } from '../../base/clock.js';
import type { RunHostProgram } from './host-program.js';
import type { ProcessIdentity } from './lab-state.js';

const POLL_MS = 200;

/** Null when there is no such process any more. */
export function identify(pid: number): ProcessIdentity | null {
  try {
    // The program's name, in parentheses, may itself hold spaces and parentheses.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const startTicks = fields[18];
    if (state === 'Z' || startTicks === undefined) return null;
    return { pid, startTicks, bootId: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() };
  } catch {
    return null; // It has ended: there is nothing to read.
  }
}

export function isAlive(known: ProcessIdentity): boolean {
  const found = identify(known.pid);
  return found !== null && found.startTicks === known.startTicks && found.bootId === known.bootId;
}

/** True when it has ended within `timeoutMs`. Rejects with `CancelledError` when `signal` aborts first. */
export async function waitForEnd(
  known: ProcessIdentity,
  clock: Clock,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  const deadlineMs = clock.nowMs() + timeoutMs;
  while (isAlive(known)) {
    if (clock.nowMs() >= deadlineMs) return false;
    await clock.sleep(POLL_MS, signal);
  }
  return true;
}

/**
 * Asks the leader's whole group to end with SIGINT, which is how Vagrant is told to clear up, and kills it when
 * it has not ended after `graceMs`.
 */
export async function endGroup(
  run: RunHostProgram,
  clock: Clock,
  leader: ProcessIdentity,
  graceMs: number,
): Promise<void> {
  if (!isAlive(leader)) return;
  await signalGroup(run, leader.pid, 'INT');
  if (await waitForEnd(leader, clock, graceMs)) return;
  await signalGroup(run, leader.pid, 'KILL');
  await waitForEnd(leader, clock, POLL_MS * 25);
}

/** A group that has just ended by itself is no failure. */
async function signalGroup(run: RunHostProgram, pid: number, signal: 'INT' | 'KILL'): Promise<void> {
  await run({ argv: ['kill', `-${signal}`, '--', `-${pid}`], timeoutMs: 10_000 });
}
