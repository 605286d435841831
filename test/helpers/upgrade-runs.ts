/** Upgrades of simulated labs, with something happening to them, and everything that was said while they ran. */
import { bundleNeeds } from '../../lib/bundle/needs.js';
import type { Overrides } from '../../lib/config/flags.js';
import { MemoryJournal } from '../../lib/engine/journal.js';
import type { RunMode, SagaRecord } from '../../lib/engine/records.js';
import type { SagaResult } from '../../lib/engine/result.js';
import type { StepContext } from '../../lib/engine/saga.js';
import type { LabSpec } from '../../lib/model/lab.js';
import type { Provider } from '../../lib/provider/provider.js';
import type { SimProvider } from '../../lib/provider/sim/sim-provider.js';
import type { WorldLog, WorldRecord } from '../../lib/provider/sim/world-log.js';
import { gatherFacts } from '../../lib/sagas/facts/gather.js';
import { upgradeSaga, type UpgradeInput } from '../../lib/sagas/upgrade.js';
import { bundleParts, bundleUse } from '../../lib/sagas/upgrade/bundle.js';
import { upgradeInput, type UpgradeWishes } from '../../lib/sagas/upgrade/input.js';
import type { TraceEvent } from '../../lib/sim/world.js';
import type { Fault } from './bootstrap-runs.js';
import { bootstrapOnSim, labOf, memoryLog, memoryPorts, openSim, runOnSim } from './sim-lab.js';

/** A lab that is up, to be opened as often as a test likes: its log is only copied. */
export interface UpLab {
  readonly lab: LabSpec;
  readonly records: readonly WorldRecord[];
}

/** Idle time between the bootstrap and whatever comes next, so that everything has settled. */
const SETTLE_MS = 120_000;

export async function upLab(overrides: Overrides = {}, seed = 1): Promise<UpLab> {
  const lab = labOf(overrides);
  const log = memoryLog();
  const { result, provider } = await bootstrapOnSim(lab, { log, seed });
  if (result.outcome !== 'completed') throw new Error(`the lab did not come up: ${result.outcome}`);
  await provider.clock.sleep(SETTLE_MS);
  return { lab, records: log.read() };
}

export interface Opened {
  readonly lab: LabSpec;
  readonly provider: SimProvider;
  readonly log: WorldLog;
  readonly files: Map<string, string>;
  /** Told of every event of the world from now on. */
  readonly traced: Set<(event: TraceEvent) => void>;
}

export function openLab({ lab, records }: UpLab): Opened {
  const log = memoryLog(records);
  const traced: Opened['traced'] = new Set();
  const onTrace = (event: TraceEvent): void => {
    for (const told of traced) told(event);
  };
  return { lab, provider: openSim(lab, { log, onTrace }), log, files: new Map(), traced };
}

/** For asking outside of a saga. */
export function contextOf(provider: Provider): StepContext {
  return {
    provider,
    clock: provider.clock,
    signal: new AbortController().signal,
    shell: (name) => provider.shell(name),
    log: () => undefined,
  };
}

export const WISHES: UpgradeWishes = {
  ...{ from: 'v1.31.4', to: 'v1.32.0', maxUnavailable: 1 },
  ...{ drainTimeoutMs: null, snapshot: '0001-before-v1.32.0', bundle: null },
};

export async function inputFor(
  { lab, provider }: Opened,
  wishes: Partial<UpgradeWishes> = {},
): Promise<UpgradeInput> {
  const context = contextOf(provider);
  const facts = await gatherFacts(context, lab);
  const own = { ...WISHES, ...wishes };
  const bundle = lab.bundle === null ? null : await bundleUse(context, lab, bundledFiles(lab, own));
  return upgradeInput(lab, facts, { ...own, bundle });
}

/** The files of a bundle that has all that the lab needs for both versions, one archive for each image. */
export function bundledFiles(lab: LabSpec, versions: { readonly from: string; readonly to: string }) {
  const needs = bundleNeeds(lab, [versions.to]);
  const programs = needs.files.map(({ path }) => path);
  const images = new Map(needs.images.map(({ folder, image }, index) => [`${folder}/${index}.tar`, [image]]));
  const files = [...programs, ...images.keys()].map((path) => ({ path, sha256: '', size: 40_000_000 }));
  return bundleParts(files, (path) => images.get(path) ?? [], versions);
}

export interface UpgradeRun extends Opened {
  readonly input: UpgradeInput;
  readonly result: SagaResult;
  readonly journal: MemoryJournal<SagaRecord>;
  /** The journal, every engine event and the result, as they would be written. */
  readonly said: string;
}

export interface UpgradeOptions {
  readonly wishes?: Partial<UpgradeWishes>;
  /** Times count from the beginning of the upgrade. */
  readonly faults?: readonly Fault[];
}

export async function runUpgrade(opened: Opened, options: UpgradeOptions = {}): Promise<UpgradeRun> {
  const input = await inputFor(opened, options.wishes);
  const beganMs = opened.provider.clock.nowMs();
  for (const fault of options.faults ?? []) {
    await opened.provider.planFault({ ...fault, dueMs: beganMs + fault.dueMs });
  }
  return goOn({ ...opened, input, journal: new MemoryJournal<SagaRecord>() }, 'run');
}

/** Another process goes on with, or takes back, what an earlier one began. */
export async function goOn(
  before: Opened & { readonly input: UpgradeInput; readonly journal: MemoryJournal<SagaRecord> },
  mode: RunMode,
): Promise<UpgradeRun> {
  const { lab, provider, files, input, journal } = before;
  const events: unknown[] = [];
  const result = await runOnSim(upgradeSaga(lab, input, memoryPorts(files)), {
    ...{ provider, journal, mode },
    observer: (event) => events.push(event),
  });
  return { ...before, result, said: JSON.stringify([journal.read(), events, result]) };
}
