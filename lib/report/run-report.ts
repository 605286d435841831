/**
 * What is kept of one run of a saga or a scenario: plain data, with the shape of schemas/run-report.schema.json. It
 * holds no command output, so no secret can reach it but in an error's text, as in a journal.
 */
import type { StepOutcome } from '../engine/saga.js';
import type { Lane } from './lanes.js';
import { explained, type ExplainedMove, type ExplainedOutage } from './explain.js';
import { lowestMarginOf, type Margin } from './outages.js';

/** One attempt at a step, or at undoing it. */
export interface ReportSpan {
  readonly fromMs: number;
  /** Null when it has no end: homelab was killed, or it still ran when the report was written. */
  readonly toMs: number | null;
  readonly kind: 'attempt' | 'undo';
  readonly ok: boolean;
}

export interface ReportStep {
  readonly key: string;
  readonly title: string;
  /** Title of its stage. */
  readonly stage: string;
  readonly outcome: StepOutcome;
  /** Machines, or what matters on them, that it takes down for a while. */
  readonly takesDown: readonly string[];
  readonly spans: readonly ReportSpan[];
}

export interface ReportFault {
  readonly key: string;
  readonly title: string;
  readonly machines: readonly string[];
  readonly fromMs: number;
  /** Null for one that was not lifted. */
  readonly toMs: number | null;
}

export interface ReportAssertion {
  readonly phase: 'steady-state' | 'during' | 'recovery' | 'invariant';
  readonly name: string;
  readonly expected: string;
  readonly observed: string;
  readonly ok: boolean;
  readonly atMs: number | null;
  readonly machine: string | null;
}

export interface ReportMeasure {
  readonly name: string;
  readonly ms: number;
}

/** How one duration is spread over many runs. */
export interface ReportDistribution {
  readonly name: string;
  /** In how many runs it was measured. */
  readonly count: number;
  readonly minMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly maxMs: number;
  readonly worstSeed: number;
}

/** Many runs on copies of a lab; everything else in their report is of the one that is to be looked at first. */
export interface ReportRuns {
  readonly count: number;
  /** Each further run has the next seed. */
  readonly firstSeed: number;
  readonly worstSeed: number;
  /** How many ended how. */
  readonly verdicts: Readonly<Record<string, number>>;
  readonly distributions: readonly ReportDistribution[];
}

/** What whoever ran something knows. Lanes and steps may be empty; all times are lab times. */
export interface RunFacts {
  readonly lab: string;
  readonly provider: string;
  /** Null where nothing is random. */
  readonly seed: number | null;
  readonly subject: {
    readonly kind: 'saga' | 'scenario';
    readonly name: string;
    readonly description: string;
  };
  /** Its number in `homelab saga list`; null for what has no journal of its own. */
  readonly operation: number | null;
  readonly versions: { readonly homelab: string; readonly kubernetes: string };
  /** Types it again. */
  readonly command: string;
  readonly startedMs: number;
  readonly endedMs: number;
  /** Wall-clock milliseconds of the program; the only thing that differs when a simulated run is repeated. */
  readonly wallMs?: number;
  /** A word such as `completed` or `deviated`, and sentences that say what that means here. */
  readonly verdict: { readonly word: string; readonly ok: boolean; readonly lines: readonly string[] };
  readonly steps: readonly ReportStep[];
  readonly faults: readonly ReportFault[];
  readonly assertions: readonly ReportAssertion[];
  readonly lanes: readonly Lane[];
  readonly measures: readonly ReportMeasure[];
  /** Only where it was run many times. */
  readonly runs?: ReportRuns;
  /** What the report cannot say, and why. */
  readonly reasons: readonly string[];
}

export interface RunReport extends RunFacts {
  readonly apiVersion: 'homelab/v1';
  readonly kind: 'RunReport';
  /** Times at which the API did not answer although it had, through the endpoint and at each control plane. */
  readonly outages: readonly ExplainedOutage[];
  readonly vipMoves: readonly ExplainedMove[];
  /** Null where etcd was not seen. */
  readonly lowestMargin: Margin | null;
}

/** The whole report: what follows from lanes, steps and faults is added here, in one way for sagas and scenarios. */
export function runReport(facts: RunFacts): RunReport {
  return {
    ...{ apiVersion: 'homelab/v1', kind: 'RunReport', ...facts },
    ...explained(facts),
    lowestMargin: lowestMarginOf(facts.lanes),
  };
}
