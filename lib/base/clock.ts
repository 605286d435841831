/**
 * Lab time. The simulator answers with its virtual clock, real machines with the wall clock; nothing else
 * in the program may know what time it is.
 */
export interface Clock {
  /** Milliseconds of lab time since the lab was made. */
  nowMs(): number;
  /** Resolves after `ms` of lab time; rejects with `CancelledError` when `signal` aborts first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
