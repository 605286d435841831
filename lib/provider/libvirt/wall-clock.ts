/** Lab time of real machines: the wall clock, counted from when the lab was made. */
import { CancelledError } from '../../base/errors.js';
import type { Clock } from '../../base/clock.js';

export class WallClock implements Clock {
  readonly #madeAtMs: number;
  #lastMs = 0;

  /** `madeAtMs` is in milliseconds of the Unix epoch. */
  constructor(madeAtMs: number) {
    this.#madeAtMs = madeAtMs;
  }

  nowMs(): number {
    // The computer's clock may be set back; lab time never goes backwards within one run.
    this.#lastMs = Math.max(this.#lastMs, Date.now() - this.#madeAtMs);
    return this.#lastMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(new CancelledError());
        return;
      }
      const cancel = (): void => {
        clearTimeout(timer);
        reject(new CancelledError());
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', cancel);
        resolve();
      }, ms);
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }
}
