/**
 * Running a saga on a lab: one lock, one journal, the lab's machines, a screen, and the document at the end. What
 * the saga is, and whether it begins, goes on or goes back, is the command's to say.
 */
import { must, UserError } from '../base/errors.js';
import {
  createJournal,
  findOpenJournal,
  listJournals,
  openJournal,
  readJournal,
  type FileJournal,
  type JournalEntry,
} from '../engine/journal-file.js';
import { plannedOf, type RunMode, type SagaRecord } from '../engine/records.js';
import { resultOf, type SagaResult } from '../engine/result.js';
import { runSaga } from '../engine/runner.js';
import type { Saga, SagaOutcome } from '../engine/saga.js';
import type { Observation, Provider, Residue } from '../provider/provider.js';
import { LaneFold } from '../report/lanes.js';
import { BOOTSTRAP, type BootstrapInput } from '../sagas/bootstrap.js';
import { DESTROY } from '../sagas/lifecycle.js';
import type { SagaPorts } from '../sagas/ports.js';
import { bootstrapResidue } from '../sagas/residue.js';
import { hinted } from './hints.js';
import { bundlePort } from './bundle/open.js';
import { journalFolder, labFolder, lockLab, recordVersion, type Lab } from './labs.js';
import { openProgress } from './progress.js';
import { openProvider } from './providers.js';
import { reportSaga } from './saga-report.js';
import type { Session } from './session.js';

/** The document of every command that runs a saga. */
export interface SagaDocument extends SagaResult {
  readonly wallMs: number;
  /** Path of the report's page; null where there is none. */
  readonly report: string | null;
}

export interface Operating {
  readonly provider: Provider;
  readonly ports: SagaPorts;
  /** What was seen of the lab so far: of a simulated one since it was made. */
  readonly seen: LaneFold;
  /** The saga that was begun and is not over; null when there is none. */
  readonly open: JournalEntry | null;
}

/** Holds the lab's lock and its machines while `work` runs. */
export async function operate<T>(
  session: Session,
  base: string,
  lab: Lab,
  work: (operating: Operating) => Promise<T>,
): Promise<T> {
  session.lab = lab.name;
  const lock = lockLab(session.io, lab);
  try {
    const { provider: kind, machines } = lab.record.spec;
    const seen = new LaneFold({ exact: kind === 'sim', order: machines.map(({ name }) => name) });
    const onSeen = (one: Observation): void => {
      seen.see(one);
    };
    const provider = await openProvider(session.io, lab, 'operate', { onSeen });
    try {
      const ports = portsOf(base, lab);
      return await work({
        ...{ provider, ports, seen },
        // Read when it is asked for: `destroy` does not need it, and a damaged journal does not stop it.
        get open() {
          return findOpenJournal(journalFolder(lab));
        },
      });
    } finally {
      await provider.close();
    }
  } finally {
    lock.release();
  }
}

/** What sagas are given of this computer beside the machines. */
export function portsOf(base: string, lab: Lab): SagaPorts {
  return {
    folder: labFolder(lab),
    bundle: bundlePort(base, lab.record.spec),
    recordVersion: (version) => {
      recordVersion(lab, version);
    },
  };
}

export interface Request {
  readonly saga: Saga;
  /** The journal to go on with; null begins a new one. */
  readonly journal: JournalEntry | null;
  readonly mode: RunMode;
  readonly until?: string;
}

/** Runs the saga and says how it ended; the text for people and the exit code are the caller's. */
export async function runOperation(
  session: Session,
  lab: Lab,
  { provider, seen }: Operating,
  request: Request,
): Promise<SagaDocument> {
  const { saga, mode, until } = request;
  session.note(headline(lab, saga.name));
  const progress = await openProgress(session);
  const journal = openOrCreate(lab, saga.name, request.journal);
  try {
    const seed = lab.record.spec.provider === 'sim' ? lab.record.seed : null;
    const common = { saga, journal, provider, seed, signal: session.io.signal, mode };
    const options = { ...common, ...(until === undefined ? {} : { until }), observer: progress.observer };
    const watchedFromMs = provider.clock.nowMs();
    const watching = provider.watch((one) => {
      seen.see(one);
    });
    const result = await runSaga(options).finally(() => watching.stop());
    // With -o json the result has no words, and a person at the keyboard still wants to know what to type.
    if (result.outcome === 'interrupted' && session.json) session.note(hinted(session, WAYS_ON));
    const residue = await residueAfter(lab, provider, result, journal.read());
    const records = journal.read();
    const finished = {
      saga,
      provider,
      seen,
      watching,
      watchedFromMs,
      records,
      mode,
      residue,
      operation: numberOf(lab, journal),
    };
    // A lab that was destroyed keeps nothing.
    const isGone = saga.name === DESTROY && result.outcome === 'completed';
    const report = isGone ? null : reportSaga(session, lab, finished);
    // A fork has another name than the lab that its plans were made for.
    return { ...result, lab: lab.name, wallMs: session.wallMs(), report, residue };
  } finally {
    await progress.close();
    journal.close();
  }
}

const WAYS_ON = 'interrupted: go on with `homelab resume`, or go back with `homelab abort`';

/** Which lab on which provider: the first line of every operation. */
export function headline(lab: Lab, what: string): string {
  const { spec, seed } = lab.record;
  const where =
    spec.provider === 'sim' ? `simulated (sim, seed ${seed}): no real machine is touched` : spec.provider;
  return `${what}: lab ${lab.name}, ${where}`;
}

export function exitCodeOf(outcome: SagaOutcome, mode: RunMode): number {
  switch (outcome) {
    case 'completed':
    case 'partial':
      return 0;
    case 'compensated':
      // Who asked for an abort got what was asked for.
      return mode === 'abort' ? 0 : 1;
    case 'stuck':
      return 3;
    case 'interrupted':
      return 130;
    case 'refused':
      return 2;
  }
}

/** True when an earlier bootstrap of the lab came to its end, so that there is a cluster to be careful with. */
export function wasBootstrapped(lab: Lab): boolean {
  return listJournals(journalFolder(lab))
    .filter((entry) => entry.saga === BOOTSTRAP)
    .map((entry) => readJournal(entry.path))
    .some((records) => records.length > 0 && resultOf(records).outcome === 'completed');
}

/** A bootstrap that stopped where `--until` said waits for nobody: every other open saga waits for a word. */
export function hasStoppedAsAsked(open: JournalEntry): boolean {
  return open.saga === BOOTSTRAP && resultOf(readJournal(open.path)).outcome === 'partial';
}

export function notUp(lab: Lab): UserError {
  return new UserError({
    code: 'lab-not-up',
    message: `lab ${lab.name} has never been brought up, so there is no cluster`,
    remedy: 'Bring it up first: homelab up',
  });
}

export function alreadyOpen(lab: Lab, open: JournalEntry): UserError {
  return new UserError({
    code: 'saga-open',
    message: `lab ${lab.name} has an unfinished ${open.saga}`,
    remedy:
      'Go on with `homelab resume`, go back with `homelab abort`, or remove the lab with `homelab destroy`.',
  });
}

function openOrCreate(lab: Lab, saga: string, entry: JournalEntry | null): FileJournal<SagaRecord> {
  return entry === null ? createJournal(journalFolder(lab), saga) : openJournal(entry.path);
}

/** Its number in `homelab saga list`. */
export function numberOf(lab: Lab, { path }: FileJournal<SagaRecord>): number {
  const entry = listJournals(journalFolder(lab)).find((one) => one.path === path);
  return must(entry, 'an open journal is in its folder').number;
}

async function residueAfter(
  lab: Lab,
  provider: Provider,
  result: SagaResult,
  records: readonly SagaRecord[],
): Promise<readonly Residue[]> {
  if (result.saga !== BOOTSTRAP || (result.outcome !== 'compensated' && result.outcome !== 'stuck'))
    return [];
  const { existing } = plannedOf(records).input as BootstrapInput;
  return bootstrapResidue(provider, lab.record.spec, existing);
}
