/** The report of an experiment: its saga's steps; its verdict, faults, assertions and probes beside what was seen. */
import { relative } from 'node:path';
import { UserError } from '../../base/errors.js';
import { shellLine } from '../../base/shell-line.js';
import { FAULTS } from '../../chaos/fault-kinds.js';
import { faultTimes } from '../../chaos/moments.js';
import type { ChaosInput } from '../../chaos/plan.js';
import type { ChaosSeen } from '../../chaos/run.js';
import { titleOf } from '../../chaos/saga.js';
import type { Scenario } from '../../chaos/scenario.js';
import type { Assertion, Verdict } from '../../chaos/verdict.js';
import { plannedOf, type RunMode } from '../../engine/records.js';
import { clipped, type LaneFold } from '../../report/lanes.js';
import {
  runReport,
  type ReportFault,
  type ReportRuns,
  type ReportStep,
  type RunFacts,
  type RunReport,
} from '../../report/run-report.js';
import { sagaFacts } from '../../report/saga-report.js';
import type { Lab } from '../labs.js';
import { packageVersion } from '../package.js';
import { writeReport } from '../reports.js';
import type { Session } from '../session.js';

export interface ChaosFinished {
  readonly scenario: Scenario;
  readonly input: ChaosInput;
  readonly seen: ChaosSeen;
  readonly verdict: Verdict;
  readonly mode: RunMode;
  /** Its number in `homelab saga list`. */
  readonly operation: number;
  readonly fold: LaneFold;
}

/** The report of a run that was begun. */
export function reportChaos(session: Session, lab: Lab, finished: ChaosFinished): RunReport {
  const { scenario, input, seen, verdict, mode, operation, fold } = finished;
  const startedMs = plannedOf(seen.records).atMs;
  for (const { name, runs } of seen.probes)
    for (const { fromMs, value, good } of runs)
      fold.note(fromMs, { key: `probe:${name}`, title: name, group: 'probe', value, good });
  const facts = sagaFacts(seen.records, {
    ...{ lab: lab.name, mode, residue: [], operation, faults: faultsOf(finished), wallMs: session.wallMs() },
    versions: { homelab: packageVersion(), kubernetes: lab.record.spec.kubernetes.version },
    command: commandOf(lab, scenario, input),
    lanes: clipped(fold.lanes(seen.endedMs), startedMs, seen.endedMs),
    takesDown: new Map(
      scenario.method
        .filter(({ fault }) => FAULTS[fault].takesDown && input.control !== 'emptied')
        .map(({ name }) => [`inject:${name}`, input.faults[name] ?? []]),
    ),
    reasons: [...(seen.exact ? [] : [SAMPLED]), ...verdict.reasons],
  });
  const { word, ok, lines, assertions, measures } = verdict;
  return runReport({
    ...facts,
    steps: [...facts.steps, ...operationSteps(facts, finished)],
    subject: { kind: 'scenario', name: scenario.name, description: scenario.description },
    ...{ endedMs: seen.endedMs, verdict: { word, ok, lines }, assertions, measures },
  });
}

/** An experiment that its gate let nobody begin. */
export interface ChaosNotBegun {
  readonly scenario: Scenario;
  readonly source: Pick<ChaosInput, 'file' | 'settings' | 'control' | 'seed'>;
  readonly startedMs: number;
  readonly endedMs: number;
  readonly lines: readonly string[];
  readonly assertions: readonly Assertion[];
  readonly fold: LaneFold;
  readonly reasons: readonly string[];
}

export function reportNotBegun(session: Session, lab: Lab, notBegun: ChaosNotBegun): RunReport {
  const { scenario, source, startedMs, endedMs, lines, assertions, fold, reasons } = notBegun;
  const { provider, kubernetes } = lab.record.spec;
  return runReport({
    ...{ lab: lab.name, provider, seed: provider === 'sim' ? lab.record.seed : null, operation: null },
    subject: { kind: 'scenario', name: scenario.name, description: scenario.description },
    versions: { homelab: packageVersion(), kubernetes: kubernetes.version },
    command: commandOf(lab, scenario, source),
    ...{ startedMs, endedMs, wallMs: session.wallMs(), assertions, reasons },
    verdict: { word: 'aborted', ok: false, lines },
    ...{ steps: [], faults: [], measures: [] },
    lanes: clipped(fold.lanes(endedMs), startedMs, endedMs),
  });
}

/** Many runs under the report of the one to look at first. */
export function reportRuns(report: RunReport, runs: ReportRuns, command: string): RunReport {
  const { count, verdicts, worstSeed } = runs;
  const { held = 0 } = verdicts;
  const whole = `${held} of ${count} ${count === 1 ? 'run' : 'runs'} held`;
  const lines = report.verdict.lines.map((line) => `seed ${worstSeed}: ${line}`);
  return {
    ...report,
    command,
    operation: null,
    runs,
    verdict: { ...report.verdict, lines: [whole, ...lines] },
  };
}

/** Path of the page, as a person types it; null when it could not be written, which is said. */
export function keepReport(session: Session, lab: Lab, report: RunReport): string | null {
  try {
    return relative(session.io.cwd, writeReport(lab, report));
  } catch (error) {
    // What was done is done: a full disk must not make it look like a failure.
    if (!(error instanceof UserError)) throw error;
    session.note(`no report was written: ${error.message}`);
    return null;
  }
}

/** The operation's steps beside the experiment's own, under names that tell them apart. */
function operationSteps(
  { lab, versions, command }: RunFacts,
  { seen: { operation }, mode }: ChaosFinished,
): readonly ReportStep[] {
  if (operation === null || operation.records.length === 0) return [];
  const all = operation.saga.stages.flatMap(({ steps }) => steps);
  const { steps } = sagaFacts(operation.records, {
    ...{
      lab,
      mode,
      versions,
      command,
      wallMs: 0,
      operation: 0,
      residue: [],
      faults: [],
      lanes: [],
      reasons: [],
    },
    takesDown: new Map(all.map(({ key, takesDown = [] }) => [key, takesDown])),
  });
  const { name } = operation.saga;
  return steps.map((step) => ({ ...step, key: `${name}/${step.key}`, stage: `${name}: ${step.stage}` }));
}

export const SAMPLED =
  'machines were looked at every few seconds: what came and went in between was not seen';

function faultsOf({ scenario, input, seen }: ChaosFinished): readonly ReportFault[] {
  if (input.control === 'emptied') return [];
  return scenario.method.flatMap((fault) => {
    const machines = input.faults[fault.name] ?? [];
    const { beginMs, goneMs } = faultTimes(seen.records, fault.name);
    if (beginMs === null) return [];
    return [{ key: fault.name, title: titleOf(fault, machines), machines, fromMs: beginMs, toMs: goneMs }];
  });
}

/** Types it again on a lab that is as this one was. */
function commandOf(
  lab: Lab,
  { name }: Scenario,
  { file, settings, control, seed }: ChaosNotBegun['source'],
): string {
  const reference = file === `scenarios/${name}.yaml` ? name : file;
  const set = Object.entries(settings).flatMap(([setting, value]) => ['--set', `${setting}=${value}`]);
  const controls = control === 'whole' ? [] : ['--control', control];
  const words = ['homelab', 'chaos', 'run', reference, '--lab', lab.name, ...set, ...controls];
  return shellLine([...words, '--seed', String(seed)]);
}
