/** `etcdctl endpoint status|health`, of the given endpoints or of the whole cluster. */
import type { EtcdStatus } from '../../etcd-api.js';
import type { EtcdAlarm } from '../../etcd-cluster.js';
import { join, type Sim } from '../../task.js';
import type { Flags } from '../flags.js';
import { EXIT_BAD_ARGS, EtcdctlError, ask, askEndpoint, type EtcdctlClient } from './client.js';
import { goDuration, headerJson, humanBytes, toJson, toTable, uint64, type Format } from './print.js';

const STATUS_HEADINGS = [
  ...['ENDPOINT', 'ID', 'VERSION', 'DB SIZE', 'IS LEADER', 'IS LEARNER'],
  ...['RAFT TERM', 'RAFT INDEX', 'RAFT APPLIED INDEX', 'ERRORS'],
];

/** Returns the exit code; what failed has been said. */
export function* endpointCommand(
  client: EtcdctlClient,
  flags: Flags,
  format: Format,
  [verb]: readonly string[],
): Sim<number> {
  if (verb === 'hashkv')
    throw new EtcdctlError('the simulator does not model "etcdctl endpoint hashkv"', EXIT_BAD_ARGS);
  if (verb !== 'status' && verb !== 'health')
    throw new EtcdctlError(`unknown command "${verb ?? ''}" for "etcdctl endpoint"`);
  const endpoints = flags.has('cluster') ? yield* clusterEndpoints(client) : client.endpoints;
  return verb === 'status'
    ? yield* status(client, format, endpoints)
    : yield* health(client, format, endpoints);
}

export function* clusterEndpoints(client: EtcdctlClient): Sim<readonly string[]> {
  const { value } = yield* ask(client, 'Cluster/MemberList');
  return value.members.flatMap((member) => member.clientUrls);
}

function* status(client: EtcdctlClient, format: Format, endpoints: readonly string[]): Sim<number> {
  const { call } = client;
  const found: { readonly endpoint: string; readonly status: EtcdStatus }[] = [];
  let failed = false;
  for (const endpoint of endpoints) {
    const reply = yield* askEndpoint(client, endpoint, 'Maintenance/Status');
    if (reply.ok) found.push({ endpoint, status: reply.value });
    else {
      failed = true;
      call.printError(`Failed to get the status of endpoint ${endpoint} (${reply.error})\n`);
    }
  }
  const rows = found.map(statusRow);
  if (format === 'json') call.print(toJson(found.map(statusJson)));
  else if (format === 'table') call.print(toTable(STATUS_HEADINGS, rows));
  else call.print(rows.map((row) => `${row.join(', ')}\n`).join(''));
  return failed ? 1 : 0;
}

interface Found {
  readonly endpoint: string;
  readonly status: EtcdStatus;
}

function statusRow({ endpoint, status: one }: Found): string[] {
  return [
    endpoint,
    one.header.memberId,
    one.version,
    humanBytes(one.dbSize),
    String(one.leader === one.header.memberId),
    String(one.isLearner),
    String(one.raftTerm),
    String(one.raftIndex),
    String(one.raftAppliedIndex),
    one.errors.join(', '),
  ];
}

function statusJson({ endpoint, status: one }: Found): unknown {
  return {
    Endpoint: endpoint,
    Status: {
      header: headerJson(one.header, true),
      version: one.version,
      dbSize: one.dbSize,
      ...(one.leader === null ? {} : { leader: uint64(one.leader) }),
      raftIndex: one.raftIndex,
      raftTerm: one.raftTerm,
      raftAppliedIndex: one.raftAppliedIndex,
      ...(one.errors.length === 0 ? {} : { errors: one.errors }),
      dbSizeInUse: one.dbSizeInUse,
      ...(one.isLearner ? { isLearner: true } : {}),
    },
  };
}

interface Health {
  readonly endpoint: string;
  readonly ms: number;
  readonly took: string;
  readonly error: string | null;
}

/** All endpoints are asked at the same time, and reported as they answer. */
function* health(client: EtcdctlClient, format: Format, endpoints: readonly string[]): Sim<number> {
  const { call } = client;
  const { scheduler } = call.world;
  const asked = endpoints.map((endpoint) =>
    scheduler.spawn(call.process.group, `health of ${endpoint}`, healthOf(client, endpoint)),
  );
  const found: Health[] = [];
  for (const task of asked) {
    const one = yield* join(task);
    if (one !== null) found.push(one);
  }
  found.sort((a, b) => a.ms - b.ms);
  if (format === 'simple') for (const one of found) printSimple(client, one);
  else if (format === 'json') call.print(toJson(found.map(healthJson)));
  else call.print(toTable(['ENDPOINT', 'HEALTH', 'TOOK', 'ERROR'], found.map(healthRow)));
  if (found.every((one) => one.error === null)) return 0;
  throw new EtcdctlError('unhealthy cluster');
}

function* healthOf(client: EtcdctlClient, endpoint: string): Sim<Health> {
  const { world, prng } = client.call;
  const startMs = world.nowMs;
  const reply = yield* askEndpoint(client, endpoint, 'KV/Range', {}, 'client');
  const ms = world.nowMs - startMs;
  const took = goDuration(ms, prng.int(1, 999_999));
  return { endpoint, ms, took, error: reply.ok ? activeAlarms(reply.value.alarms) : reply.error };
}

/** Any alarm makes a member unhealthy, though it answers. */
function activeAlarms(alarms: readonly EtcdAlarm[]): string | null {
  return alarms.length === 0 ? null : `Active Alarm(s): ${alarms.map(({ alarm }) => `${alarm} `).join('')}`;
}

function printSimple({ call }: EtcdctlClient, { endpoint, took, error }: Health): void {
  if (error === null) call.print(`${endpoint} is healthy: successfully committed proposal: took = ${took}\n`);
  else call.printError(`${endpoint} is unhealthy: failed to commit proposal: ${error}\n`);
}

function healthJson({ endpoint, took, error }: Health): unknown {
  return { endpoint, health: error === null, took, ...(error === null ? {} : { error }) };
}

function healthRow({ endpoint, took, error }: Health): string[] {
  return [endpoint, String(error === null), took, error ?? ''];
}
