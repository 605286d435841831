/**
 * The log of a simulated lab: its seed and everything that was done to it, in order. That is all of it that is
 * kept; opening plays the log again to the greatest time in it. An operation is written before its first event
 * and marked as done before its answer is delivered, so one without its mark is a dropped SSH session: the
 * remote program went on, and its answer is lost.
 */
import { UserError } from '../../base/errors.js';
import type { Timings } from '../../model/timings.js';
import type { World } from '../../sim/world.js';
import { operationText } from './operation-text.js';
import { begin, type Operation, type Running } from './operations.js';

/** Raised whenever the same log would play differently. */
export const SIMULATOR_VERSION = 1;

export interface WorldHeader {
  readonly world: typeof SIMULATOR_VERSION;
  readonly seed: number;
  readonly timeScale: number;
  readonly timings?: Timings;
  readonly interfaceName: string;
  readonly prefixLength: number;
  readonly hostAddress: string;
  /** Where onlookers ask for the API, and the floating address they look for; null in a lab without one. */
  readonly endpoint: { readonly address: string; readonly port: number; readonly vip: string | null };
}

export type WorldRecord =
  | WorldHeader
  | { readonly seq: number; readonly atMs: number; readonly op: Operation }
  | { readonly seq: number; readonly doneAtMs: number }
  /** Lab time that went by while somebody only waited. */
  | { readonly waitedUntilMs: number };

export interface WorldLog {
  read(): readonly WorldRecord[];
  /** Durable when it returns. */
  append(records: readonly WorldRecord[]): void;
}

export function headerOf(records: readonly WorldRecord[]): WorldHeader | null {
  const first = records[0];
  if (first === undefined || !('world' in first)) return null;
  // What another version of the simulator wrote would play differently, and is never half-read.
  if ((first.world as number) !== SIMULATOR_VERSION) {
    throw new UserError({
      code: 'world-version',
      message: `this simulated lab was written by simulator version ${first.world}, this is ${SIMULATOR_VERSION}`,
      remedy: 'use the homelab that made it, or start over with: homelab destroy',
    });
  }
  return first;
}

/** The greatest time that the log knows of. Faults that are planned for later do not count. */
export function greatestTime(records: readonly WorldRecord[]): number {
  let greatest = 0;
  for (const record of records) greatest = Math.max(greatest, timeOf(record));
  return greatest;
}

/**
 * Plays the log on a fresh world up to `untilMs`. Returns the number that the next operation gets. Throws a
 * `UserError` with code `world-diverged` when an operation is not over at the very moment that the log says.
 */
export function replay(
  world: World,
  running: Running,
  records: readonly WorldRecord[],
  untilMs: number,
): number {
  const operations = records.filter((record) => 'op' in record);
  const recorded = new Map(records.flatMap((one) => ('doneAtMs' in one ? [[one.seq, one.doneAtMs]] : [])));
  const played = new Map<number, number>();
  // Each is put into the queue when the one before it begins, as it was then: so an operation and a fault that
  // was planned for the same moment meet in the order in which they met.
  const playFrom = (index: number): void => {
    const record = operations[index];
    if (record === undefined || record.atMs > untilMs) return;
    world.scheduler.fromOutside(record.atMs, () => {
      const op = recorded.has(record.seq) ? record.op : dropped(record.op);
      begin(world, running, record.seq, op, () => played.set(record.seq, world.nowMs));
      playFrom(index + 1);
    });
  };
  playFrom(0);
  world.scheduler.runUntil(untilMs);
  for (const { seq, op } of operations) {
    const doneAtMs = recorded.get(seq);
    if (doneAtMs === undefined || doneAtMs > untilMs || played.get(seq) === doneAtMs) continue;
    throw diverged(operationText(op), doneAtMs, played.get(seq));
  }
  return (operations.at(-1)?.seq ?? 0) + 1;
}

/** A program goes on without its session; a file that was on its way when its sender died never arrives. */
function dropped(op: Operation): Operation {
  return op.kind === 'send' ? { ...op, cutShort: true } : op;
}

function diverged(what: string, recordedMs: number, playedMs: number | undefined): UserError {
  const now = playedMs === undefined ? 'is not over yet' : `is over at ${playedMs} ms`;
  return new UserError({
    code: 'world-diverged',
    message: `this simulated lab plays differently here: "${what}" was over at ${recordedMs} ms and ${now}`,
    remedy: 'Use the homelab that made it, or start over with: homelab destroy',
  });
}

function timeOf(record: WorldRecord): number {
  if ('atMs' in record) return record.atMs;
  if ('doneAtMs' in record) return record.doneAtMs;
  return 'waitedUntilMs' in record ? record.waitedUntilMs : 0;
}

/** Narrows what a line of the log held. Returns what is wrong with it when it is no record of this version. */
export function checkWorldRecord(value: unknown): { record: WorldRecord } | { wrong: string } {
  if (typeof value !== 'object' || value === null) return { wrong: 'it is not an object' };
  const fields = value as Readonly<Record<string, unknown>>;
  const isNumber = (name: string): boolean => typeof fields[name] === 'number';
  const known =
    isNumber('world') ||
    isNumber('waitedUntilMs') ||
    (isNumber('seq') && (isNumber('doneAtMs') || (isNumber('atMs') && typeof fields['op'] === 'object')));
  return known ? { record: value as WorldRecord } : { wrong: 'it is no record of a simulated world' };
}
