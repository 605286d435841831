/**
 * What `tc qdisc … netem` does to frames that leave a machine on its lab card: they are late, or some are lost. A
 * lost segment of a TCP connection is sent again after 200 ms, then after twice as long; when all are lost nobody
 * hears the machine, ARP included. Reordering, duplicates and rates are not modelled.
 */
import type { Prng } from '../base/prng.js';

export interface Shaping {
  readonly delayMs: number;
  readonly jitterMs: number;
  /** In hundredths of a per cent: 10,000 loses everything. */
  readonly loss: number;
}

export const ALL_LOST = 10_000;
const FIRST_RETRY_MS = 200;
const RETRIES = 8;

/** How much later one segment arrives than it would. Draws only where there is something to draw. */
export function lateness(shaping: Shaping | null, prng: Prng): number {
  if (shaping === null) return 0;
  const { delayMs, jitterMs, loss } = shaping;
  let ms = Math.max(0, delayMs + (jitterMs === 0 ? 0 : prng.int(-jitterMs, jitterMs)));
  let pauseMs = FIRST_RETRY_MS;
  for (let retry = 0; retry < RETRIES && loss > 0 && prng.int(1, ALL_LOST) <= loss; retry += 1) {
    ms += pauseMs;
    pauseMs *= 2;
  }
  return ms;
}
