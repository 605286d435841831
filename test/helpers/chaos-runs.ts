/** Experiments on simulated labs that are up, each on a copy of its own. */
import { must } from '../../lib/base/errors.js';
import { prepareChaos } from '../../lib/chaos/prepare.js';
import type { Control } from '../../lib/chaos/plan.js';
import { readScenario } from '../../lib/chaos/read-scenario.js';
import { runChaos, type ChaosSeen } from '../../lib/chaos/run.js';
import type { Scenario } from '../../lib/chaos/scenario.js';
import { verdictOf, type Verdict } from '../../lib/chaos/verdict.js';
import { MemoryJournal } from '../../lib/engine/journal.js';
import type { SagaRecord } from '../../lib/engine/records.js';
import { memoryLog, openSimProvider } from '../../lib/provider/registry.js';
import type { SimProvider } from '../../lib/provider/sim/sim-provider.js';
import { memoryPorts } from './sim-lab.js';
import type { UpLab } from './upgrade-runs.js';

export interface ChaosTrial {
  readonly seed?: number;
  readonly control?: Control;
  readonly settings?: Readonly<Record<string, string>>;
}

export interface ChaosTried {
  readonly verdict: Verdict;
  readonly seen: ChaosSeen;
  readonly provider: SimProvider;
}

export function scenarioOfText(text: string, settings: Readonly<Record<string, string>> = {}): Scenario {
  const { scenario, problems } = readScenario({ file: 'scenario.yaml', text, settings });
  return must(scenario, problems.map(({ line, message }) => `${line ?? 0}: ${message}`).join('; '));
}

export async function tryScenario(up: UpLab, text: string, trial: ChaosTrial = {}): Promise<ChaosTried> {
  const { seed = 1, control = 'whole', settings = {} } = trial;
  const { lab } = up;
  const provider = openSimProvider({ lab, log: memoryLog(up.records), refork: `run ${seed}` });
  const scenario = scenarioOfText(text, settings);
  const signal = new AbortController().signal;
  const source = { text, file: 'scenario.yaml', settings, control };
  const ports = memoryPorts();
  const { input } = await prepareChaos({ lab, scenario, provider, ports, seed, signal, source });
  const operated = new MemoryJournal<SagaRecord>();
  const seen = await runChaos({
    ...{
      lab,
      scenario,
      input: must(input, 'the steady state was not met'),
      provider,
      seed,
      signal,
      mode: 'run',
    },
    journal: new MemoryJournal<SagaRecord>(),
    operation: { ports, parent: 1, journal: { find: () => null, make: () => operated } },
    observer: () => undefined,
  });
  return { verdict: verdictOf(lab, scenario, must(input, 'input'), seen), seen, provider };
}
