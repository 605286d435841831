/** An experiment on a lab, or on a copy of a simulated one: from the scenario's text to the document. */
import { prepareChaos } from '../../chaos/prepare.js';
import { faultTimes } from '../../chaos/moments.js';
import type { ChaosInput } from '../../chaos/plan.js';
import type { ScenarioText } from '../../chaos/read-scenario.js';
import { runChaos, type ChaosRunOptions, type ChaosSeen } from '../../chaos/run.js';
import { CHAOS, titleOf } from '../../chaos/saga.js';
import type { Scenario } from '../../chaos/scenario.js';
import { verdictOf, type Assertion, type Verdict, type VerdictWord } from '../../chaos/verdict.js';
import { createJournal, openJournal, type JournalEntry } from '../../engine/journal-file.js';
import { plannedOf, type RunMode } from '../../engine/records.js';
import type { Observation, Provider } from '../../provider/provider.js';
import { journalFolder, type Lab } from '../labs.js';
import { headline, numberOf, type Operating } from '../operation.js';
import { openProgress } from '../progress.js';
import type { Session } from '../session.js';
import { ChildJournal } from './child-journal.js';
import type { ChaosDocument } from './documents.js';
import { keepReport, reportChaos, reportNotBegun, SAMPLED, type ChaosNotBegun } from './report.js';
import { mustReadScenario } from './scenarios.js';

export interface ChaosRequest {
  readonly source: ScenarioText;
  readonly control: ChaosInput['control'];
  /** Chooses machines where the scenario leaves it to chance. */
  readonly seed: number;
}

/** What -o json says of one run, and its exit code. */
export interface ChaosEnd {
  readonly document: ChaosDocument;
  readonly code: number;
}

export function exitCodeOfVerdict(word: VerdictWord): number {
  return { held: 0, deviated: 4, aborted: 2, stuck: 3 }[word];
}

/** The whole experiment on the lab itself. */
export async function experiment(
  session: Session,
  lab: Lab,
  operating: Operating,
  request: ChaosRequest,
): Promise<ChaosEnd> {
  const { spec } = lab.record;
  const { provider } = operating;
  const { source, control, seed } = request;
  const scenario = mustReadScenario(source);
  session.note(headline(lab, `chaos ${scenario.name}`));
  const { file, text, settings = {} } = source;
  const startedMs = provider.clock.nowMs();
  const watching = provider.watch((one) => {
    operating.seen.see(one);
  });
  const prepared = prepareChaos({
    ...{ lab: spec, scenario, provider, ports: operating.ports, seed, signal: session.io.signal },
    source: { file, text, settings, control },
  });
  const { input, unsteady } = await prepared.finally(() => watching.stop());
  if (input === null) {
    const about = { scenario, source: { file, settings, control, seed }, startedMs, unsteady };
    return { document: notBegun(session, lab, operating, about), code: exitCodeOfVerdict('aborted') };
  }
  return goOn(session, lab, operating, { scenario, input, seed, mode: 'run', entry: null });
}

export interface Going {
  readonly scenario: Scenario;
  readonly input: ChaosInput;
  readonly seed: number;
  readonly mode: RunMode;
  /** The journal to go on with; null begins a new one. */
  readonly entry: JournalEntry | null;
  /** Everything that was seen before this process, where it can be seen again. */
  readonly earlier?: ChaosRunOptions['earlier'];
}

/** Runs, goes on with or takes back an experiment; what was interrupted is taken back at once. */
export async function goOn(
  session: Session,
  lab: Lab,
  { provider, ports, seen: fold }: Operating,
  going: Going,
): Promise<ChaosEnd> {
  const { scenario, input, mode, entry, earlier } = going;
  const { spec } = lab.record;
  const progress = await openProgress(session);
  const journal = entry === null ? createJournal(journalFolder(lab), CHAOS) : openJournal(entry.path);
  const operated = new ChildJournal(journalFolder(lab), numberOf(lab, journal), input.operation?.saga ?? '');
  try {
    const simulated = spec.provider === 'sim' ? lab.record.seed : null;
    const parent = numberOf(lab, journal);
    const operation = { ports, journal: operated, parent };
    const common = {
      lab: spec,
      scenario,
      input,
      provider,
      journal,
      seed: simulated,
      operation,
      observer: progress.observer,
      onChange: (one: Observation) => {
        fold.see(one);
      },
    };
    let seen = await runChaos({
      ...{ ...common, mode, signal: session.io.signal },
      ...(earlier === undefined ? {} : { earlier }),
    });
    let code: number | null = null;
    if (seen.result.outcome === 'interrupted') {
      session.note('interrupted: every fault is lifted');
      // The first Ctrl-C has done its work; a second one ends the process, and the journal is still good.
      seen = await runChaos({ ...common, mode: 'abort', signal: new AbortController().signal });
      code = 130;
    }
    const verdict = verdictOf(spec, scenario, input, seen);
    const whole = reportChaos(session, lab, {
      scenario,
      input,
      seen,
      verdict,
      mode,
      operation: parent,
      fold,
    });
    const report = keepReport(session, lab, whole);
    const document = { ...documentOf(session, lab, provider, going, seen, verdict), report };
    const taken = mode === 'abort' && verdict.word === 'aborted' ? 0 : exitCodeOfVerdict(verdict.word);
    return { document, code: verdict.word === 'stuck' ? taken : (code ?? taken) };
  } finally {
    await progress.close();
    operated.close();
    journal.close();
  }
}

function documentOf(
  session: Session,
  lab: Lab,
  provider: Provider,
  { scenario, input, seed }: Going,
  seen: ChaosSeen,
  { word, lines, assertions, measures, reasons }: Verdict,
): ChaosDocument {
  const faults = scenario.method.map((fault) => {
    const machines = input.faults[fault.name] ?? [];
    const { beginMs, goneMs } = faultTimes(seen.records, fault.name);
    return { name: fault.name, title: titleOf(fault, machines), machines, fromMs: beginMs, toMs: goneMs };
  });
  return {
    ...{ lab: lab.name, provider: provider.name, seed, scenario: scenario.name, control: input.control },
    ...{ verdict: word, lines, assertions, measures, faults },
    ...{ startedMs: plannedOf(seen.records).atMs, endedMs: seen.endedMs, reasons },
    ...{ report: null, wallMs: session.wallMs() },
  };
}

/** What did not hold at the gate. */
export function notMet(
  unsteady: readonly string[],
  atMs: number,
): { readonly lines: readonly string[]; readonly assertions: readonly Assertion[] } {
  const assertions = unsteady.map((observed) => ({
    ...{ phase: 'steady-state' as const, name: 'before the first fault', expected: 'the steady state' },
    ...{ observed, ok: false, atMs, machine: null },
  }));
  const why = 'the steady state was not met before the first fault, so nothing was done';
  return { lines: [`${why}: ${unsteady.join('; ')}`], assertions };
}

function notBegun(
  session: Session,
  lab: Lab,
  { provider, seen: fold }: Operating,
  about: Pick<ChaosNotBegun, 'scenario' | 'source' | 'startedMs'> & { readonly unsteady: readonly string[] },
): ChaosDocument {
  const { scenario, source, startedMs, unsteady } = about;
  const endedMs = provider.clock.nowMs();
  const unmet = notMet(unsteady, endedMs);
  const reasons = lab.record.spec.provider === 'sim' ? [] : [SAMPLED];
  const report = reportNotBegun(session, lab, {
    ...{ scenario, source, startedMs, endedMs, fold, reasons },
    ...unmet,
  });
  return {
    ...{ lab: lab.name, provider: provider.name, seed: source.seed, scenario: scenario.name },
    ...{ control: source.control, verdict: 'aborted', ...unmet, faults: [], measures: [] },
    ...{ startedMs, endedMs, reasons: [], report: keepReport(session, lab, report) },
    wallMs: session.wallMs(),
  };
}
