/**
 * An experiment many times, each on a copy of a simulated lab that is thrown away and whose chance is another one from
 * the moment of the copy on. The lab itself is only read.
 */
import { CancelledError } from '../../base/errors.js';
import { countsOf, distributionsOf, worstOf, type Trial } from '../../chaos/distribution.js';
import { prepareChaos } from '../../chaos/prepare.js';
import { runChaos } from '../../chaos/run.js';
import type { Scenario } from '../../chaos/scenario.js';
import { verdictOf } from '../../chaos/verdict.js';
import { shellLine } from '../../base/shell-line.js';
import { MemoryJournal } from '../../engine/journal.js';
import type { SagaRecord } from '../../engine/records.js';
import type { Observation } from '../../provider/provider.js';
import type { WorldRecord } from '../../provider/sim/world-log.js';
import { LaneFold } from '../../report/lanes.js';
import type { RunReport } from '../../report/run-report.js';
import { baseOf, type Lab } from '../labs.js';
import { portsOf } from '../operation.js';
import { openCopy, worldOf } from '../providers.js';
import type { Session } from '../session.js';
import { thrownAway } from '../thrown-away.js';
import type { ChaosRunsDocument } from './documents.js';
import { keepReport, reportChaos, reportNotBegun, reportRuns } from './report.js';
import { notMet, type ChaosRequest } from './run.js';
import { mustReadScenario } from './scenarios.js';

const EVERY = 10;

/** Seeds count from `request.seed` on. Throws a `UserError` for a lab of real machines. */
export async function experiments(
  session: Session,
  lab: Lab,
  request: ChaosRequest,
  runs: number,
  reference: string,
): Promise<ChaosRunsDocument> {
  const world = worldOf(lab, 'chaos run --runs');
  const scenario = mustReadScenario(request.source);
  const trials: Trial[] = [];
  // Only the report of the worst run so far is kept: those of all would not fit into memory.
  let shown: { readonly seed: number; readonly report: RunReport } | null = null;
  for (let i = 0; i < runs; i += 1) {
    if (session.io.signal.aborted) throw new CancelledError();
    const seed = request.seed + i;
    const tried = await trial(session, lab, world, scenario, { ...request, seed });
    trials.push({ seed, verdict: tried.verdict });
    if (worstOf(trials)?.seed === seed) shown = { seed, report: tried.report() };
    if ((i + 1) % EVERY === 0) session.note(`${i + 1} of ${runs} runs`);
  }
  const worst = worstOf(trials);
  const [verdicts, measures] = [countsOf(trials), distributionsOf(trials)];
  const command = again(reference, request, worst?.seed ?? request.seed);
  const many = { count: runs, firstSeed: request.seed, verdicts, distributions: measures };
  const report =
    shown === null ? null : reportRuns(shown.report, { ...many, worstSeed: shown.seed }, command);
  return {
    ...{
      lab: lab.name,
      provider: lab.record.spec.provider,
      scenario: scenario.name,
      control: request.control,
    },
    ...{ runs, firstSeed: request.seed, verdicts, measures },
    worst:
      worst === null
        ? null
        : {
            ...{ seed: worst.seed, verdict: worst.verdict.word, lines: worst.verdict.lines },
            command,
          },
    report: report === null ? null : keepReport(session, lab, report),
    wallMs: session.wallMs(),
  };
}

interface Tried {
  readonly verdict: Trial['verdict'];
  readonly report: () => RunReport;
}

async function trial(
  session: Session,
  lab: Lab,
  world: readonly WorldRecord[],
  scenario: Scenario,
  { source: { file, text, settings = {} }, control, seed }: ChaosRequest,
): Promise<Tried> {
  const { spec } = lab.record;
  const { signal } = session.io;
  const provider = openCopy(lab, world, { refork: `run ${seed}` });
  const fold = new LaneFold({ exact: true, order: spec.machines.map(({ name }) => name) });
  const onChange = (one: Observation): void => {
    fold.see(one);
  };
  const source = { file, text, settings, control };
  const startedMs = provider.clock.nowMs();
  const ports = thrownAway(portsOf(baseOf(lab), lab));
  const watching = provider.watch(onChange);
  const prepared = await prepareChaos({ lab: spec, scenario, provider, ports, seed, signal, source });
  await watching.stop();
  const { input, unsteady } = prepared;
  if (input === null) {
    const endedMs = provider.clock.nowMs();
    const unmet = notMet(unsteady, endedMs);
    const about = { scenario, source: { ...source, seed }, startedMs, endedMs, fold, reasons: [], ...unmet };
    const verdict = { word: 'aborted', ok: false, lines: unmet.lines, measures: [] } as const;
    return { verdict, report: () => reportNotBegun(session, lab, about) };
  }
  const journal = new MemoryJournal<SagaRecord>();
  const operated = new MemoryJournal<SagaRecord>();
  const operation = { ports, parent: 1, journal: { find: () => null, make: () => operated } };
  const common = { lab: spec, scenario, input, provider, journal, seed, signal, onChange, operation };
  const seen = await runChaos({ ...common, mode: 'run', observer: () => undefined });
  const verdict = verdictOf(spec, scenario, input, seen);
  const finished = { scenario, input, seen, verdict, mode: 'run', operation: 0, fold } as const;
  return { verdict, report: () => reportChaos(session, lab, finished) };
}

/** What repeats one of the runs, on another copy. */
function again(reference: string, { source, control }: ChaosRequest, seed: number): string {
  const settings = Object.entries(source.settings ?? {}).flatMap(([name, value]) => [
    '--set',
    `${name}=${value}`,
  ]);
  const controls = control === 'whole' ? [] : ['--control', control];
  return shellLine([
    'homelab',
    'chaos',
    'run',
    reference,
    ...settings,
    ...controls,
    '--runs',
    '1',
    '--seed',
    String(seed),
  ]);
}
