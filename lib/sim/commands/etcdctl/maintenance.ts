/** `etcdctl alarm`, `move-leader`, `defrag`, `compaction`. */
import { decimalId } from '../../etcd-cluster.js';
import type { Sim } from '../../task.js';
import { EXIT_BAD_ARGS, EtcdctlError, ask, askEndpoint, type EtcdctlClient } from './client.js';
import { headerJson, toJson, uint64, type Format } from './print.js';

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
  if (!/^[0-9a-f]{1,16}$/i.test(id))
    throw new EtcdctlError(`strconv.ParseUint: parsing "${id}": invalid syntax`, EXIT_BAD_ARGS);
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

export function* defragCommand(client: EtcdctlClient, endpoints: readonly string[]): Sim<number> {
  let failed = false;
  for (const endpoint of endpoints) {
    const reply = yield* askEndpoint(client, endpoint, 'Maintenance/Defragment');
    failed ||= !reply.ok;
    if (reply.ok) client.call.print(`Finished defragmenting etcd member[${endpoint}]\n`);
    else client.call.printError(`Failed to defragment etcd member[${endpoint}] (${reply.error})\n`);
  }
  return failed ? 1 : 0;
}

/** Refuses what is no revision as etcdctl does; `physical` waits for the space to be freed, which is at once here. */
export function* compactCommand(client: EtcdctlClient, [revision, ...more]: readonly string[]): Sim<void> {
  if (revision === undefined || more.length > 0)
    throw new EtcdctlError('compaction command needs 1 argument', EXIT_BAD_ARGS);
  if (!/^-?\d+$/.test(revision))
    throw new EtcdctlError(`strconv.ParseInt: parsing "${revision}": invalid syntax`, 1);
  yield* ask(client, 'KV/Compact', { revision: Number(revision) });
  client.call.print(`compacted revision ${revision}\n`);
}
