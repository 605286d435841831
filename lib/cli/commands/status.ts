/** `homelab status`: what an onlooker sees of a lab now. Only looks: no lock, no lab time, nothing kept. */
import type { Command } from 'commander';
import { printDuration } from '../../base/duration.js';
import { UserError } from '../../base/errors.js';
import type { Observation, PowerState } from '../../provider/provider.js';
import type { Role } from '../../model/lab.js';
import type { Perform } from '../app.js';
import { baseFolder } from '../base-folder.js';
import { hinted } from '../hints.js';
import type { Io } from '../io.js';
import { journalFolder, mustFindLab, type Lab } from '../labs.js';
import { aboutLab, examples } from '../options.js';
import type { Session } from '../session.js';
import { looking } from '../still.js';
import { textTable } from '../table.js';

/** The document of `status -o json`. */
export interface StatusDocument {
  readonly lab: string;
  readonly provider: string;
  readonly nowMs: number;
  readonly machines: readonly { name: string; role: Role; state: PowerState; address: string }[];
  readonly nodes: Observation['nodes'];
  readonly etcd: Observation['etcd'];
  readonly vip: { readonly address: string; readonly holders: readonly string[] } | null;
  readonly api: { readonly available: boolean };
  readonly reasons: readonly string[];
}

const WATCH_MS = 2_000;

export function define(command: Command, perform: Perform): void {
  aboutLab(command)
    .option('-w, --watch', 'look again every two seconds until Ctrl-C')
    .action(() => perform(command, status));
  examples(command, [
    ['homelab status', 'machines, nodes, etcd, the API and its address'],
    ['homelab status -o json', 'the same as one document'],
  ]);
}

const statusOnce = looking(async (session) => {
  await say(session, await look(session.io, labOf(session)));
  return 0;
});

async function status(session: Session): Promise<number> {
  const { io } = session;
  if (session.options['watch'] !== true) return statusOnce(session);
  if (session.json) throw watchedJson();
  while (!io.signal.aborted) {
    const document = await look(io, labOf(session));
    if (io.stdout.isTTY) io.stdout.write('\u001b[2J\u001b[H');
    await say(session, document);
    await io.sleep(WATCH_MS);
  }
  return 0;
}

function labOf(session: Session): Lab {
  return mustFindLab(baseFolder(session), session.options.lab);
}

async function say(session: Session, document: StatusDocument): Promise<void> {
  const lab = labOf(session);
  const { findOpenJournal } = await import('../../engine/journal-file.js');
  const open = findOpenJournal(journalFolder(lab));
  session.result(document, statusText(session, document, open));
}

export async function look(io: Io, lab: Lab): Promise<StatusDocument> {
  const { openProvider } = await import('../providers.js'); // A still answers without it.
  const provider = await openProvider(io, lab, 'look');
  try {
    const { spec } = lab.record;
    const seen = await provider.observe();
    const states = new Map(seen.machines.map(({ name, state }) => [name, state]));
    return {
      lab: lab.name,
      provider: spec.provider,
      nowMs: seen.atMs,
      machines: spec.machines.map(({ name, role, address }) => ({
        ...{ name, role, state: states.get(name) ?? 'absent' },
        address,
      })),
      nodes: seen.nodes,
      etcd: seen.etcd,
      vip: spec.vip === null ? null : { address: spec.vip.address, holders: seen.vipHolders ?? [] },
      api: { available: seen.api.endpoint },
      reasons: seen.reasons,
    };
  } finally {
    await provider.close();
  }
}

function statusText(
  session: Session,
  document: StatusDocument,
  open: { readonly saga: string } | null,
): string {
  const { outColors: color } = session;
  const good = (isGood: boolean, text: string): string => (isGood ? color.green(text) : color.red(text));
  const nodes = new Map((document.nodes ?? []).map((node) => [node.name, node]));
  const members = new Map((document.etcd.members ?? []).map((member) => [member.name, member]));
  const rows = document.machines.map(({ name, role, state, address }) => {
    const node = nodes.get(name);
    const member = members.get(name);
    const ready =
      node === undefined ? '-' : `${node.ready ? 'Ready' : 'NotReady'}${node.schedulable ? '' : ',cordoned'}`;
    const etcd = member === undefined ? '-' : memberText(member, document.etcd.leader);
    return [name, role, state, address, ready, node?.version ?? '-', etcd];
  });
  const { etcd, vip, api } = document;
  const tolerance = etcd.members === null ? '' : `, ${toleranceText(etcd.tolerance)}`;
  const lines = [
    `Lab ${document.lab} (${document.provider}), lab time ${printDuration(document.nowMs)}`,
    '',
    ...textTable(['MACHINE', 'ROLE', 'STATE', 'ADDRESS', 'NODE', 'VERSION', 'ETCD'], rows),
    '',
    `API      ${good(api.available, api.available ? 'available' : 'not available')}`,
    ...(vip === null
      ? []
      : [`VIP      ${vip.address} held by ${good(vip.holders.length === 1, holdersText(vip.holders))}`]),
    `etcd     ${good(etcd.quorum, etcd.quorum ? 'has quorum' : 'no quorum')}${tolerance}`,
    ...(open === null
      ? []
      : [hinted(session, `unfinished: ${open.saga} (homelab resume, or homelab abort)`)]),
    ...document.reasons.map((reason) => `note: ${reason}`),
  ];
  return `${lines.join('\n')}\n`;
}

function memberText(
  member: { learner: boolean; started: boolean; healthy: boolean; name: string },
  leader: string | null,
): string {
  if (!member.started) return 'not started';
  const role = member.learner ? 'learner' : member.name === leader ? 'leader' : 'voter';
  return member.healthy ? role : `${role}, unhealthy`;
}

function holdersText(holders: readonly string[]): string {
  return holders.length === 0 ? 'nobody' : holders.join(' and ');
}

export function toleranceText(tolerance: number): string {
  if (tolerance < 0) return `${-tolerance} more voter(s) needed`;
  return tolerance === 0 ? 'no voter may fail' : `${tolerance} voter(s) may fail`;
}

function watchedJson(): UserError {
  return new UserError({
    code: 'usage',
    message: 'status --watch cannot print JSON: the result is always exactly one document',
    remedy: 'Leave out --watch and ask again as often as you need: homelab status -o json',
  });
}
