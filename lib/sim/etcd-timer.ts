/**
 * The election timer of a member. It counts heartbeat ticks since a leader was last heard; its length is drawn anew
 * for every leader and every campaign, and stays the same while one leader comes and goes.
 */
import type { Prng } from '../base/prng.js';
import type { Machine } from './machine.js';

interface Timed {
  readonly prng: Prng;
  readonly machine: Machine;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly lead: string | null;
  readonly term: number;
}

export class ElectionTimer {
  readonly #node: Timed;
  #heardMs: number;
  #drawn: { readonly lead: string | null; readonly term: number; readonly ms: number } | null = null;

  constructor(node: Timed, nowMs: number) {
    this.#node = node;
    this.#heardMs = nowMs;
  }

  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  /** The last heartbeat was sent at one of the ticks of a leader that began at `sinceMs`. */
  silentSince(nowMs: number, sinceMs: number): void {
    this.#heardMs = nowMs - ((nowMs - sinceMs) % this.#node.heartbeatMs);
  }

  /** When it runs out. Ticks are lost while the member itself waits for its disk, as it does when its leader does. */
  dueMs(firstMs: number | null): number {
    const { lead, term, machine } = this.#node;
    const known = this.#drawn?.lead === lead && this.#drawn.term === term && lead !== null;
    const ms = firstMs ?? (known ? (this.#drawn?.ms ?? 0) : this.draw());
    return this.#heardMs + ms + machine.disk.flushMs;
  }

  draw(): number {
    const { prng, heartbeatMs, electionMs, lead, term } = this.#node;
    const ticks = Math.max(1, Math.floor(electionMs / heartbeatMs));
    const ms = (ticks + prng.int(0, ticks - 1)) * heartbeatMs;
    this.#drawn = { lead, term, ms };
    return ms;
  }
}
