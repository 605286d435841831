/** Why a program is stopped before its end: its time is over, or nobody wants it any more. */
import { setMaxListeners } from 'node:events';

export type Stop = 'timedOut' | 'cancelled';

export class Stopper {
  /** Both never reject, and never resolve after `dispose`. */
  readonly cancelled: Promise<'cancelled'>;
  readonly stopped: Promise<Stop>;
  readonly #signal: AbortSignal | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stop: (why: Stop) => void = () => undefined;
  #cancel = (): void => undefined;

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
    this.cancelled = new Promise((resolve) => {
      this.#cancel = () => {
        resolve('cancelled');
        this.#stop('cancelled');
      };
    });
    if (signal === undefined) return;
    // Any number of programs may share a signal; Node takes more than ten for a leak and says so on the screen.
    setMaxListeners(0, signal);
    if (signal.aborted) this.#cancel();
    else signal.addEventListener('abort', this.#cancel, { once: true });
  }

  startClock(timeoutMs: number): void {
    this.#timer = setTimeout(() => {
      this.#stop('timedOut');
    }, timeoutMs);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#cancel);
  }
}
