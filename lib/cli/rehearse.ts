/**
 * `k8s upgrade --rehearse`: the same saga on simulated copies of the lab that are thrown away, each with a future of
 * its own. Nothing is written to the lab but the report.
 */
import { join, relative } from 'node:path';
import { UserError } from '../base/errors.js';
import { shellLine } from '../base/shell-line.js';
import { MemoryJournal } from '../engine/journal.js';
import type { SagaRecord } from '../engine/records.js';
import { runSaga } from '../engine/runner.js';
import type { WorldRecord } from '../provider/sim/world-log.js';
import { LaneFold } from '../report/lanes.js';
import { rehearsal, type Rehearsal } from '../report/rehearsal.js';
import { rehearsalText } from '../report/rehearsal-text.js';
import { rehearsedRun, type RehearsedRun } from '../report/rehearsed-run.js';
import type { SagaPorts } from '../sagas/ports.js';
import { upgradeSaga, type UpgradeInput } from '../sagas/upgrade.js';
import { EVICTED } from '../sim/api/subresources.js';
import type { TraceEvent } from '../sim/world.js';
import { planFaults } from './faults.js';
import { hinted } from './hints.js';
import { writeWhole } from './files.js';
import type { Lab } from './labs.js';
import { portsOf } from './operation.js';
import { openCopy } from './providers.js';
import { groundOf } from './rehearsal-ground.js';
import { nextReportNumber, reportFolder } from './reports.js';
import type { Session } from './session.js';
import { thrownAway } from './thrown-away.js';
import { prepareUpgrade, problemOf, type WantedUpgrade } from './upgrade-preparation.js';

export const DEFAULT_RUNS = 200;

interface Rehearsing {
  readonly session: Session;
  readonly lab: Lab;
  /** The world that copies are made of. */
  readonly world: readonly WorldRecord[];
  readonly ports: SagaPorts;
  readonly input: UpgradeInput;
}

export async function rehearseUpgrade(
  session: Session,
  base: string,
  lab: Lab,
  wanted: WantedUpgrade,
): Promise<number> {
  session.lab = lab.name;
  const ports = portsOf(base, lab);
  const { copied, world, assumed } = await groundOf(session, lab, ports);
  const { input, findings } = await prepared(session, base, copied, world, ports, wanted);
  for (const note of wanted.notes) session.note(note);
  for (const finding of findings) session.note(session.problemText(problemOf(finding)));
  const runs = await rehearseAll({ session, lab: copied, world, ports, input });
  if (runs === null) throw interrupted();
  const { from, to } = input;
  const commandOf = (seed: number): string => repeating(session, input, seed);
  const found = rehearsal({ lab: lab.name, from, to, assumed, commandOf }, runs);
  const document = {
    ...found,
    report: relative(session.io.cwd, writeRehearsal(lab, found)),
    wallMs: session.wallMs(),
  };
  session.result(document, `${rehearsalText(found)}Written to ${document.report}\n`);
  return found.completed === found.runs ? 0 : EXIT_FAILED_RUNS;
}

/** As for a scenario that deviated: nothing of the lab was changed, and somebody should look. */
const EXIT_FAILED_RUNS = 4;

async function prepared(
  session: Session,
  base: string,
  lab: Lab,
  world: readonly WorldRecord[],
  ports: SagaPorts,
  wanted: WantedUpgrade,
) {
  const provider = openCopy(lab, world, {});
  try {
    return await prepareUpgrade(session, { base, lab, provider, ports }, wanted);
  } finally {
    await provider.close();
  }
}

function interrupted(): UserError {
  return new UserError({
    code: 'rehearsal-interrupted',
    message: 'interrupted: a few of many runs are no forecast; nothing was changed',
    remedy: 'Ask for fewer of them with --runs.',
    exitCode: 130,
  });
}

/** Null on Ctrl-C. */
async function rehearseAll(rehearsing: Rehearsing): Promise<readonly RehearsedRun[] | null> {
  const { session } = rehearsing;
  const runs = (session.options['runs'] as number | undefined) ?? DEFAULT_RUNS;
  const seed = Number(session.options.seed ?? 1);
  const done: RehearsedRun[] = [];
  while (done.length < runs) {
    done.push(await rehearseOnce(rehearsing, seed + done.length));
    if (session.io.signal.aborted) return null;
    if (done.length % TOLD_EVERY === 0) session.note(`rehearsed ${done.length} of ${runs} runs`);
  }
  return done;
}

/** Under the next free number of the lab's reports. Returns its absolute path. */
function writeRehearsal(lab: Lab, found: Rehearsal): string {
  const path = join(reportFolder(lab), `${nextReportNumber(lab)}-rehearsal.json`);
  writeWhole(path, `${JSON.stringify(found, null, 2)}\n`, 0o600);
  return path;
}

const TOLD_EVERY = 25;

async function rehearseOnce(rehearsing: Rehearsing, seed: number): Promise<RehearsedRun> {
  const { session, lab, world, ports, input } = rehearsing;
  let evictedPods = 0;
  let hasBegun = false; // What is played again before it begins is not counted.
  const onTrace = ({ what }: TraceEvent): void => {
    if (hasBegun && what === EVICTED) evictedPods += 1;
  };
  const provider = openCopy(lab, world, { onTrace, refork: `rehearsal ${seed}` });
  const beganAtMs = provider.clock.nowMs();
  const fold = new LaneFold({ exact: true });
  const watching = provider.watch((seen) => {
    fold.see(seen);
  });
  await planFaults(session, lab.record.spec, provider);
  hasBegun = true;
  const result = await runSaga({
    ...{ saga: upgradeSaga(lab.record.spec, input, thrownAway(ports)), provider, seed },
    ...{ journal: new MemoryJournal<SagaRecord>(), mode: 'run', signal: session.io.signal },
    observer: () => undefined,
  });
  await watching.stop();
  const endedAtMs = provider.clock.nowMs();
  await provider.close();
  return rehearsedRun({ seed, result, beganAtMs, endedAtMs, lanes: fold.lanes(endedAtMs), evictedPods });
}

function repeating(session: Session, input: UpgradeInput, seed: number): string {
  const { maxUnavailable, drainTimeout, from } = session.options;
  const faults = (session.options['fault'] ?? []) as readonly string[];
  const words = [
    ...['homelab', 'k8s', 'upgrade', '--to', input.to, '--rehearse', '--runs', '1', '--seed', String(seed)],
    ...(maxUnavailable === undefined ? [] : ['--max-unavailable', String(input.maxUnavailable)]),
    ...(drainTimeout === undefined ? [] : ['--drain-timeout', `${input.drainTimeoutMs}ms`]),
    ...(from === undefined ? [] : ['--from', from as string]),
    ...faults.flatMap((fault) => ['--fault', fault]),
  ];
  return hinted(session, shellLine(words));
}
