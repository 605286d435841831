/** Many rehearsed runs together: what to expect, how bad it may get, and which steps are the riskiest. */
import { must } from '../base/errors.js';
import type { SagaOutcome } from '../engine/saga.js';
import type { ApiWindow, RehearsedRun } from './rehearsed-run.js';

/** Nearest rank: each figure is one of the runs'. */
export interface Spread {
  readonly p50: number;
  readonly p95: number;
  readonly worst: number;
}

export interface StepForecast {
  readonly key: string;
  readonly title: string;
  /** When it begins in the run in the middle of all. */
  readonly atMs: number;
  readonly durationMs: Spread;
  /** How long the API is away through the endpoint meanwhile. */
  readonly apiAwayMs: Spread;
  /** Voters that may still fail at the worst moment of all runs. */
  readonly lowestMargin: number | null;
  /** Runs in which it was tried more than once, and in which it did not come to a good end. */
  readonly retriedIn: number;
  readonly failedIn: number;
}

export interface RiskyStep {
  readonly key: string;
  readonly title: string;
  readonly why: string;
}

export interface Rehearsal {
  readonly apiVersion: 'homelab/v1';
  readonly kind: 'Rehearsal';
  readonly lab: string;
  readonly from: string;
  readonly to: string;
  /** What the figures are of, and what they are not of. */
  readonly notes: readonly string[];
  /** Seed of the first run; the others count up from it. */
  readonly seed: number;
  readonly runs: number;
  readonly completed: number;
  readonly durationMs: Spread;
  readonly api: readonly {
    /** `endpoint`, or the name of a control plane. */
    readonly through: string;
    readonly windows: Spread;
    readonly longestMs: Spread;
    readonly totalMs: Spread;
  }[];
  readonly vipMoves: Spread;
  readonly lowestMargin: number | null;
  readonly evictedPods: Spread;
  readonly steps: readonly StepForecast[];
  readonly riskiest: readonly RiskyStep[];
  /** The run in the middle, with its windows. */
  readonly middle: {
    readonly seed: number;
    readonly durationMs: number;
    readonly windows: readonly ApiWindow[];
  };
  /** The run that failed first, or else took longest, and how it is repeated. */
  readonly worst: {
    readonly seed: number;
    readonly outcome: SagaOutcome;
    readonly durationMs: number;
    readonly error: RehearsedRun['error'];
    readonly command: string;
  };
  /** What could not be read of a real lab, and what the copy has instead. */
  readonly assumed: readonly string[];
}

export interface RehearsalSubject extends Pick<Rehearsal, 'lab' | 'from' | 'to' | 'assumed'> {
  /** Types one of the runs again. */
  readonly commandOf: (seed: number) => string;
}

const MODELLED =
  'Kubernetes is modelled, not executed: the figures are of the simulator, with its timings, not of your machines.';

const RISKIEST = 3;

/** Of one run at least. */
export function rehearsal(subject: RehearsalSubject, runs: readonly RehearsedRun[]): Rehearsal {
  const { lab, from, to, assumed, commandOf } = subject;
  const byTime = [...runs].sort((a, b) => a.durationMs - b.durationMs || a.seed - b.seed);
  const middle = rank(byTime, 50);
  const failed = byTime.filter(({ outcome }) => outcome !== 'completed');
  const worst = failed.find(({ outcome }) => outcome === 'stuck') ?? failed[0] ?? rank(byTime, 100);
  const steps = forecasts(runs, middle);
  const throughs = [...new Set(runs.flatMap(({ windows }) => windows.map(({ through }) => through)))];
  return {
    ...{ apiVersion: 'homelab/v1', kind: 'Rehearsal' },
    ...{
      lab,
      from,
      to,
      notes: [MODELLED],
      seed: Math.min(...runs.map(({ seed }) => seed)),
      runs: runs.length,
    },
    completed: runs.length - failed.length,
    durationMs: spread(runs.map((run) => run.durationMs)),
    api: throughs.sort(endpointFirst).map((through) => {
      const of = runs.map(({ windows }) => windows.filter((one) => one.through === through));
      return {
        through,
        windows: spread(of.map((windows) => windows.length)),
        longestMs: spread(of.map((windows) => Math.max(0, ...windows.map((one) => one.durationMs)))),
        totalMs: spread(of.map((windows) => windows.reduce((sum, one) => sum + one.durationMs, 0))),
      };
    }),
    vipMoves: spread(runs.map((run) => run.vipMoves)),
    lowestMargin: least(runs.map((run) => run.lowestMargin)),
    evictedPods: spread(runs.map((run) => run.evictedPods)),
    steps,
    riskiest: riskiest(steps, runs.length),
    middle: { seed: middle.seed, durationMs: middle.durationMs, windows: middle.windows },
    worst: {
      ...{ seed: worst.seed, outcome: worst.outcome, durationMs: worst.durationMs, error: worst.error },
      command: commandOf(worst.seed),
    },
    assumed,
  };
}

function endpointFirst(a: string, b: string): number {
  if (a === b) return 0;
  return a === 'endpoint' || (b !== 'endpoint' && a < b) ? -1 : 1;
}

function forecasts(runs: readonly RehearsedRun[], middle: RehearsedRun): readonly StepForecast[] {
  const keys = [...new Map(runs.flatMap(({ steps }) => steps.map(({ key, title }) => [key, title])))];
  const forecast = keys.map(([key, title]): StepForecast => {
    const met = runs.flatMap(({ steps }) => steps.filter((step) => step.key === key));
    return {
      ...{ key, title },
      atMs: (middle.steps.find((step) => step.key === key) ?? met[0])?.atMs ?? 0,
      durationMs: spread(met.map((step) => step.durationMs)),
      apiAwayMs: spread(met.map((step) => step.apiAwayMs)),
      lowestMargin: least(met.map((step) => step.lowestMargin)),
      retriedIn: met.filter(({ attempts }) => attempts > 1).length,
      failedIn: met.filter(({ outcome }) => outcome !== 'done' && outcome !== 'skipped').length,
    };
  });
  return forecast.sort((a, b) => a.atMs - b.atMs);
}

/** A step that failed, then one that was tried again, then one that leaves etcd or the clients with less. */
function riskiest(steps: readonly StepForecast[], runs: number): readonly RiskyStep[] {
  const margin = ({ lowestMargin }: StepForecast): number => lowestMargin ?? 0;
  return steps
    .filter((one) => one.failedIn > 0 || one.retriedIn > 0 || one.apiAwayMs.worst > 0 || margin(one) < 1)
    .sort(
      (a, b) =>
        b.failedIn - a.failedIn ||
        b.retriedIn - a.retriedIn ||
        b.apiAwayMs.p95 - a.apiAwayMs.p95 ||
        b.apiAwayMs.worst - a.apiAwayMs.worst ||
        margin(a) - margin(b),
    )
    .slice(0, RISKIEST)
    .map((step) => ({ key: step.key, title: step.title, why: whyRisky(step, runs) }));
}

function whyRisky(step: StepForecast, runs: number): string {
  const { failedIn, retriedIn, apiAwayMs, lowestMargin } = step;
  const reasons = [
    ...(failedIn > 0 ? [`it failed in ${failedIn} of ${runs} runs`] : []),
    ...(retriedIn > 0 ? [`it was tried again in ${retriedIn} of ${runs} runs`] : []),
    ...(apiAwayMs.worst > 0
      ? [
          `the API is away for ${tenths(apiAwayMs.p95)} s (95 % of the runs), ${tenths(apiAwayMs.worst)} s at worst`,
        ]
      : []),
    ...(lowestMargin !== null && lowestMargin < 1
      ? [lowestMargin < 0 ? 'etcd loses its quorum meanwhile' : 'no further voter of etcd may fail meanwhile']
      : []),
  ];
  return reasons.join('; ');
}

function tenths(ms: number): string {
  return (Math.round(ms / 100) / 10).toFixed(1);
}

function least(margins: readonly (number | null)[]): number | null {
  const seen = margins.filter((one) => one !== null);
  return seen.length === 0 ? null : Math.min(...seen);
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { p50: rank(sorted, 50), p95: rank(sorted, 95), worst: rank(sorted, 100) };
}

/** Of a sorted list, the first that at least so many of a hundred do not exceed. */
function rank<T>(sorted: readonly T[], percent: number): T {
  return must(sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)], 'a rehearsal has runs');
}
