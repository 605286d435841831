/** `etcdctl member list|add|remove|update|promote`. */
import type { EtcdHeader } from '../../etcd-api.js';
import type { EtcdMember } from '../../etcd-cluster.js';
import type { Sim } from '../../task.js';
import type { Flags } from '../flags.js';
import { EXIT_BAD_ARGS, EtcdctlError, ask, type EtcdctlClient } from './client.js';
import { headerJson, hexId, memberJson, toJson, toTable, type Format } from './print.js';

const HEADINGS = ['ID', 'STATUS', 'NAME', 'PEER ADDRS', 'CLIENT ADDRS', 'IS LEARNER'];

export function* memberCommand(
  client: EtcdctlClient,
  flags: Flags,
  format: Format,
  [verb, ...operands]: readonly string[],
): Sim<void> {
  switch (verb) {
    case 'list':
      return yield* list(client, format);
    case 'add':
      return yield* add(client, flags, format, operands);
    case 'remove':
    case 'promote':
    case 'update':
      return yield* change(client, flags, format, verb, operands);
    default:
      throw new EtcdctlError(`unknown command "${verb ?? ''}" for "etcdctl member"`);
  }
}

function* list(client: EtcdctlClient, format: Format): Sim<void> {
  const { header, value } = yield* ask(client, 'Cluster/MemberList');
  const rows = value.members.map(rowOf);
  if (format === 'json') printMembers(client, header, value.members);
  else if (format === 'table') client.call.print(toTable(HEADINGS, rows));
  else client.call.print(rows.map((row) => `${row.join(', ')}\n`).join(''));
}

function rowOf(member: EtcdMember): string[] {
  return [
    member.id,
    member.name === '' ? 'unstarted' : 'started',
    member.name,
    member.peerUrls.join(','),
    member.clientUrls.join(','),
    String(member.isLearner),
  ];
}

function* add(
  client: EtcdctlClient,
  flags: Flags,
  format: Format,
  [name, ...more]: readonly string[],
): Sim<void> {
  if (name === undefined) throw new EtcdctlError('member name not provided', EXIT_BAD_ARGS);
  if (more.length > 0) throw new EtcdctlError('too many arguments', EXIT_BAD_ARGS);
  const urls = flags.get('peer-urls');
  if (urls === null) throw new EtcdctlError('member peer urls not provided', EXIT_BAD_ARGS);
  const parameters = { peerUrls: urls.split(','), isLearner: flags.has('learner') };
  const { header, value } = yield* ask(client, 'Cluster/MemberAdd', parameters);
  const { member, members } = value;
  if (format === 'json') {
    const body = { header: headerJson(header), member: memberJson(member), members: members.map(memberJson) };
    client.call.print(toJson(body));
    return;
  }
  const role = member.isLearner ? ' as learner ' : ' ';
  const cluster = members.flatMap((one) =>
    one.peerUrls.map((url) => `${one.id === member.id ? name : one.name}=${url}`),
  );
  client.call.print(
    `Member ${hexId(member.id)} added${role}to cluster ${hexId(header.clusterId)}\n\n` +
      `ETCD_NAME="${name}"\n` +
      `ETCD_INITIAL_CLUSTER="${cluster.join(',')}"\n` +
      `ETCD_INITIAL_ADVERTISE_PEER_URLS="${member.peerUrls.join(',')}"\n` +
      'ETCD_INITIAL_CLUSTER_STATE="existing"\n',
  );
}

const CHANGES = {
  remove: { method: 'Cluster/MemberRemove', words: 'removed from' },
  promote: { method: 'Cluster/MemberPromote', words: 'promoted in' },
  update: { method: 'Cluster/MemberUpdate', words: 'updated in' },
} as const;

function* change(
  client: EtcdctlClient,
  flags: Flags,
  format: Format,
  verb: keyof typeof CHANGES,
  operands: readonly string[],
): Sim<void> {
  const [id, ...more] = operands;
  if (id === undefined || more.length > 0) throw new EtcdctlError('member ID is not provided', EXIT_BAD_ARGS);
  if (!/^[0-9a-f]{1,16}$/i.test(id))
    throw new EtcdctlError(
      `bad member ID arg (strconv.ParseUint: parsing "${id}": invalid syntax), expecting ID in Hex`,
      EXIT_BAD_ARGS,
    );
  const urls = flags.get('peer-urls');
  if (verb === 'update' && urls === null)
    throw new EtcdctlError('member peer urls not provided', EXIT_BAD_ARGS);
  const hex = id.toLowerCase().replace(/^0+(?=.)/, '');
  const { method, words } = CHANGES[verb];
  const parameters = { id: hex, ...(urls === null ? {} : { peerUrls: urls.split(',') }) };
  const { header, value } = yield* ask(client, method, parameters);
  if (format === 'json') printMembers(client, header, value.members);
  else client.call.print(`Member ${hexId(hex)} ${words} cluster ${hexId(header.clusterId)}\n`);
}

function printMembers({ call }: EtcdctlClient, header: EtcdHeader, members: readonly EtcdMember[]): void {
  call.print(toJson({ header: headerJson(header), members: members.map(memberJson) }));
}
