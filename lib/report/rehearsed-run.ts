/** One run of a rehearsal, as far as its figures go: what the saga took, and what an onlooker saw meanwhile. */
import type { SagaResult } from '../engine/result.js';
import type { SagaOutcome, StepOutcome } from '../engine/saga.js';
import type { Lane } from './lanes.js';
import { outagesOf, vipMovesOf } from './outages.js';
import { ABSENT, ENDPOINT_LANE, MARGIN_LANE, UNKNOWN } from './sights.js';

/** Times count from the beginning of the run. */
export interface RehearsedRun {
  readonly seed: number;
  readonly outcome: SagaOutcome;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly durationMs: number;
  readonly steps: readonly RehearsedStep[];
  readonly windows: readonly ApiWindow[];
  readonly vipMoves: number;
  /** Voters that could still fail at the worst moment; null where etcd was not seen. */
  readonly lowestMargin: number | null;
  readonly evictedPods: number;
}

export interface RehearsedStep {
  readonly key: string;
  readonly title: string;
  readonly outcome: StepOutcome;
  readonly attempts: number;
  readonly atMs: number;
  readonly durationMs: number;
  /** How long the API did not answer through the endpoint while it ran. */
  readonly apiAwayMs: number;
  readonly lowestMargin: number | null;
}

/** The API had answered there and did not. */
export interface ApiWindow {
  /** `endpoint`, or the name of a control plane. */
  readonly through: string;
  readonly fromMs: number;
  /** Up to the end of the run when it did not come back. */
  readonly durationMs: number;
  /** Title of the step that ran when it began; null between steps. */
  readonly during: string | null;
}

export interface Watched {
  readonly seed: number;
  readonly result: SagaResult;
  /** Lab milliseconds. */
  readonly beganAtMs: number;
  readonly endedAtMs: number;
  readonly lanes: readonly Lane[];
  readonly evictedPods: number;
}

export function rehearsedRun(watched: Watched): RehearsedRun {
  const { seed, result, beganAtMs, endedAtMs, lanes } = watched;
  const steps = result.steps.flatMap((step) => {
    if (step.startedAtMs === null) return [];
    const { key, title, outcome, attempts, startedAtMs } = step;
    const untilMs = startedAtMs + (step.durationMs ?? endedAtMs - startedAtMs);
    const atMs = startedAtMs - beganAtMs;
    const durationMs = untilMs - startedAtMs;
    const apiAwayMs = overlap(lanes, startedAtMs, untilMs, endedAtMs);
    const lowestMargin = marginBetween(lanes, startedAtMs, untilMs);
    return [{ key, title, outcome, attempts, atMs, durationMs, apiAwayMs, lowestMargin }];
  });
  const windows = outagesOf(lanes).map(({ lane, fromMs, toMs }) => ({
    through: lane.slice('api:'.length),
    fromMs: fromMs - beganAtMs,
    durationMs: (toMs ?? endedAtMs) - fromMs,
    during: stepAt(steps, fromMs - beganAtMs),
  }));
  const { error } = result;
  return {
    ...{ seed, outcome: result.outcome, durationMs: result.durationMs, steps, windows },
    error: error === null ? null : { code: error.code, message: error.message },
    vipMoves: vipMovesOf(lanes).length,
    lowestMargin: marginBetween(lanes, beganAtMs, endedAtMs),
    evictedPods: watched.evictedPods,
  };
}

/** Of two that overlap, as workers do, the one that began last. */
function stepAt(steps: readonly RehearsedStep[], ms: number): string | null {
  const under = steps.filter(({ atMs, durationMs }) => atMs <= ms && ms <= atMs + durationMs);
  return under.at(-1)?.title ?? null;
}

function overlap(lanes: readonly Lane[], fromMs: number, toMs: number, endMs: number): number {
  return outagesOf(lanes)
    .filter(({ lane }) => lane === ENDPOINT_LANE)
    .reduce(
      (sum, away) => sum + Math.max(0, Math.min(toMs, away.toMs ?? endMs) - Math.max(fromMs, away.fromMs)),
      0,
    );
}

function marginBetween(lanes: readonly Lane[], fromMs: number, toMs: number): number | null {
  const seen = (lanes.find(({ key }) => key === MARGIN_LANE)?.intervals ?? [])
    .filter((one) => one.fromMs < toMs && one.toMs > fromMs && one.value !== UNKNOWN && one.value !== ABSENT)
    .map(({ value }) => Number(value));
  return seen.length === 0 ? null : Math.min(...seen);
}
