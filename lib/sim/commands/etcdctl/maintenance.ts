/** `etcdctl alarm`, `snapshot`, `move-leader`, `defrag`. */
import { sha256Hex } from '../../../base/digest.js';
import { decimalId } from '../../etcd-cluster.js';
import type { Sim } from '../../task.js';
import { EXIT_BAD_ARGS, EtcdctlError, ask, askEndpoint, type EtcdctlClient } from './client.js';
import { headerJson, humanBytes, toJson, toTable, uint64, type Format } from './print.js';

export function* alarmCommand(client: EtcdctlClient, format: Format, [verb]: readonly string[]): Sim<void> {
  if (verb !== 'list' && verb !== 'disarm')
    throw new EtcdctlError(`unknown command "${verb ?? ''}" for "etcdctl alarm"`);
  const action = verb === 'list' ? 'GET' : 'DEACTIVATE';
  const { header, value } = yield* ask(client, 'Maintenance/Alarm', { action });
  if (format === 'json') {
    const alarms = value.alarms.map((one) => ({ memberID: uint64(one.memberId), alarm: codeOf(one.alarm) }));
    client.call.print(
      toJson({ header: headerJson(header, true), ...(alarms.length === 0 ? {} : { alarms }) }),
    );
    return;
  }
  for (const one of value.alarms)
    client.call.print(`memberID:${decimalId(one.memberId)} alarm:${one.alarm} \n`);
}

function codeOf(alarm: 'NOSPACE' | 'CORRUPT'): number {
  return alarm === 'NOSPACE' ? 1 : 2;
}

export function* moveLeaderCommand(client: EtcdctlClient, [id, ...more]: readonly string[]): Sim<void> {
  if (id === undefined || more.length > 0)
    throw new EtcdctlError('move-leader command needs 1 argument', EXIT_BAD_ARGS);
  for (const endpoint of client.endpoints) {
    const status = yield* askEndpoint(client, endpoint, 'Maintenance/Status');
    if (!status.ok || status.value.leader !== status.value.header.memberId) continue;
    const moved = yield* askEndpoint(client, endpoint, 'Maintenance/MoveLeader', { id });
    if (!moved.ok) throw new EtcdctlError(moved.error);
    client.call.print(`Leadership transferred from ${status.value.header.memberId} to ${id}\n`);
    return;
  }
  throw new EtcdctlError(`no leader endpoint given at [${client.endpoints.join(' ')}]`, EXIT_BAD_ARGS);
}

export function* defragCommand(client: EtcdctlClient): Sim<number> {
  let failed = false;
  for (const endpoint of client.endpoints) {
    const reply = yield* askEndpoint(client, endpoint, 'Maintenance/Defragment');
    failed ||= !reply.ok;
    if (reply.ok) client.call.print(`Finished defragmenting etcd member[${endpoint}]\n`);
    else client.call.printError(`Failed to defragment etcd member[${endpoint}] (${reply.error})\n`);
  }
  return failed ? 1 : 0;
}

/** `restore` belongs to etcdutl and is not modelled. */
export function* snapshotCommand(
  client: EtcdctlClient,
  format: Format,
  [verb, path, ...more]: readonly string[],
): Sim<void> {
  if (verb !== 'save' && verb !== 'status')
    throw new EtcdctlError(`unknown command "${verb ?? ''}" for "etcdctl snapshot"`);
  if (path === undefined || more.length > 0)
    throw new EtcdctlError(`snapshot ${verb} expects one argument`, EXIT_BAD_ARGS);
  if (verb === 'save') yield* saveSnapshot(client, path);
  else printSnapshotStatus(client, format, path);
}

function* saveSnapshot(client: EtcdctlClient, path: string): Sim<void> {
  const { call, endpoints } = client;
  if (endpoints.length > 1)
    throw new EtcdctlError('snapshot must be requested to one selected node, not multiple', EXIT_BAD_ARGS);
  const { value } = yield* ask(client, 'Maintenance/Snapshot');
  const failed = call.machine.disk.write(path, value.content, { mode: 0o600 });
  if (failed !== null)
    throw new EtcdctlError(`could not open ${path}.part (open ${path}.part: no such file or directory)`);
  call.print(`Snapshot saved at ${path}\n`);
}

interface Snapshot {
  readonly kind?: string;
  readonly revision: number;
  readonly entries: readonly unknown[];
}

function printSnapshotStatus({ call }: EtcdctlClient, format: Format, path: string): void {
  call.printError('Deprecated: Use `etcdutl snapshot status` instead.\n\n');
  const text = call.machine.disk.read(path);
  if (text === null) throw new EtcdctlError(`stat ${path}: no such file or directory`);
  const snapshot = parseSnapshot(text);
  if (snapshot === null) throw new EtcdctlError('invalid database');
  const hash = sha256Hex(text).slice(0, 8);
  const keys = snapshot.entries.length;
  const size = text.length;
  const row = [hash, String(snapshot.revision), String(keys), humanBytes(size)];
  if (format === 'json')
    call.print(
      toJson({
        hash: Number.parseInt(hash, 16),
        revision: snapshot.revision,
        totalKey: keys,
        totalSize: size,
      }),
    );
  else if (format === 'table') call.print(toTable(['HASH', 'REVISION', 'TOTAL KEYS', 'TOTAL SIZE'], [row]));
  else call.print(`${row.join(', ')}\n`);
}

function parseSnapshot(text: string): Snapshot | null {
  try {
    const snapshot = JSON.parse(text) as Snapshot;
    return snapshot.kind === 'etcd-snapshot' ? snapshot : null;
  } catch {
    return null; // Any other file: etcdctl says that it is no database.
  }
}
