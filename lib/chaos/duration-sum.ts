/**
 * Durations of scenarios: `30s`, and sums with the timers of the lab's Lease, such as `lease + 5 retry`. Plain
 * durations are stretched by how slow the lab's machines are; the Lease's timers were stretched when they were
 * resolved.
 */
import { parseDuration } from '../base/duration.js';
import type { LabSpec } from '../model/lab.js';

const TIMERS = ['lease', 'renew', 'retry'] as const;
type Timer = (typeof TIMERS)[number];

interface Term {
  /** Of the unit: milliseconds, or the timer. May be negative. */
  readonly count: number;
  readonly unit: 'ms' | Timer;
}

export type DurationSum = readonly Term[];

export const DURATION_TITLE = 'a duration such as 30s or 1m30s, or a sum such as lease + 5 retry';
export const DURATION_PATTERN = '^[0-9a-z.+\\- ]+$';

/** Null for anything else. */
export function parseDurationSum(text: string): DurationSum | null {
  const terms: Term[] = [];
  const words = text.trim().split(/\s*([+-])\s*/);
  for (let i = 0; i < words.length; i += 2) {
    const sign = words[i - 1] === '-' ? -1 : 1;
    const term = termOf(words[i] ?? '', sign);
    if (term === null) return null;
    terms.push(term);
  }
  return terms;
}

function termOf(text: string, sign: number): Term | null {
  const [, count, unit] = /^(?:(\d+) )?(lease|renew|retry)$/.exec(text) ?? [];
  const timer = TIMERS.find((one) => one === unit);
  if (timer !== undefined) return { count: sign * Number(count ?? 1), unit: timer };
  const ms = parseDuration(text);
  return ms === null ? null : { count: sign * ms, unit: 'ms' };
}

/** True when it cannot be told without the timers of a Lease. */
export function needsLease(sum: DurationSum): boolean {
  return sum.some(({ unit }) => unit !== 'ms');
}

/** Milliseconds on this lab, never below zero. */
export function durationOn(lab: LabSpec, sum: DurationSum): number {
  const lease = lab.vip?.lease;
  const seconds = {
    lease: lease?.durationSeconds ?? 0,
    renew: lease?.renewDeadlineSeconds ?? 0,
    retry: lease?.retryPeriodSeconds ?? 0,
  };
  const total = sum.reduce(
    (ms, { count, unit }) => ms + (unit === 'ms' ? count * lab.timeScale : count * seconds[unit] * 1_000),
    0,
  );
  return Math.max(0, Math.round(total));
}
