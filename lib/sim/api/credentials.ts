/**
 * When the client certificates that an API server has seen end, by the clock of its machine. Requests that stay open
 * for months here, such as watches and the renewals of a Lease, must be begun anew then. A real server breaks a watch
 * after half an hour to an hour, so that there it can outlive its certificate by that much.
 */
import type { Machine } from '../machine.js';
import { Signal, waitFor, type Sim } from '../task.js';

export class Credentials {
  /** Fires when one has ended, or when the clock was set. */
  readonly ended: Signal;
  readonly #machine: Machine;
  readonly #noted: Signal;
  readonly #ends = new Set<number>();
  /** The next end that is waited for. */
  #nextMs: number | null = null;

  constructor(machine: Machine) {
    this.#machine = machine;
    this.ended = new Signal(`credentials at ${machine.name}`);
    this.#noted = new Signal(`new credentials at ${machine.name}`);
  }

  note(notAfterMs: number): void {
    if (this.#ends.has(notAfterMs)) return;
    this.#ends.add(notAfterMs);
    if (this.#nextMs === null || notAfterMs < this.#nextMs) this.#noted.fire();
  }

  *watch(): Sim<never> {
    const machine = this.#machine;
    for (;;) {
      const { wallMs } = machine;
      for (const end of this.#ends) if (end < wallMs) this.#ends.delete(end);
      this.#nextMs = this.#ends.size === 0 ? null : Math.min(...this.#ends);
      const leftMs = this.#nextMs === null ? null : this.#nextMs - wallMs + 1;
      const woken = yield* waitFor([this.#noted, machine.clockChanged], leftMs);
      if (woken !== this.#noted) this.ended.fire();
    }
  }
}
