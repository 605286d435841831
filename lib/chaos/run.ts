/**
 * One experiment from its first look to its verdict: watches, looks with probes, runs the saga of its faults, and
 * judges what was seen. Decides neither where records are kept nor how anything is shown.
 */
import { CancelledError, type UserError } from '../base/errors.js';
import type { Observer } from '../engine/events.js';
import type { Journal } from '../engine/journal.js';
import type { RunMode, SagaRecord } from '../engine/records.js';
import type { SagaResult } from '../engine/result.js';
import { runSaga } from '../engine/runner.js';
import type { Saga, SagaOutcome, StepContext } from '../engine/saga.js';
import type { LabSpec } from '../model/lab.js';
import type { Observation, Provider } from '../provider/provider.js';
import { askKubectl, workingControlPlane } from '../sagas/kubectl.js';
import type { SagaPorts } from '../sagas/ports.js';
import { seconds } from '../sagas/timing.js';
import { durationOn } from './duration-sum.js';
import { LeftoverVip, VipHolders } from './invariants.js';
import { chapterMs, hasBegunOperation } from './moments.js';
import { Operation, type OperationJournal } from './operation.js';
import { operationSaga } from './operation-plan.js';
import { sightedOf, steadyStateOf, type ChaosInput } from './plan.js';
import { probesOf, readWrites, type Probe } from './probes.js';
import { Recorder } from './recorder.js';
import { chaosSaga } from './saga.js';
import type { Scenario } from './scenario.js';
import { Truths } from './truths.js';
import { standingOf } from './seen.js';

export interface ChaosRunOptions {
  readonly lab: LabSpec;
  readonly scenario: Scenario;
  readonly input: ChaosInput;
  readonly provider: Provider;
  readonly journal: Journal<SagaRecord>;
  readonly seed: number | null;
  readonly signal: AbortSignal;
  readonly observer: Observer;
  readonly mode: RunMode;
  /** Of the saga that runs meanwhile; read only where the scenario has one. */
  readonly operation: OperationParts;
  /** Shows everything that was seen before this process, where a provider can play it again. */
  readonly earlier?: (see: (seen: Observation) => void) => void;
  /** Told of everything that an onlooker sees, for reports. */
  readonly onChange?: (seen: Observation) => void;
}

/** What an operation needs beside the experiment. */
export interface OperationParts {
  readonly ports: SagaPorts;
  readonly journal: OperationJournal;
  /** Number of the experiment's own journal. */
  readonly parent: number;
}

export interface OperationSeen {
  readonly saga: Saga;
  readonly records: readonly SagaRecord[];
  /** Null where it never began. */
  readonly outcome: SagaOutcome | null;
  /** How often it was stuck and taken up again. */
  readonly again: number;
  /** Why it could not be taken back. */
  readonly refused: UserError | null;
}

export interface Writes {
  readonly probe: string;
  /** The number of the last write that was acknowledged before it was read. */
  readonly acknowledged: number;
  /** Null when it could not be read. */
  readonly kept: number | null;
}

/** What was done and seen, ready to be judged. */
export interface ChaosSeen {
  readonly result: SagaResult;
  readonly records: readonly SagaRecord[];
  readonly recorder: Recorder;
  readonly probes: readonly Probe[];
  readonly vip: VipHolders;
  readonly leftover: LeftoverVip;
  readonly truths: Truths;
  /** The saga that ran meanwhile; null where the scenario has none. */
  readonly operation: OperationSeen | null;
  /** Of each writing probe, after recovery. */
  readonly writes: readonly Writes[];
  /** What of the steady state did not hold at the end, in words. */
  readonly unsteady: readonly string[];
  /** Probes look from here on, and so does everything else unless what was earlier could be played again. */
  readonly lookedFromMs: number;
  readonly seenFromMs: number;
  readonly endedMs: number;
  /** True when what was seen is every change and no sample. */
  readonly exact: boolean;
  /** How far apart the samples are; 0 when there are none. */
  readonly everyMs: number;
}

/** Resolves when the saga is over; rejects as `runSaga` does. */
export async function runChaos(options: ChaosRunOptions): Promise<ChaosSeen> {
  const { lab, scenario, input, provider, journal } = options;
  const recorder = new Recorder(lab, sightedOf(lab, scenario, input));
  const probes = probesOf(lab, scenario, input);
  const [vip, leftover] = [new VipHolders(lab), new LeftoverVip()];
  const lookedFromMs = provider.clock.nowMs();
  const truths = new Truths(lab, journal.read()[0]?.atMs ?? lookedFromMs);
  const see = (seen: Observation): void => {
    recorder.see(seen);
    vip.see(seen);
    leftover.see(seen);
    truths.see(seen);
  };
  options.earlier?.(see);
  // Onlookers of real machines take a while to their first sight, and the method must not be ahead of it.
  see(await provider.observe());
  const watching = provider.watch((seen) => {
    see(seen);
    options.onChange?.(seen);
  });
  const looking = new AbortController();
  const looks: Promise<void>[] = [];
  const look = (): void => {
    if (looks.length === 0) looks.push(...probes.map((probe) => probe.go(provider, looking.signal)));
  };
  const operation = operationOf(options);
  if (options.mode !== 'run') look(); // An abort waits for the steady state too.
  if (options.mode === 'resume' && hasBegunOperation(journal.read())) operation?.begin();
  const writes: Writes[] = [];
  const unsteady = () => unsteadyNow(lab, scenario, input, provider, probes);
  try {
    const ports = {
      chapterMs: (chapter: number) => chapterMs(journal.read(), chapter),
      operation,
      unsteady,
      begins: look,
      recovered: async (context: StepContext) => {
        for (const probe of probes) writes.push(...(await writesOf(lab, probe, context)));
      },
    };
    const saga = chaosSaga(lab, scenario, input, ports);
    const { seed, signal, observer, mode } = options;
    const result = await runSaga({ saga, journal, provider, seed, signal, observer, mode });
    if (result.outcome === 'interrupted') await operation?.end();
    else if (result.outcome !== 'completed') await operation?.takeBack(signal);
    // What went back has lifted everything, and nothing has waited for the cluster yet.
    if (result.outcome === 'compensated' || result.outcome === 'stuck') await settled(options, unsteady);
    return {
      ...{
        result,
        records: journal.read(),
        recorder,
        probes,
        vip,
        leftover,
        truths,
        operation: operation === null ? null : seenOf(operation),
        writes,
        unsteady: await unsteady(),
      },
      ...{ lookedFromMs, seenFromMs: options.earlier === undefined ? lookedFromMs : 0 },
      ...{ endedMs: provider.clock.nowMs(), exact: watching.exact, everyMs: watching.everyMs },
    };
  } finally {
    await operation?.end();
    looking.abort(new CancelledError());
    await Promise.all(looks);
    await watching.stop();
  }
}

function operationOf(options: ChaosRunOptions): Operation | null {
  const { lab, input, provider, seed, signal, operation: parts } = options;
  if (input.operation === null) return null;
  const saga = operationSaga(lab, input.operation, parts.ports);
  const { journal, parent } = parts;
  return new Operation({ saga, journal, parent, provider, seed, signal });
}

function seenOf({ saga, records, outcome, again, refused }: Operation): OperationSeen {
  return { saga, records, outcome, again, refused };
}

/** Waits until the steady state is back, for as long as the scenario's recovery may take. */
async function settled(
  { lab, scenario, provider, signal }: ChaosRunOptions,
  unsteady: () => Promise<readonly string[]>,
): Promise<void> {
  const deadlineMs = provider.clock.nowMs() + durationOn(lab, scenario.recovery);
  while ((await unsteady()).length > 0 && provider.clock.nowMs() < deadlineMs && !signal.aborted)
    await provider.clock.sleep(seconds(lab, 1), signal);
}

/** In words, what of the steady state does not hold; empty when all of it does. */
export async function unsteadyNow(
  lab: LabSpec,
  scenario: Scenario,
  input: Pick<ChaosInput, 'subjects'>,
  provider: Provider,
  probes: readonly Probe[],
): Promise<readonly string[]> {
  const seen = await provider.observe();
  return steadyStateOf(lab, scenario).flatMap(({ subject, up }) => {
    const { text, kind, name } = subject;
    const last = probes.find((probe) => probe.name === name)?.runs.at(-1);
    const standing =
      kind === 'step'
        ? { value: 'no steady state', good: false }
        : kind === 'probe'
          ? (last ?? { value: 'not asked yet', good: false })
          : standingOf(lab, seen, { key: text, kind, machines: input.subjects[text] ?? null, name });
    return standing.good === up ? [] : [`${text}: ${standing.value}`];
  });
}

/** Empty for a probe that does not write. */
async function writesOf(lab: LabSpec, probe: Probe, context: StepContext): Promise<readonly Writes[]> {
  // Before the reading: what is acknowledged while it is under way may or may not be in it.
  const { name, acknowledged } = probe;
  if (acknowledged === null) return [];
  const on = await workingControlPlane(context, lab);
  const said = await askKubectl(context, lab, readWrites(name), ...(on === null ? [] : [on]));
  return [{ probe: name, acknowledged, kept: said === null ? null : Number(said.trim()) }];
}
