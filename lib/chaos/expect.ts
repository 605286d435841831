/** What came of one expectation: its window, what was seen in it, and how long it took. */
import { printDuration } from '../base/duration.js';
import type { LabSpec } from '../model/lab.js';
import { durationOn, type DurationSum } from './duration-sum.js';
import type { Interval } from './recorder.js';
import type { Demand } from './scenario.js';

export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Judged {
  readonly ok: boolean;
  readonly expected: string;
  readonly observed: string;
  /** When it was seen; null for what never came. */
  readonly atMs: number | null;
  /** The duration that was measured; null where there is none. */
  readonly measuredMs: number | null;
}

/** `intervals` in order. Times of day are not told, but how long after the window's beginning. */
export function judge(lab: LabSpec, demand: Demand, intervals: readonly Interval[], window: Window): Judged {
  const within = inWindow(intervals, window);
  switch (demand.kind) {
    case 'becomes':
      return becomes(lab, demand, within, window);
    case 'stays':
      return stays(demand.up, within, window);
    case 'outage':
      return outage(lab, demand, within);
    case 'changes':
      return changes(demand.expected, intervals, window);
    case 'failures':
      return failures(demand, within);
  }
}

export function inWindow(intervals: readonly Interval[], { fromMs, toMs }: Window): readonly Interval[] {
  return intervals
    .filter((one) => one.toMs > fromMs && one.fromMs < toMs)
    .map((one) => ({ ...one, fromMs: Math.max(one.fromMs, fromMs), toMs: Math.min(one.toMs, toMs) }));
}

type Of<Kind extends Demand['kind']> = Extract<Demand, { kind: Kind }>;

function becomes(
  lab: LabSpec,
  demand: Of<'becomes'>,
  within: readonly Interval[],
  { fromMs }: Window,
): Judged {
  const { up, within: limit, notBefore } = demand;
  const limitMs = durationOn(lab, limit);
  const earliestMs = notBefore === null ? 0 : durationOn(lab, notBefore);
  const least = notBefore === null ? '' : `not before ${printDuration(earliestMs)} and `;
  const expected = `${word(up)} ${least}within ${printDuration(limitMs)}`;
  const found = within.find(({ good }) => good === up);
  if (found === undefined) {
    return { ok: false, expected, observed: `never ${word(up)}`, atMs: null, measuredMs: null };
  }
  const tookMs = found.fromMs - fromMs;
  const observed = `${word(up)} (${found.value}) after ${printDuration(tookMs)}`;
  return {
    ok: tookMs <= limitMs && tookMs >= earliestMs,
    expected,
    observed,
    atMs: found.fromMs,
    measuredMs: tookMs,
  };
}

function stays(up: boolean, within: readonly Interval[], { fromMs }: Window): Judged {
  const expected = `${word(up)} all the time`;
  const broken = within.find(({ good }) => good !== up);
  if (within.length === 0)
    return { ok: false, expected, observed: 'nothing was seen', atMs: null, measuredMs: null };
  if (broken === undefined) return { ok: true, expected, observed: expected, atMs: null, measuredMs: null };
  const lasted = printDuration(broken.toMs - broken.fromMs);
  const observed = `${word(!up)} (${broken.value}) after ${printDuration(broken.fromMs - fromMs)}, for ${lasted}`;
  return { ok: false, expected, observed, atMs: broken.fromMs, measuredMs: null };
}

function outage(lab: LabSpec, { atLeast, atMost }: Of<'outage'>, within: readonly Interval[]): Judged {
  const ms = (sum: DurationSum | null): number | null => (sum === null ? null : durationOn(lab, sum));
  const [least, most] = [ms(atLeast), ms(atMost)];
  const expected = `without it ${rangeText(least, most, printDuration)}`;
  let longest: Interval | null = null;
  for (const one of badStretches(within))
    if (longest === null || one.toMs - one.fromMs > longest.toMs - longest.fromMs) longest = one;
  const longestMs = longest === null ? 0 : longest.toMs - longest.fromMs;
  const observed = longest === null ? 'never without it' : `without it for ${printDuration(longestMs)}`;
  const ok = (least === null || longestMs >= least) && (most === null || longestMs <= most);
  return {
    ok: ok && within.length > 0,
    expected,
    observed,
    atMs: longest?.fromMs ?? null,
    measuredMs: longestMs,
  };
}

/** Neighbouring bad intervals of different words are one stretch. */
export function badStretches(intervals: readonly Interval[]): readonly Interval[] {
  const stretches: Interval[] = [];
  for (const one of intervals) {
    if (one.good) continue;
    const last = stretches.at(-1);
    if (last?.toMs === one.fromMs) stretches[stretches.length - 1] = { ...last, toMs: one.toMs };
    else stretches.push(one);
  }
  return stretches;
}

/** Whoever has it when the window begins must keep it, or another one must come to have it. */
function changes(expected: boolean, intervals: readonly Interval[], window: Window): Judged {
  const within = inWindow(intervals, window);
  // A power cut takes effect at the very beginning of its window.
  const before = intervals.findLast(({ fromMs }) => fromMs < window.fromMs) ?? within[0];
  const other = within.find(({ value, good }) => value !== before?.value && (good || !expected));
  const text = expected ? 'another one takes it' : 'the same one has it all the time';
  const had = before?.value ?? 'nobody';
  const observed = other === undefined ? `${had} all the time` : `${had}, then ${other.value}`;
  return {
    ok: within.length > 0 && (other !== undefined) === expected,
    ...{ expected: text, observed, atMs: other?.fromMs ?? null },
    measuredMs: expected && other !== undefined ? other.fromMs - window.fromMs : null,
  };
}

/** A probe's runs and a step's attempts have one interval each; those of the window are counted. */
function failures({ atLeast, atMost, saying }: Of<'failures'>, within: readonly Interval[]): Judged {
  const pattern = new RegExp(saying ?? '');
  const failed = within.filter(({ good, value }) => !good && pattern.test(value));
  const said = saying === null ? '' : ` saying "${saying}"`;
  const expected = `${rangeText(atLeast, atMost, String)} failed${said}`;
  const words = failed[0] === undefined ? '' : `, first: ${failed[0].value}`;
  const observed = `${failed.length} of ${within.length} failed${words}`;
  const ok = (atLeast === null || failed.length >= atLeast) && (atMost === null || failed.length <= atMost);
  return {
    ok: ok && within.length > 0,
    expected,
    observed,
    atMs: failed[0]?.fromMs ?? null,
    measuredMs: null,
  };
}

function rangeText(least: number | null, most: number | null, print: (value: number) => string): string {
  if (least !== null && most !== null) return `between ${print(least)} and ${print(most)}`;
  if (most !== null) return `at most ${print(most)}`;
  return least === null ? 'for any time' : `at least ${print(least)}`;
}

function word(up: boolean): string {
  return up ? 'up' : 'down';
}
