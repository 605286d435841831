/** The verdict of an experiment, its reasons in words, and every duration that was measured. */
import { printDuration, printMoment } from '../base/duration.js';
import type { LabSpec } from '../model/lab.js';
import { durationOn } from './duration-sum.js';
import { judge, type Window } from './expect.js';
import { INVARIANTS, type InvariantName } from './invariant-names.js';
import { judgeWrites, type InvariantResult } from './invariants.js';
import { attemptsAt, faultTimes, type FaultTimes } from './moments.js';
import { steadyStateOf, type ChaosInput } from './plan.js';
import type { Interval } from './recorder.js';
import type { ChaosSeen } from './run.js';
import type { ExpectationSpec, Scenario } from './scenario.js';
import type { Subject } from './subject.js';
import type { Taken } from './truths.js';

/** `aborted`: it did not come to its faults' end as planned, and everything is as it was before. */
export type VerdictWord = 'held' | 'deviated' | 'aborted' | 'stuck';

export interface Assertion {
  readonly phase: 'steady-state' | 'during' | 'recovery' | 'invariant';
  readonly name: string;
  readonly expected: string;
  readonly observed: string;
  readonly ok: boolean;
  readonly atMs: number | null;
  readonly machine: string | null;
}

export interface Measure {
  readonly name: string;
  readonly ms: number;
}

export interface Verdict {
  readonly word: VerdictWord;
  readonly ok: boolean;
  /** First why, then what was done about it. */
  readonly lines: readonly string[];
  readonly assertions: readonly Assertion[];
  readonly measures: readonly Measure[];
  /** What could not be judged, and why. */
  readonly reasons: readonly string[];
}

export function verdictOf(lab: LabSpec, scenario: Scenario, input: ChaosInput, seen: ChaosSeen): Verdict {
  const isSeen = (one: ExpectationSpec): boolean => {
    const fromMs = windowOf(scenario, seen, one.window)?.fromMs ?? Infinity;
    // A journal knows its steps, whoever was there to look.
    const { kind } = one.subject;
    return kind === 'step' || fromMs >= (kind === 'probe' ? seen.lookedFromMs : seen.seenFromMs);
  };
  const during = scenario.during.filter(isSeen).map((one) => expectation(lab, scenario, input, seen, one));
  const operated = operationResult(lab, scenario, seen);
  const recovered = recovery(lab, scenario, input, seen);
  const invariants = invariantResults(lab, scenario, input, seen);
  const assertions = [
    ...during.map(({ assertion }) => assertion),
    ...(operated === null ? [] : [operated.assertion]),
    recovered.assertion,
    ...invariants.map(invariantAssertion),
  ];
  const overlapMs = seen.vip.judge(seen.endedMs, [], seen.everyMs).longestMs;
  const measures = [
    ...during.flatMap(({ measure }) => (measure === null ? [] : [measure])),
    ...(operated === null || operated.measure === null ? [] : [operated.measure]),
    ...(recovered.measure === null ? [] : [recovered.measure]),
    ...(lab.vip === null ? [] : [{ name: 'two held the floating address', ms: overlapMs }]),
  ];
  const reasons = scenario.during
    .filter((one) => !isSeen(one))
    .map(({ name }) => `not judged, for homelab was not there to look: ${name}`);
  return { ...wordOf(lab, seen, assertions), assertions, measures, reasons };
}

function invariantAssertion({ name, expected, observed, ok, atMs, machine }: InvariantResult): Assertion {
  return { phase: 'invariant', name, expected, observed, ok, atMs, machine };
}

function wordOf(
  lab: LabSpec,
  seen: ChaosSeen,
  assertions: readonly Assertion[],
): Pick<Verdict, 'word' | 'ok' | 'lines'> {
  const { outcome, error, seed } = seen.result;
  const seedText = seed === null ? '' : ` (seed ${seed})`;
  const wrong = assertions.filter(({ ok }) => !ok);
  const refused = seen.operation?.refused ?? null;
  if (refused !== null) {
    const lines = [`${refused.message}${seedText}`, 'every fault was lifted', refused.remedy];
    return { word: 'stuck', ok: false, lines };
  }
  if (outcome === 'stuck' || error?.code === 'not-recovered' || seen.unsteady.length > 0) {
    const why = error?.message ?? `the steady state is not back: ${seen.unsteady.join('; ')}`;
    return { word: 'stuck', ok: false, lines: [`${why}${seedText}`, ...wrong.map(line)] };
  }
  if (outcome !== 'completed') {
    const why = error?.message ?? `the experiment was stopped`;
    return {
      word: 'aborted',
      ok: false,
      lines: [`${why}${seedText}`, 'every fault was lifted, and the steady state is back'],
    };
  }
  if (wrong.length > 0)
    return { word: 'deviated', ok: false, lines: wrong.map((one) => `${line(one)}${seedText}`) };
  const counted = `${assertions.length} ${assertions.length === 1 ? 'thing was' : 'things were'} as expected`;
  return { word: 'held', ok: true, lines: [`${counted} on lab ${lab.name}${seedText}`] };
}

function line({ name, expected, observed, atMs, machine }: Assertion): string {
  const when = atMs === null ? '' : ` at ${printMoment(atMs)}`;
  const where = machine === null ? '' : `, on ${machine}`;
  return `${name}: expected ${expected}; seen: ${observed}${when}${where}`;
}

function expectation(
  lab: LabSpec,
  scenario: Scenario,
  input: ChaosInput,
  seen: ChaosSeen,
  { name, subject, window, skip, demand }: ExpectationSpec,
): { readonly assertion: Assertion; readonly measure: Measure | null } {
  const whole = windowOf(scenario, seen, window);
  const machine = (input.subjects[subject.text] ?? [])[0] ?? null;
  const about = { phase: 'during' as const, name, machine };
  if (whole === null) {
    const observed = `the fault ${window?.fault ?? ''} never came to it`;
    return { assertion: { ...about, expected: name, observed, ok: false, atMs: null }, measure: null };
  }
  const skipped = { ...whole, fromMs: whole.fromMs + (skip === null ? 0 : durationOn(lab, skip)) };
  const judged = judge(lab, demand, intervalsOf(seen, input, subject, skipped), skipped);
  const { expected, observed, ok, atMs, measuredMs } = judged;
  return {
    assertion: { ...about, expected: `${subject.text} ${expected}`, observed, ok, atMs },
    measure: measuredMs === null ? null : { name, ms: measuredMs },
  };
}

/** From the first fault to the end of the run unless it says otherwise; null when its fault did not come so far. */
function windowOf(scenario: Scenario, seen: ChaosSeen, window: ExpectationSpec['window']): Window | null {
  const times = (fault: string): FaultTimes => faultTimes(seen.records, fault);
  if (window === null) {
    const first = scenario.method.map(({ name }) => times(name).beginMs).filter((ms) => ms !== null);
    return { fromMs: Math.min(seen.endedMs, ...first), toMs: seen.endedMs };
  }
  const { beginMs, liftMs } = times(window.fault);
  if (window.kind === 'while')
    return beginMs === null ? null : { fromMs: beginMs, toMs: liftMs ?? seen.endedMs };
  return liftMs === null ? null : { fromMs: liftMs, toMs: seen.endedMs };
}

function intervalsOf(
  seen: ChaosSeen,
  input: ChaosInput,
  { text, kind, name }: Subject,
  { fromMs, toMs }: Window,
): readonly Interval[] {
  if (kind === 'step') return attemptsAt(seen.operation?.records ?? [], name, input.subjects[text] ?? null);
  if (kind !== 'probe') return seen.recorder.intervals(text, seen.endedMs);
  return seen.probes.find((probe) => probe.name === name)?.runsIn(fromMs, toMs) ?? [];
}

/** What became of the operation; null where there is none. */
function operationResult(
  lab: LabSpec,
  { operation }: Scenario,
  { operation: ran }: ChaosSeen,
): { readonly assertion: Assertion; readonly measure: Measure | null } | null {
  if (operation === null || ran === null) return null;
  const [first, last] = [ran.records[0], ran.records.at(-1)];
  const ms = first === undefined || last === undefined ? 0 : last.atMs - first.atMs;
  const again = ran.again === 0 ? '' : ' when it was taken up again';
  const observed = ran.outcome === null ? 'never begun' : `${ran.outcome}${again} after ${printDuration(ms)}`;
  return {
    assertion: {
      ...{ phase: 'recovery', name: 'operation', observed, ok: ran.outcome === 'completed', machine: null },
      expected: `the ${operation.saga} completes within ${printDuration(durationOn(lab, operation.within))}`,
      atMs: last?.atMs ?? null,
    },
    measure: ran.outcome === 'completed' ? { name: `the ${operation.saga}`, ms } : null,
  };
}

/** How long after the last fault was gone, and the operation over, the last of the steady state came back. */
function recovery(
  lab: LabSpec,
  scenario: Scenario,
  input: ChaosInput,
  seen: ChaosSeen,
): { readonly assertion: Assertion; readonly measure: Measure | null } {
  const expected = `the steady state again within ${printDuration(durationOn(lab, scenario.recovery))}`;
  const about = { phase: 'recovery' as const, name: 'recovery', expected, machine: null };
  const gone = scenario.method.map(({ name }) => faultTimes(seen.records, name).goneMs);
  const overMs = seen.operation?.records.at(-1)?.atMs ?? -Infinity;
  const goneMs = Math.max(overMs, ...gone.map((ms) => ms ?? -Infinity));
  const isBack = seen.result.outcome === 'completed';
  if (!isBack || goneMs === -Infinity) {
    const observed =
      seen.unsteady.length === 0 ? 'not within that time' : `still ${seen.unsteady.join('; ')}`;
    return { assertion: { ...about, observed, ok: isBack, atMs: null }, measure: null };
  }
  const whole = { fromMs: 0, toMs: seen.endedMs };
  const ends = steadyStateOf(lab, scenario).map(
    ({ subject, up }) =>
      intervalsOf(seen, input, subject, whole).findLast(({ good }) => good !== up)?.toMs ?? goneMs,
  );
  const ms = Math.max(0, Math.max(goneMs, ...ends) - goneMs);
  return {
    assertion: { ...about, observed: `after ${printDuration(ms)}`, ok: true, atMs: goneMs + ms },
    measure: { name: 'recovery', ms },
  };
}

/** Un-paused machines, and machines whose network came back, may still carry what they carried. */
const WAKING = ['pause', 'link', 'partition', 'loss', 'delay'];

function invariantResults(
  lab: LabSpec,
  scenario: Scenario,
  input: ChaosInput,
  seen: ChaosSeen,
): readonly InvariantResult[] {
  const waking = scenario.method.filter(({ fault }) => WAKING.includes(fault));
  const wokenMs = waking.map(({ name }) => faultTimes(seen.records, name).liftMs).filter((ms) => ms !== null);
  const results: readonly InvariantResult[] = [
    ...(lab.vip === null ? [] : [seen.vip.judge(seen.endedMs, wokenMs, seen.everyMs)]),
    ...(lab.vip?.provider === 'kube-vip' ? [seen.leftover.judge()] : []),
    ...seen.writes.map(judgeWrites),
    ...seen.truths.judge(seen.endedMs, takenBy(lab, scenario, input, seen)),
  ];
  const wanted: readonly InvariantName[] = scenario.invariants ?? INVARIANTS;
  return results.filter(({ name }) => wanted.includes(name));
}

/** From where a fault comes until its machine may still be on its way back. */
function takenBy(lab: LabSpec, scenario: Scenario, input: ChaosInput, seen: ChaosSeen): readonly Taken[] {
  if (input.control === 'emptied') return [];
  const backMs = durationOn(lab, scenario.recovery);
  return scenario.method.flatMap(({ name }) => {
    const { beginMs, goneMs } = faultTimes(seen.records, name);
    if (beginMs === null) return [];
    const toMs = (goneMs ?? seen.endedMs) + backMs;
    return (input.faults[name] ?? []).map((machine) => ({ machine, fromMs: beginMs, toMs }));
  });
}
