/** `homelab etcd`: members, leader and what may still fail; copies of it in the lab's folder. */
import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { printDuration } from '../../base/duration.js';
import {
  nextSnapshotName,
  readSnapshot,
  snapshotNames,
  SNAPSHOTS,
  takeSnapshot,
  type SnapshotRecord,
} from '../../sagas/etcd-snapshot.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { asking, saidPlainly } from '../asking.js';
import { labFolder, lockLab, mustFindLab, type Lab } from '../labs.js';
import { aboutLab, examples } from '../options.js';
import type { Session } from '../session.js';
import { looking } from '../still.js';
import { textTable } from '../table.js';
import { look, toleranceText } from './status.js';

export function define(command: Command, perform: Perform): void {
  const summary = 'members, leader, quorum and how many voters may still fail';
  const status = aboutLab(command.command('status').summary(summary).description(summary));
  status.action(() => perform(status, looking(etcdStatus)));
  examples(status, [['homelab etcd status', summary]]);
  const snapshot = describe(command.command('snapshot'), "copies of etcd in the lab's folder");
  const save = aboutLab(describe(snapshot.command('save'), 'copy etcd from a control plane that runs'));
  save.action(() => perform(save, saveSnapshot));
  examples(save, [['homelab etcd snapshot save', 'before anything that may go wrong']]);
  const list = aboutLab(describe(snapshot.command('list'), 'every copy of the lab, oldest first'));
  list.action(() => perform(list, listSnapshots));
  examples(list, [['homelab etcd snapshot list', 'with its time, size and version']]);
  examples(command, [
    ['homelab etcd status', summary],
    ['homelab etcd snapshot save', 'copy it'],
  ]);
}

function describe(command: Command, summary: string): Command {
  return command.summary(summary).description(summary);
}

async function saveSnapshot(session: Session): Promise<number> {
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  const lock = lockLab(session.io, lab);
  try {
    const { openProvider } = await import('../providers.js'); // A still answers without it.
    const provider = await openProvider(session.io, lab, 'operate');
    try {
      const folder = labFolder(lab);
      const name = nextSnapshotName(folder, 'by-hand');
      const work = () => takeSnapshot(asking(session, provider), lab.record.spec, folder, name);
      const saved = await saidPlainly(work);
      session.result(
        { lab: lab.name, snapshots: [shown(session, lab, saved)] },
        `${rowsOf(session, lab, [saved]).join('\n')}\n`,
      );
      return 0;
    } finally {
      await provider.close();
    }
  } finally {
    lock.release();
  }
}

/** Reads every copy, so that a damaged one is not taken for a way back. */
async function listSnapshots(session: Session): Promise<number> {
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  const folder = labFolder(lab);
  const all = snapshotNames(folder).map((name) => ({ name, record: readSnapshot(folder, name) }));
  const whole = all.flatMap(({ record }) => (record === null ? [] : [record]));
  for (const { name, record } of all) {
    if (record === null) session.note(`${SNAPSHOTS}/${name}.db is damaged or was cut short`);
  }
  const text = whole.length === 0 ? 'no copies of etcd yet' : rowsOf(session, lab, whole).join('\n');
  session.result({ lab: lab.name, snapshots: whole.map((one) => shown(session, lab, one)) }, `${text}\n`);
  return 0;
}

function shown(session: Session, lab: Lab, { version: _, ...record }: SnapshotRecord) {
  return { ...record, path: relative(session.io.cwd, join(lab.folder, SNAPSHOTS, `${record.name}.db`)) };
}

function rowsOf(session: Session, lab: Lab, records: readonly SnapshotRecord[]): readonly string[] {
  const rows = records.map((one) => [
    one.name,
    printDuration(one.takenAtMs),
    `${Math.ceil(one.bytes / 1_000)} kB`,
    one.kubernetesVersion,
    one.machine,
    shown(session, lab, one).path,
  ]);
  return textTable(['NAME', 'TAKEN AT', 'SIZE', 'KUBERNETES', 'FROM', 'FILE'], rows);
}

async function etcdStatus(session: Session): Promise<number> {
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  const { etcd, nowMs, reasons } = await look(session.io, lab);
  const rows = (etcd.members ?? []).map(({ name, started, learner, healthy }) => [
    name,
    learner ? 'learner' : 'voter',
    ...[started, healthy, name === etcd.leader].map((yes) => (yes ? 'yes' : 'no')),
  ]);
  const lines = [
    ...textTable(['MEMBER', 'ROLE', 'STARTED', 'HEALTHY', 'LEADER'], rows),
    etcd.quorum
      ? `quorum: yes, ${toleranceText(etcd.tolerance)}`
      : `quorum: no, ${toleranceText(etcd.tolerance)}`,
    ...reasons.map((reason) => `note: ${reason}`),
  ];
  session.result({ lab: lab.name, nowMs, ...etcd, reasons }, `${lines.join('\n')}\n`);
  return 0;
}
