/**
 * How large the database file of each member is: a page for every object and for every change that is not yet
 * compacted, which the API server does every five minutes. Deleting frees pages and leaves the file as it is; only
 * defragmentation makes it smaller. Pages hold one object each, whatever its length: an estimate.
 */
import type { KeySpace } from './etcd-keyspace.js';
import type { EtcdNode } from './etcd-node.js';

const FIXED_BYTES = 20_480;
const PAGE_BYTES = 4_096;
/** The API server compacts this often what is older than one such period. */
const COMPACTION_MS = 300_000;

/** etcd's default of `--quota-backend-bytes`. */
export const DEFAULT_QUOTA_BYTES = 2 * 1_024 * 1_024 * 1_024;

export class DatabaseSize {
  readonly #space: KeySpace;
  /** Revision up to which history is gone. */
  #compacted: number;
  #periodStart: number;
  #period = 0;
  #largest = 0;
  /** By member: what its file was when the largest one was written, if it was defragmented after that. */
  readonly #files = new Map<string, number>();

  constructor(space: KeySpace) {
    this.#space = space;
    this.#compacted = space.revision;
    this.#periodStart = space.revision;
  }

  /** Looks at the clock before a change is written; a new period compacts what the one before the last held. */
  note(nowMs: number): void {
    const period = Math.floor(nowMs / COMPACTION_MS);
    if (period === this.#period) return;
    this.#noteLargest();
    this.#compacted = period === this.#period + 1 ? this.#periodStart : this.#space.revision;
    this.#periodStart = this.#space.revision;
    this.#period = period;
  }

  compact(revision: number): void {
    this.#noteLargest();
    this.#compacted = Math.max(this.#compacted, revision);
  }

  get compacted(): number {
    return this.#compacted;
  }

  /** Pages that hold something. */
  get inUse(): number {
    const history = Math.max(0, this.#space.revision - this.#compacted);
    return FIXED_BYTES + (this.#space.size + history) * PAGE_BYTES;
  }

  /** The file of a member. */
  bytes(member: string): number {
    return Math.max(this.#files.get(member) ?? this.#largest, this.#written());
  }

  /** Could the file be larger than `quota` at all? Saves looking at every table for every write. */
  mayExceed(quota: number): boolean {
    return (FIXED_BYTES + 2 * this.#space.revision * PAGE_BYTES) * 1.25 > quota;
  }

  /** A file of at least this size from now on, as of a cluster that was used for long. */
  grow(bytes: number): void {
    this.#largest = Math.max(this.#largest, bytes);
  }

  defragment(member: string): void {
    this.#files.set(member, this.inUse);
  }

  #noteLargest(): void {
    const written = this.#written();
    this.#largest = Math.max(this.#largest, written);
    for (const [member, bytes] of this.#files) this.#files.set(member, Math.max(bytes, written));
  }

  /** The file as bbolt has grown it: somewhat larger than what is in use. */
  #written(): number {
    return Math.ceil((this.inUse * 5) / 4 / PAGE_BYTES) * PAGE_BYTES;
  }
}

/** Before something is put: a database that has outgrown its quota raises the alarm that stops all puts. */
export function checkQuota({ cluster, id, name, quotaBytes, machine }: EtcdNode): void {
  const { alarms, size, world } = cluster;
  size.note(world.nowMs);
  if (!size.mayExceed(quotaBytes) || size.bytes(id) < quotaBytes) return;
  if (alarms.some((one) => one.memberId === id && one.alarm === 'NOSPACE')) return;
  cluster.setAlarms([...alarms, { memberId: id, alarm: 'NOSPACE' }]);
  world.emit(machine.name, 'etcd', 'alarm raised', { member: name, alarm: 'NOSPACE' });
}
