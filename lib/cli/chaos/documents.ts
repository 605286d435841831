/** What `homelab chaos` prints with -o json, as schemas/chaos-*.schema.json describe it. */
import { printDuration } from '../../base/duration.js';
import type { ReportDistribution } from '../../report/run-report.js';
import type { Control } from '../../chaos/plan.js';
import type { Needs, Scenario, Setting } from '../../chaos/scenario.js';
import type { Assertion, Measure, VerdictWord } from '../../chaos/verdict.js';
import type { ProviderName } from '../../model/lab.js';
import { textTable } from '../table.js';
import { providersOf } from './scenarios.js';

export interface ScenarioEntry {
  readonly name: string;
  readonly description: string;
  readonly topology: Needs;
  readonly providers: readonly ProviderName[];
}

export interface ScenarioDocument extends ScenarioEntry {
  readonly settings: readonly Setting[];
  readonly faults: readonly { readonly name: string; readonly fault: string; readonly machines: string }[];
  readonly expectations: readonly string[];
  /** The scenario as it is written. */
  readonly text: string;
}

export interface ChaosFault {
  readonly name: string;
  readonly title: string;
  readonly machines: readonly string[];
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

export interface ChaosDocument {
  readonly lab: string;
  readonly provider: string;
  readonly seed: number;
  readonly scenario: string;
  readonly control: Control;
  readonly verdict: VerdictWord;
  readonly lines: readonly string[];
  readonly assertions: readonly Assertion[];
  readonly measures: readonly Measure[];
  readonly faults: readonly ChaosFault[];
  readonly startedMs: number;
  readonly endedMs: number;
  /** What could not be said, and why. */
  readonly reasons: readonly string[];
  /** Path of the report, relative to the working directory; null when none was written. */
  readonly report: string | null;
  readonly wallMs: number;
}

export interface ChaosRunsDocument {
  readonly lab: string;
  readonly provider: string;
  readonly scenario: string;
  readonly control: Control;
  readonly runs: number;
  readonly firstSeed: number;
  readonly verdicts: Readonly<Record<VerdictWord, number>>;
  readonly measures: readonly ReportDistribution[];
  readonly worst: {
    readonly seed: number;
    readonly verdict: VerdictWord;
    readonly lines: readonly string[];
    readonly command: string;
  } | null;
  /** Path of the report, relative to the working directory; null when none was written. */
  readonly report: string | null;
  readonly wallMs: number;
}

export function entryOf(scenario: Scenario): ScenarioEntry {
  const { name, description, needs } = scenario;
  return { name, description, topology: needs, providers: providersOf(scenario) };
}

export function scenarioDocument(scenario: Scenario, text: string): ScenarioDocument {
  return {
    ...entryOf(scenario),
    settings: scenario.settings,
    faults: scenario.method.map(({ name, fault, machines }) => ({ name, fault, machines: machines.text })),
    expectations: scenario.during.map(({ name }) => name),
    text,
  };
}

export function chaosText(document: ChaosDocument): string {
  const { verdict, scenario, lab, lines, measures, report, reasons } = document;
  return [
    `${verdict}: ${scenario} on lab ${lab}`,
    ...lines.map((one) => `  ${one}`),
    ...document.assertions.map(
      ({ ok, name, observed }) => `  ${ok ? 'as expected' : 'OTHERWISE  '}  ${name}: ${observed}`,
    ),
    ...(measures.length === 0
      ? []
      : ['measured:', ...measures.map(({ name, ms }) => `  ${printDuration(ms)}  ${name}`)]),
    ...reasons.map((one) => `note: ${one}`),
    ...(report === null ? [] : [`report: ${report}`]),
    `took ${printDuration(document.endedMs - document.startedMs)} of lab time, seed ${document.seed}`,
    '',
  ].join('\n');
}

const WORDS: readonly VerdictWord[] = ['held', 'deviated', 'aborted', 'stuck'];

export function runsText(document: ChaosRunsDocument): string {
  const { runs, scenario, lab, verdicts, measures, worst } = document;
  const counts = WORDS.filter((word) => verdicts[word] > 0).map((word) => `${word} ${verdicts[word]}`);
  const header = ['MEASURED', 'RUNS', 'MIN', 'P50', 'P95', 'MAX', 'WORST SEED'];
  const rows = measures.map(({ name, count, minMs, p50Ms, p95Ms, maxMs, worstSeed }) => [
    ...[name, String(count), printDuration(minMs), printDuration(p50Ms), printDuration(p95Ms)],
    ...[printDuration(maxMs), String(worstSeed)],
  ]);
  const table = textTable(header, rows);
  return [
    `${scenario} on copies of lab ${lab}: ${runs} ${runs === 1 ? 'run' : 'runs'}, ${counts.join(', ')}`,
    ...(measures.length === 0 ? [] : ['', ...table]),
    ...(worst === null
      ? []
      : ['', `worst: seed ${worst.seed}, ${worst.verdict}`, ...worst.lines.map((one) => `  ${one}`)]),
    ...(worst === null ? [] : [`again: ${worst.command}`]),
    ...(document.report === null ? [] : [`report: ${document.report}`]),
    '',
  ].join('\n');
}
