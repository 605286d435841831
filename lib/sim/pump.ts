/**
 * Where the world outside (promises) meets the world inside (events). An outside operation starts at the current
 * lab time; events are popped only while somebody outside waits, and only after everybody outside who could run
 * has run, so that how fast this computer or its disk is can never change lab time.
 */
import { BugError, CancelledError } from '../base/errors.js';
import { settle } from '../base/settle.js';
import type { World } from './world.js';

interface Parked {
  readonly what: string;
  readonly reject: (error: unknown) => void;
}

/** Events between two looks at the outside, so that Ctrl-C is heard during a long sweep. */
const EVENTS_A_TURN = 20_000;

export class Pump {
  readonly #world: World;
  readonly #parked = new Set<Parked>();
  #pumping = false;
  #delivered = false;

  constructor(world: World) {
    this.#world = world;
  }

  /**
   * Starts an operation and resolves when it calls `finish`. `start` runs inside the world, after all that is due
   * at this time. Rejects with a `BugError` when the world ends while it waits, naming everybody who waits.
   */
  perform<T>(what: string, start: (finish: (result: T) => void) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const parked: Parked = { what, reject };
      this.#parked.add(parked);
      this.#world.scheduler.fromOutside(this.#world.nowMs, () => {
        start((result) => {
          if (!this.#parked.delete(parked)) return;
          this.#delivered = true;
          resolve(result);
        });
      });
      if (!this.#pumping) void this.#pump();
    });
  }

  /** Resolves after `ms` of lab time. When `signal` aborts first, rejects at once and leaves nothing behind. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(new CancelledError());
    return new Promise<void>((resolve, reject) => {
      const parked: Parked = { what: `a sleep of ${ms} ms`, reject };
      this.#parked.add(parked);
      const due = this.#world.scheduler.fromOutside(this.#world.nowMs + Math.max(0, Math.round(ms)), () => {
        signal?.removeEventListener('abort', cancel);
        this.#parked.delete(parked);
        this.#delivered = true;
        resolve();
      });
      const cancel = (): void => {
        due.run = null;
        this.#parked.delete(parked);
        reject(new CancelledError());
      };
      signal?.addEventListener('abort', cancel, { once: true });
      if (!this.#pumping) void this.#pump();
    });
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      for (;;) {
        await settle();
        if (this.#parked.size === 0) return;
        this.#turn();
      }
    } catch (error) {
      for (const parked of this.#parked) parked.reject(error);
      this.#parked.clear();
    } finally {
      this.#pumping = false;
    }
  }

  /** Runs events until an answer was delivered, or a turn is over. */
  #turn(): void {
    this.#delivered = false;
    for (let count = 0; count < EVENTS_A_TURN; count += 1) {
      if (this.#wasDelivered()) return;
      if (!this.#world.scheduler.runNext()) {
        const waiting = [...this.#parked].map((parked) => parked.what).join('; ');
        throw new BugError(`the simulated world has nothing left to do, but somebody waits for: ${waiting}`);
      }
    }
  }

  #wasDelivered(): boolean {
    return this.#delivered;
  }
}
