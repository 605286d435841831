/** What the command line adds to a saga's journal to make a report of it, and where it is put. */
import { relative } from 'node:path';
import { UserError } from '../base/errors.js';
import { shellLine } from '../base/shell-line.js';
import { plannedOf, type RunMode, type SagaRecord } from '../engine/records.js';
import type { Saga, Step } from '../engine/saga.js';
import type { Provider, Residue, Watching } from '../provider/provider.js';
import { SimProvider } from '../provider/sim/sim-provider.js';
import { clipped, type LaneFold } from '../report/lanes.js';
import { runReport } from '../report/run-report.js';
import { plannedFaults, sagaFacts } from '../report/saga-report.js';
import { BOOTSTRAP } from '../sagas/bootstrap.js';
import { UPGRADE, type UpgradeInput } from '../sagas/upgrade.js';
import type { Lab } from './labs.js';
import { packageVersion } from './package.js';
import { writeReport } from './reports.js';
import type { Session } from './session.js';

export interface Finished {
  readonly provider: Provider;
  readonly seen: LaneFold;
  readonly watching: Watching;
  /** Lab time at which this process began to look on. */
  readonly watchedFromMs: number;
  readonly saga: Saga;
  readonly records: readonly SagaRecord[];
  readonly operation: number;
  readonly mode: RunMode;
  readonly residue: readonly Residue[];
}

/** Path of the page, as a person types it; null when it could not be written, which is said. */
export function reportSaga(session: Session, lab: Lab, finished: Finished): string | null {
  const { provider, records, mode, residue, operation } = finished;
  const planned = plannedOf(records);
  const startedMs = planned.atMs;
  const endedMs = (records.at(-1) ?? planned).atMs;
  const faults = provider instanceof SimProvider ? plannedFaults(provider.faults, startedMs, endedMs) : [];
  const facts = sagaFacts(records, {
    ...{ lab: lab.name, mode, residue, operation, faults, wallMs: session.wallMs() },
    versions: { homelab: packageVersion(), kubernetes: kubernetesOf(lab, records) },
    command: commandOf(session, lab, records, mode),
    lanes: clipped(finished.seen.lanes(endedMs), startedMs, endedMs),
    takesDown: new Map(stepsOf(finished.saga).map(({ key, takesDown = [] }) => [key, takesDown])),
    reasons: reasonsOf(finished, startedMs),
  });
  try {
    return relative(session.io.cwd, writeReport(lab, runReport(facts)));
  } catch (error) {
    // What was done is done: a full disk must not make it look like a failure.
    if (!(error instanceof UserError)) throw error;
    session.note(`no report was written: ${error.message}`);
    return null;
  }
}

function stepsOf({ stages }: Saga): readonly Step[] {
  return stages.flatMap(({ steps }) => steps);
}

function kubernetesOf(lab: Lab, records: readonly SagaRecord[]): string {
  const { saga, input } = plannedOf(records);
  if (saga !== UPGRADE) return lab.record.spec.kubernetes.version;
  const { from, to } = input as UpgradeInput;
  return `${from} to ${to}`;
}

/** As it was typed; of one that is gone on with, what began it. */
function commandOf({ io }: Session, lab: Lab, records: readonly SagaRecord[], mode: RunMode): string {
  const { saga, input, seed } = plannedOf(records);
  const seeded = seed === null || saga !== BOOTSTRAP ? [] : ['--seed', String(seed)];
  if (mode === 'run') {
    const isSeeded = io.args.some((word) => word === '--seed' || word.startsWith('--seed='));
    return shellLine(['homelab', ...io.args, ...(isSeeded ? [] : seeded)]);
  }
  const { config, flags } = lab.record;
  if (saga === UPGRADE) return shellLine(['homelab', 'k8s', 'upgrade', '--to', (input as UpgradeInput).to]);
  if (saga !== BOOTSTRAP) return shellLine(['homelab', saga, '--lab', lab.name]);
  const file = config === null ? [] : ['-f', config];
  const options = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  return shellLine(['homelab', 'up', ...file, ...options, ...seeded]);
}

function reasonsOf({ watching, watchedFromMs }: Finished, startedMs: number): readonly string[] {
  const { exact, gaps } = watching;
  const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;
  return [
    ...(exact
      ? []
      : ['machines were looked at every few seconds: what came and went in between was not seen']),
    ...(exact || watchedFromMs - startedMs < 1_000
      ? []
      : [`machines were watched from ${seconds(watchedFromMs)} on; before that only the steps are known`]),
    ...gaps.map((gap) => `a look at the machines failed ${gap}`),
  ];
}
