/** `homelab k8s restore`: the cluster back to a copy of etcd. What that costs is said first. */
import { printDuration } from '../base/duration.js';
import { UserError } from '../base/errors.js';
import { findOpenJournal } from '../engine/journal-file.js';
import { controlPlanes } from '../model/lab.js';
import { readSnapshot, snapshotNames, SNAPSHOTS, type SnapshotRecord } from '../sagas/etcd-snapshot.js';
import { wholeProblem } from '../sagas/restore/pods.js';
import { KEPT_DATA } from '../sagas/restore/paths.js';
import { restoreSaga } from '../sagas/restore.js';
import { asking } from './asking.js';
import { baseFolder } from './base-folder.js';
import { planFaults } from './faults.js';
import { journalFolder, labFolder, mustFindLab, type Lab } from './labs.js';
import {
  alreadyOpen,
  exitCodeOf,
  notUp,
  operate,
  runOperation,
  wasBootstrapped,
  type SagaDocument,
} from './operation.js';
import { sagaText } from './saga-text.js';
import type { Session } from './session.js';

export async function restore(session: Session): Promise<number> {
  const base = baseFolder(session);
  const lab = mustFindLab(base, session.options.lab);
  session.lab = lab.name;
  const open = findOpenJournal(journalFolder(lab));
  if (open !== null) throw alreadyOpen(lab, open);
  if (!wasBootstrapped(lab)) throw notUp(lab);
  const record = chosen(lab, String(session.options['snapshot']));
  return operate(session, base, lab, async (operating) => {
    const { provider, ports } = operating;
    const nowMs = provider.clock.nowMs();
    for (const line of dangers(lab, record, nowMs)) session.note(line);
    await confirm(session, lab, record);
    await planFaults(session, lab.record.spec, provider);
    const { name, sha256 } = record;
    const wasWhole = (await wholeProblem(asking(session, provider), lab.record.spec)) === null;
    const input = { snapshot: name, sha256, wasWhole, token: `${lab.name}-restored-${nowMs}` };
    const saga = restoreSaga(lab.record.spec, input, ports);
    const document = await runOperation(session, lab, operating, { saga, journal: null, mode: 'run' });
    session.result(document, `${sagaText(session, document)}${afterwards(document, record)}`);
    return exitCodeOf(document.outcome, 'run');
  });
}

function afterwards({ outcome }: SagaDocument, { takenAtMs }: SnapshotRecord): string {
  if (outcome !== 'completed') return '';
  return (
    `The cluster is as it was at ${printDuration(takenAtMs)}; ` +
    `what etcd had before is in ${KEPT_DATA} of each control plane\n`
  );
}

function chosen(lab: Lab, wanted: string): SnapshotRecord {
  const folder = labFolder(lab);
  const names = snapshotNames(folder);
  const name = names.find((one) => one === wanted.replace(/^.*\//, '').replace(/\.db$/, ''));
  const record = name === undefined ? null : readSnapshot(folder, name);
  if (record !== null) return record;
  throw new UserError({
    code: 'no-snapshot',
    message:
      name === undefined
        ? `lab ${lab.name} has no copy of etcd named ${wanted}`
        : `${SNAPSHOTS}/${name}.db is damaged`,
    remedy: names.length === 0 ? 'There is none.' : `There is: ${names.join(', ')}`,
  });
}

/** What a restore costs, in plain words, before anybody is asked. */
export function dangers(lab: Lab, record: SnapshotRecord, nowMs: number): readonly string[] {
  const { spec } = lab.record;
  const planes = controlPlanes(spec).map(({ name }) => name);
  const joined = planes.filter((name) => !record.members.includes(name));
  const { version } = spec.kubernetes;
  const taken = printDuration(record.takenAtMs);
  const since = printDuration(nowMs - record.takenAtMs);
  return [
    `Restoring ${record.name}, taken at lab time ${taken}, brings the whole cluster back to it:`,
    `  - what was written in the ${since} since is lost: what was made is unknown again, what was deleted is back`,
    `  - every control plane stops (${planes.join(', ')}): no API for some minutes, and nothing is mended meanwhile`,
    '  - pods that the copy does not know are ended, others are made anew; volumes keep what is on them now',
    '  - programs that watch the API (controllers, operators) may believe what is not true any more: restart them',
    ...(joined.length === 0
      ? []
      : [
          `  - the copy was taken before ${joined.join(' and ')} joined; it becomes a member of etcd all the same`,
        ]),
    ...(record.kubernetesVersion === version
      ? []
      : [
          `  - the copy is of ${record.kubernetesVersion}, and the machines run ${version}: ` +
            'only what is stored goes back, programs do not; see `homelab lint` afterwards',
        ]),
  ];
}

async function confirm(session: Session, lab: Lab, record: SnapshotRecord): Promise<void> {
  if (session.options.yes === true) return;
  const answer = await session.io.ask(`Restore ${record.name} in lab ${lab.name}? [y/N] `);
  if (answer !== null && /^y(es)?$/i.test(answer.trim())) return;
  throw new UserError({
    code: 'not-confirmed',
    message: 'nobody said yes to what a restore costs; nothing was changed',
    remedy: `Say it with: homelab k8s restore -y --snapshot ${record.name}`,
  });
}
