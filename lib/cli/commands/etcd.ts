/** `homelab etcd status`: members, leader and what may still fail. Only looks. */
import type { Command } from 'commander';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { mustFindLab } from '../labs.js';
import { aboutLab, examples } from '../options.js';
import type { Session } from '../session.js';
import { textTable } from '../table.js';
import { look, toleranceText } from './status.js';

export function define(command: Command, perform: Perform): void {
  const summary = 'members, leader, quorum and how many voters may still fail';
  const status = aboutLab(command.command('status').summary(summary).description(summary));
  status.action(() => perform(status, etcdStatus));
  examples(status, [['homelab etcd status', summary]]);
  examples(command, [['homelab etcd status', summary]]);
}

async function etcdStatus(session: Session): Promise<number> {
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  const { etcd, nowMs, reasons } = await look(lab);
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
