/**
 * Copies of a simulated world's log that go another way: cut at a moment, or begun again with another seed. Only
 * the log; what belongs to a lab beside its world is the command line's.
 */
import type { WorldHeader, WorldRecord } from './world-log.js';

/**
 * The log as a process that was killed at `atMs` would have left it: operations that were not over then are
 * dropped sessions, planned faults are still to come. The copy's clock stands at `atMs`.
 */
export function worldAt(records: readonly WorldRecord[], atMs: number): readonly WorldRecord[] {
  const before = records.filter((record) => {
    if ('atMs' in record) return record.atMs <= atMs;
    if ('doneAtMs' in record) return record.doneAtMs <= atMs;
    return !('waitedUntilMs' in record) || record.waitedUntilMs <= atMs;
  });
  return [...before, { waitedUntilMs: atMs }];
}

/**
 * The beginning of the same world with another seed: nothing has been done, and every fault that was ever planned
 * is planned again for its moment. Other operations cannot be played: what was typed holds tokens, hashes and
 * times that came of the first seed.
 */
export function worldAnew(
  header: WorldHeader,
  records: readonly WorldRecord[],
  seed: number,
): readonly WorldRecord[] {
  const faults = records.flatMap((record) =>
    'op' in record && record.op.kind === 'fault' ? [record.op] : [],
  );
  const planned = faults.flatMap((op, index) => [
    { seq: index + 1, atMs: 0, op },
    { seq: index + 1, doneAtMs: 0 },
  ]);
  return [{ ...header, seed }, ...planned];
}
