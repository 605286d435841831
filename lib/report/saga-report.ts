/** The report of a saga: its steps and how it ended from its journal, everything else from whoever ran it. */
import { printDuration } from '../base/duration.js';
import { plannedOf, type RunMode, type SagaRecord } from '../engine/records.js';
import { resultOf, type SagaResult } from '../engine/result.js';
import type { SagaOutcome } from '../engine/saga.js';
import type { Residue } from '../provider/provider.js';
import type { ReportFault, ReportMeasure, ReportSpan, ReportStep, RunFacts } from './run-report.js';
import type { Lane } from './lanes.js';

/** What a journal does not say. */
export interface SagaSurroundings {
  /** A fork has another name than the lab that its plans were made for. */
  readonly lab: string;
  readonly mode: RunMode;
  readonly versions: RunFacts['versions'];
  readonly command: string;
  readonly wallMs: number;
  readonly residue: readonly Residue[];
  /** Its number in `homelab saga list`. */
  readonly operation: number;
  /** By the step's key; a journal does not say it. */
  readonly takesDown: ReadonlyMap<string, readonly string[]>;
  readonly faults: readonly ReportFault[];
  readonly lanes: readonly Lane[];
  readonly reasons: readonly string[];
}

export function sagaFacts(records: readonly SagaRecord[], around: SagaSurroundings): RunFacts {
  const planned = plannedOf(records);
  const result = resultOf(records);
  const { lab, versions, command, wallMs, faults, lanes, operation } = around;
  const startedMs = planned.atMs;
  return {
    ...{ lab, provider: planned.provider, seed: planned.seed, versions, command, wallMs, operation },
    subject: { kind: 'saga', name: planned.saga, description: DESCRIPTIONS[planned.saga] ?? '' },
    ...{ startedMs, endedMs: startedMs + result.durationMs },
    verdict: {
      word: result.outcome,
      ok: isWanted(result.outcome, around.mode),
      lines: verdictLines(result, around.residue),
    },
    steps: stepsOf(records, result, around.takesDown),
    ...{ faults, assertions: [], lanes },
    measures: measuresOf(records, result),
    reasons: [...resumptions(records), ...around.reasons],
  };
}

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  bootstrap: 'machines made and a cluster brought up on them',
  upgrade: 'the cluster to another version of Kubernetes, one node after another',
  rejoin: 'control planes out of the cluster and into it again, all at once',
  down: 'all machines halted, their disks kept',
  destroy: 'the lab removed with everything in it',
};

/** Who asked for an abort got what was asked for. */
function isWanted(outcome: SagaOutcome, mode: RunMode): boolean {
  return outcome === 'completed' || outcome === 'partial' || (outcome === 'compensated' && mode === 'abort');
}

function verdictLines(result: SagaResult, residue: readonly Residue[]): readonly string[] {
  const { outcome, error, durationMs, steps } = result;
  const failed = steps.filter((step) => step.outcome === 'failed' || step.outcome === 'undo-failed');
  const left = residue.map(({ machine, kind, what }) => `left behind: ${machine}: ${kind} ${what}`);
  return [
    `${OUTCOMES[outcome]} It took ${printDuration(durationMs)} of lab time.`,
    ...(error === null ? [] : [`Because: ${error.message}`, error.remedy]),
    ...failed.map(({ title, outcome: how }) =>
      how === 'failed' ? `Failed: ${title}` : `Could not be undone: ${title}`,
    ),
    ...left,
  ];
}

const OUTCOMES: Readonly<Record<SagaOutcome, string>> = {
  completed: 'Every step came to its end.',
  compensated: 'A step failed for good or it was aborted, and everything that had been done was undone.',
  stuck: 'It can go neither on nor back by itself: a person must look.',
  interrupted: 'It was interrupted and is not over: homelab resume goes on, homelab abort goes back.',
  refused: 'It was refused and nothing was changed.',
  partial: 'It stopped at the stage that was asked for; homelab up goes on.',
};

function stepsOf(
  records: readonly SagaRecord[],
  result: SagaResult,
  takesDown: SagaSurroundings['takesDown'],
): readonly ReportStep[] {
  const outcomes = new Map(result.steps.map((step) => [step.key, step.outcome]));
  const spans = spansOf(records);
  return plannedOf(records).outline.stages.flatMap((stage) =>
    stage.steps.map(({ key, title }) => ({
      ...{ key, title, stage: stage.title, outcome: outcomes.get(key) ?? 'pending' },
      ...{ takesDown: takesDown.get(key) ?? [], spans: spans.get(key) ?? [] },
    })),
  );
}

/** An attempt that a killed homelab left open has no end: what it did went on, unheard. */
function spansOf(records: readonly SagaRecord[]): ReadonlyMap<string, readonly ReportSpan[]> {
  const spans = new Map<string, ReportSpan[]>();
  for (const record of records) {
    if (!('step' in record)) continue;
    const own = spans.get(record.step) ?? [];
    spans.set(record.step, own);
    const { atMs, type } = record;
    const kind = type.startsWith('undo.') ? 'undo' : 'attempt';
    if (type === 'step.attempt' || type === 'undo.attempt') {
      own.push({ fromMs: atMs, toMs: null, kind, ok: false });
      continue;
    }
    const open = own.at(-1);
    if (type === 'step.acting' || open === undefined || open.toMs !== null) continue;
    own[own.length - 1] = { ...open, toMs: atMs, ok: type === 'step.done' || type === 'undo.done' };
  }
  return spans;
}

/** How long each stage took, from its first attempt to its last end. */
function measuresOf(records: readonly SagaRecord[], result: SagaResult): readonly ReportMeasure[] {
  const steps = new Map(result.steps.map((step) => [step.key, step]));
  const stages = plannedOf(records).outline.stages.flatMap(({ title, steps: own }): ReportMeasure[] => {
    const begun = own.flatMap(({ key }) => {
      const { startedAtMs = null, durationMs = null } = steps.get(key) ?? {};
      return startedAtMs === null ? [] : [{ startedAtMs, endedAtMs: startedAtMs + (durationMs ?? 0) }];
    });
    if (begun.length === 0) return [];
    const from = Math.min(...begun.map(({ startedAtMs }) => startedAtMs));
    return [{ name: title, ms: Math.max(...begun.map(({ endedAtMs }) => endedAtMs)) - from }];
  });
  return [{ name: 'all of it', ms: result.durationMs }, ...stages];
}

function resumptions(records: readonly SagaRecord[]): readonly string[] {
  const times = records.filter((one) => one.type === 'run.started').length - 1;
  if (times <= 0) return [];
  const often = times === 1 ? 'once' : `${times} times`;
  return [`it was taken up again ${often}; the command that repeats it does not repeat what cut it short`];
}

/** A fault as it was planned for a simulated lab. */
export interface Planned {
  readonly dueMs: number;
  readonly machine: string;
  readonly action: string;
}

/** Those of a time; starting a machine lifts what switched it off before. */
export function plannedFaults(all: readonly Planned[], fromMs: number, toMs: number): readonly ReportFault[] {
  const inTime = all.filter(({ dueMs }) => dueMs >= fromMs && dueMs <= toMs);
  return inTime
    .filter(({ action }) => action !== 'start')
    .map(({ dueMs, machine, action }) => {
      const lift = inTime.find((one) => {
        return one.action === 'start' && one.machine === machine && one.dueMs > dueMs;
      });
      const title = `${action} ${machine}`;
      return {
        key: `${title} at ${dueMs}`,
        title,
        machines: [machine],
        fromMs: dueMs,
        toMs: lift?.dueMs ?? null,
      };
    });
}
