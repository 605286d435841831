/** What was measured, in seconds, beside what, and what is made of it. */
import type { Figure } from '../figure.js';

/** Alternating runs of two ways to one end, in the order in which they were made. */
export interface Runs {
  readonly what: string;
  readonly homelab: readonly number[];
  readonly plain: readonly number[];
}

export interface Measured {
  readonly figures: readonly Figure[];
  readonly runs: readonly Runs[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = NaN, high = NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

/** Such as `62.1 s (58.0 to 70.4)`. */
export function spread(values: readonly number[]): string {
  const digits = median(values) < 10 ? 2 : 1;
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    value.toFixed(digits),
  );
  return `${middle ?? ''} s (${least ?? ''} to ${most ?? ''})`;
}

export function describe({ what, homelab, plain }: Runs): string {
  return `${what}: homelab ${spread(homelab)}, plain ${spread(plain)}, ${homelab.length} runs each\n`;
}
