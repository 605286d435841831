/**
 * An experiment many times, each on a copy of a simulated lab that is thrown away and whose chance is another one from
 * the moment of the copy on. The lab itself is only read.
 */
import { CancelledError } from '../../base/errors.js';
import { countsOf, distributionsOf, worstOf, type Trial } from '../../chaos/distribution.js';
import { prepareChaos } from '../../chaos/prepare.js';
import { runChaos } from '../../chaos/run.js';
import type { Scenario } from '../../chaos/scenario.js';
import { verdictOf, type Verdict } from '../../chaos/verdict.js';
import { shellLine } from '../../base/shell-line.js';
import { MemoryJournal } from '../../engine/journal.js';
import type { SagaRecord } from '../../engine/records.js';
import type { WorldRecord } from '../../provider/sim/world-log.js';
import { baseOf, type Lab } from '../labs.js';
import { portsOf } from '../operation.js';
import { openCopy, worldOf } from '../providers.js';
import type { Session } from '../session.js';
import { thrownAway } from '../thrown-away.js';
import type { ChaosRunsDocument } from './documents.js';
import type { ChaosRequest } from './run.js';
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
  for (let i = 0; i < runs; i += 1) {
    if (session.io.signal.aborted) throw new CancelledError();
    const seed = request.seed + i;
    trials.push({ seed, verdict: await trial(session, lab, world, scenario, { ...request, seed }) });
    if ((i + 1) % EVERY === 0) session.note(`${i + 1} of ${runs} runs`);
  }
  const worst = worstOf(trials);
  return {
    ...{
      lab: lab.name,
      provider: lab.record.spec.provider,
      scenario: scenario.name,
      control: request.control,
    },
    ...{ runs, firstSeed: request.seed, verdicts: countsOf(trials), measures: distributionsOf(trials) },
    worst:
      worst === null
        ? null
        : {
            ...{ seed: worst.seed, verdict: worst.verdict.word, lines: worst.verdict.lines },
            command: again(reference, request, worst.seed),
          },
    wallMs: session.wallMs(),
  };
}

async function trial(
  session: Session,
  lab: Lab,
  world: readonly WorldRecord[],
  scenario: Scenario,
  { source: { file, text, settings = {} }, control, seed }: ChaosRequest,
): Promise<Trial['verdict']> {
  const { spec } = lab.record;
  const { signal } = session.io;
  const provider = openCopy(lab, world, { refork: `run ${seed}` });
  const source = { file, text, settings, control };
  const ports = thrownAway(portsOf(baseOf(lab), lab));
  const prepared = await prepareChaos({ lab: spec, scenario, provider, ports, seed, signal, source });
  const { input, unsteady } = prepared;
  if (input === null) return notMet(unsteady);
  const journal = new MemoryJournal<SagaRecord>();
  const operated = new MemoryJournal<SagaRecord>();
  const operation = { ports, parent: 1, journal: { find: () => null, make: () => operated } };
  const common = { lab: spec, scenario, input, provider, journal, seed, signal, operation };
  const seen = await runChaos({ ...common, mode: 'run', observer: () => undefined });
  return verdictOf(spec, scenario, input, seen);
}

function notMet(unsteady: readonly string[]): Pick<Verdict, 'word' | 'ok' | 'lines' | 'measures'> {
  const lines = [`the steady state was not met before the first fault: ${unsteady.join('; ')}`];
  return { word: 'aborted', ok: false, lines, measures: [] };
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
