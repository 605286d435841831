/** `etcdctl snapshot save|status|restore` and `etcdutl snapshot status|restore`. */
import { absolute } from '../paths.js';
import { memberIdOf } from '../../etcd-cluster.js';
import { DIGEST_BYTES, parseSnapshot, restoredData, type RestoredData } from '../../etcd-snapshot.js';
import { writeDataDirectory } from '../../etcd-start.js';
import type { Invocation } from '../../process.js';
import { sleep, type Sim } from '../../task.js';
import type { Flags } from '../flags.js';
import { EXIT_BAD_ARGS, EtcdctlError, ask, type EtcdctlClient } from './client.js';
import { humanBytes, toJson, toTable, type Format } from './print.js';

export const RESTORE_FLAGS: readonly string[] = [
  ...['data-dir=', 'wal-dir=', 'name=', 'initial-cluster=', 'initial-cluster-token='],
  ...['initial-advertise-peer-urls=', 'skip-hash-check'],
];

export function* snapshotCommand(
  client: EtcdctlClient,
  flags: Flags,
  format: Format,
  [verb, path, ...more]: readonly string[],
): Sim<void> {
  if (verb !== 'save' && verb !== 'status' && verb !== 'restore')
    throw new EtcdctlError(`unknown command "${verb ?? ''}" for "etcdctl snapshot"`);
  const given = path !== undefined && more.length === 0 ? path : null;
  if (verb === 'save') {
    if (given === null) throw new EtcdctlError('snapshot save expects one argument', EXIT_BAD_ARGS);
    yield* saveSnapshot(client, given);
    return;
  }
  client.call.printError(`Deprecated: Use \`etcdutl snapshot ${verb}\` instead.\n\n`);
  if (verb === 'status') printSnapshotStatus(client.call, format, given);
  else yield* restoreSnapshot(client.call, flags, given);
}

function* saveSnapshot(client: EtcdctlClient, path: string): Sim<void> {
  const { call, endpoints } = client;
  const [endpoint = ''] = endpoints;
  if (endpoints.length > 1)
    throw new EtcdctlError('snapshot must be requested to one selected node, not multiple', EXIT_BAD_ARGS);
  const part = `${path}.part`;
  const { disk } = call.machine;
  const failed = disk.write(absolute(call, part), '', { mode: 0o600 });
  if (failed !== null) {
    const why = failed === 'no-space' ? 'no space left on device' : 'no such file or directory';
    throw new EtcdctlError(`could not open ${part} (open ${part}: ${why})`);
  }
  log(call, { caller: 'snapshot/v3_snapshot.go:65', msg: 'created temporary db file', path: part });
  try {
    log(call, { logger: 'client', ...maintenance(212), msg: 'opened snapshot stream; downloading' });
    log(call, { caller: 'snapshot/v3_snapshot.go:73', msg: 'fetching snapshot', endpoint });
    const { value } = yield* ask(client, 'Maintenance/Snapshot');
    const size = (parseSnapshot(value.content)?.snapshot.size ?? 0) + DIGEST_BYTES;
    log(call, { logger: 'client', ...maintenance(220), msg: 'completed snapshot read; closing' });
    if (disk.write(absolute(call, part), value.content, { mode: 0o600, size }) !== null)
      throw new EtcdctlError(`write ${part}: no space left on device`);
    const fetched = { endpoint, size: humanBytes(size), took: 'now' };
    log(call, { caller: 'snapshot/v3_snapshot.go:88', msg: 'fetched snapshot', ...fetched });
  } catch (error) {
    disk.remove(absolute(call, part));
    throw error;
  }
  disk.rename(absolute(call, part), absolute(call, path));
  log(call, { caller: 'snapshot/v3_snapshot.go:97', msg: 'saved', path });
  call.print(`Snapshot saved at ${path}\n`);
}

function maintenance(line: number): { caller: string } {
  return { caller: `v3@v3.5.16/maintenance.go:${line}` };
}

function log(call: Invocation, fields: Readonly<Record<string, unknown>>): void {
  const ts = call.machine.date(true);
  call.printError(`${JSON.stringify({ level: 'info', ts, ...fields })}\n`);
}

export function printSnapshotStatus(call: Invocation, format: Format, path: string | null): void {
  if (path === null) throw new EtcdctlError('snapshot status requires exactly one argument', EXIT_BAD_ARGS);
  const text = call.machine.disk.read(absolute(call, path));
  if (text === null) throw new EtcdctlError(`stat ${path}: no such file or directory`);
  const parsed = parseSnapshot(text);
  if (parsed === null) throw new EtcdctlError('invalid database');
  const { revision, size, entries } = parsed.snapshot;
  const hash = parsed.digest.slice(0, 8);
  const row = [hash, String(revision), String(entries.length), humanBytes(size)];
  const json = { hash: Number.parseInt(hash, 16), revision, totalKey: entries.length, totalSize: size };
  if (format === 'json') call.print(toJson(json));
  else if (format === 'table') call.print(toTable(['HASH', 'REVISION', 'TOTAL KEYS', 'TOTAL SIZE'], [row]));
  else call.print(`${row.join(', ')}\n`);
}

/** Needs no server: it makes the data directory of one member of a new cluster. */
export function* restoreSnapshot(call: Invocation, flags: Flags, path: string | null): Sim<void> {
  if (path === null) throw new EtcdctlError('snapshot restore requires exactly one argument', EXIT_BAD_ARGS);
  const name = flags.get('name') ?? 'default';
  const data = readForRestore(call, flags, path, name);
  const dataDir = flags.get('data-dir') ?? `${name}.etcd`;
  const at = absolute(call, dataDir);
  const { disk } = call.machine;
  if (disk.exists(at) && (!disk.isDirectory(at) || disk.list(at).length > 0))
    throw new EtcdctlError(`data-dir "${dataDir}" not empty or could not be read`);
  if (flags.has('wal-dir'))
    throw new EtcdctlError('the simulator does not model a log outside of the data directory', EXIT_BAD_ARGS);
  const folders = {
    'wal-dir': `${dataDir}/member/wal`,
    'data-dir': dataDir,
    'snap-dir': `${dataDir}/member/snap`,
  };
  zap(call, 'snapshot/v3_snapshot.go:265', 'restoring snapshot', {
    path,
    ...folders,
    'initial-memory-map-size': 0,
  });
  if (typeof data === 'string') throw new EtcdctlError(data);
  yield* sleep(call.world.draw('etcdBackup', call.prng));
  const failed = writeDataDirectory(call.machine, at, data, data.restored.snapshot.size);
  if (failed !== null) throw new EtcdctlError(failed);
  zap(call, 'membership/store.go:141', 'Trimming membership information from the backend...');
  for (const { id, peerUrls } of data.restored.members) {
    const fields = { 'cluster-id': data.restored.clusterId, 'local-member-id': '0' };
    const added = { ...fields, 'added-peer-id': id, 'added-peer-peer-urls': peerUrls };
    zap(call, 'membership/cluster.go:421', 'added member', added);
  }
  zap(call, 'snapshot/v3_snapshot.go:293', 'restored snapshot', {
    path,
    ...folders,
    'initial-memory-map-size': 0,
  });
}

/** The data to write, or what is wrong with the file, which etcd finds after it has begun. Bad flags are thrown. */
function readForRestore(call: Invocation, flags: Flags, path: string, name: string): RestoredData | string {
  const advertised = (flags.get('initial-advertise-peer-urls') ?? 'http://localhost:2380').split(',');
  const cluster = flags.get('initial-cluster') ?? `${name}=${advertised.join(`,${name}=`)}`;
  const initialCluster = cluster.split(',').map((part) => {
    const cut = part.indexOf('=');
    return { name: part.slice(0, cut), peerUrl: part.slice(cut + 1) };
  });
  const own = initialCluster.filter((entry) => entry.name === name).map((entry) => entry.peerUrl);
  if (own.length === 0)
    throw new EtcdctlError(`couldn't find local name "${name}" in the initial cluster configuration`);
  if (memberIdOf(own, '') !== memberIdOf(advertised, '')) {
    const urls = own.map((url) => `${name}=${url}`).join(',');
    const flag = `--initial-advertise-peer-urls=${advertised.join(',')}`;
    throw new EtcdctlError(`--initial-cluster has ${urls} but missing from ${flag}`);
  }
  const text = call.machine.disk.read(absolute(call, path));
  if (text === null) return `open ${path}: no such file or directory`;
  const parsed = parseSnapshot(text);
  const skipped = flags.has('skip-hash-check');
  if (parsed === null)
    return skipped ? 'invalid database' : 'snapshot missing hash but --skip-hash-check=false';
  if (parsed.digest !== parsed.expected && !skipped)
    return `expected sha256 ${goBytes(parsed.expected)}, got ${goBytes(parsed.digest)}`;
  return restoredData(parsed, {
    ...{ name, initialCluster },
    token: flags.get('initial-cluster-token') ?? 'etcd-cluster',
  });
}

/** Bytes as Go's `%v` prints them. */
function goBytes(hex: string): string {
  const bytes = [...hex.matchAll(/../g)].map(([pair]) => Number.parseInt(pair, 16));
  return `[${bytes.join(' ')}]`;
}

/** A line of zap's console encoder. */
function zap(
  call: Invocation,
  caller: string,
  msg: string,
  fields?: Readonly<Record<string, unknown>>,
): void {
  const ts = call.machine.date();
  const words = ['info', caller, msg, ...(fields === undefined ? [] : [spaced(fields)])];
  call.printError(`${ts}\t${words.join('\t')}\n`);
}

function spaced(fields: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(fields).map(([key, value]) => `"${key}": ${JSON.stringify(value)}`);
  return `{${parts.join(', ')}}`;
}
