/**
 * etcd's client API: what requests and answers hold. They travel as `POST /etcdserverpb.<Service>/<Method>` with
 * plain bodies instead of protocol buffers; ids are hexadecimal text, as etcdctl shows them.
 */
import type { EtcdAlarm, EtcdCluster, EtcdMember } from './etcd-cluster.js';
import { decimalId } from './etcd-cluster.js';
import { addMember, promoteMember, removeMember, updateMember } from './etcd-membership.js';
import type { EtcdNode } from './etcd-node.js';
import { ETCD_NO_LEADER, etcdFailure, propose, readIndex, type EtcdResult } from './etcd-requests.js';
import { printSnapshot } from './etcd-snapshot.js';
import { waitFor, type Sim } from './task.js';

export interface EtcdHeader {
  readonly clusterId: string;
  readonly memberId: string;
  readonly revision: number;
  readonly raftTerm: number;
}

export interface EtcdStatus {
  readonly header: EtcdHeader;
  readonly version: string;
  readonly dbSize: number;
  readonly dbSizeInUse: number;
  /** Null when the member knows no leader. */
  readonly leader: string | null;
  readonly raftIndex: number;
  readonly raftTerm: number;
  readonly raftAppliedIndex: number;
  readonly isLearner: boolean;
  readonly errors: readonly string[];
}

/** Bodies of answers by method. Every answer is `EtcdReply` of one of these. */
export interface EtcdAnswers {
  'Cluster/MemberList': { readonly members: readonly EtcdMember[] };
  'Cluster/MemberAdd': { readonly member: EtcdMember; readonly members: readonly EtcdMember[] };
  'Cluster/MemberRemove': { readonly members: readonly EtcdMember[] };
  'Cluster/MemberUpdate': { readonly members: readonly EtcdMember[] };
  'Cluster/MemberPromote': { readonly members: readonly EtcdMember[] };
  'Maintenance/Status': EtcdStatus;
  'Maintenance/Alarm': { readonly alarms: readonly EtcdAlarm[] };
  'Maintenance/Defragment': Record<string, never>;
  'Maintenance/MoveLeader': Record<string, never>;
  /** The content of a snapshot file. */
  'Maintenance/Snapshot': { readonly content: string };
  'KV/Compact': Record<string, never>;
  /** A linearizable read of one key, as health checks do it; with the alarms that they ask for right after it. */
  'KV/Range': { readonly count: number; readonly alarms: readonly EtcdAlarm[] };
}

export type EtcdMethod = keyof EtcdAnswers;

export interface EtcdParameters {
  /** Hexadecimal. */
  readonly id?: string;
  readonly peerUrls?: readonly string[];
  readonly isLearner?: boolean;
  readonly action?: 'GET' | 'DEACTIVATE';
  readonly revision?: number;
}

export type EtcdReply<M extends EtcdMethod> =
  | { readonly ok: true; readonly header: EtcdHeader; readonly value: EtcdAnswers[M] }
  | { readonly ok: false; readonly error: string };

export function etcdPath(method: EtcdMethod): string {
  return `/etcdserverpb.${method}`;
}

export function etcdMethodOf(path: string): string {
  return path.replace(/^\/etcdserverpb\./, '');
}

/** Answers one request at a member, once the member serves clients. Null for an unknown method. */
export function* answerEtcd(
  node: EtcdNode,
  version: string,
  method: string,
  parameters: EtcdParameters,
): Sim<EtcdReply<EtcdMethod> | null> {
  while (!node.ready) yield* waitFor([node.cluster.changed]);
  const isLearner = node.cluster.member(node.id)?.isLearner === true;
  if (isLearner && method !== 'Maintenance/Status')
    return etcdFailure('etcdserver: rpc not supported for learner');
  const result = yield* answer(node, version, method, parameters);
  if (result === null) return null;
  return result.ok ? { ok: true, header: headerOf(node), value: result.value } : result;
}

function* answer(
  node: EtcdNode,
  version: string,
  method: string,
  parameters: EtcdParameters,
): Sim<EtcdResult<EtcdAnswers[EtcdMethod]> | null> {
  switch (method) {
    case 'Maintenance/Status':
      return { ok: true, value: statusOf(node, version) };
    case 'Maintenance/Defragment':
      node.cluster.size.defragment(node.id);
      return { ok: true, value: {} };
    case 'KV/Compact':
      return yield* compact(node, parameters.revision ?? 0);
    case 'Maintenance/Snapshot':
      // A member's own data: works without a quorum.
      return { ok: true, value: { content: printSnapshot(node) } };
    case 'Maintenance/Alarm':
      return yield* alarms(node, parameters);
    case 'Maintenance/MoveLeader':
      return yield* moveLeader(node, parameters.id ?? '');
    case 'KV/Range':
      return yield* afterReadIndex(node, () => ({ count: 0, alarms: node.cluster.alarms }));
    default:
      return yield* answerCluster(node, method, parameters);
  }
}

function* answerCluster(
  node: EtcdNode,
  method: string,
  { id = '', peerUrls = [], isLearner = false }: EtcdParameters,
): Sim<EtcdResult<EtcdAnswers[EtcdMethod]> | null> {
  const { cluster } = node;
  switch (method) {
    case 'Cluster/MemberList':
      return yield* afterReadIndex(node, () => ({ members: cluster.members }));
    case 'Cluster/MemberAdd': {
      const added = yield* addMember(node, peerUrls, isLearner);
      return added.ok ? { ok: true, value: { member: added.value, members: cluster.members } } : added;
    }
    case 'Cluster/MemberRemove':
      return withMembers(cluster, yield* removeMember(node, id));
    case 'Cluster/MemberUpdate':
      return withMembers(cluster, yield* updateMember(node, id, peerUrls));
    case 'Cluster/MemberPromote':
      return withMembers(cluster, yield* promoteMember(node, id));
    default:
      return null;
  }
}

function withMembers(
  cluster: EtcdCluster,
  result: EtcdResult<null>,
): EtcdResult<{ readonly members: readonly EtcdMember[] }> {
  return result.ok ? { ok: true, value: { members: cluster.members } } : result;
}

function* afterReadIndex<T>(node: EtcdNode, value: () => T): Sim<EtcdResult<T>> {
  const error = yield* readIndex(node);
  return error === null ? { ok: true, value: value() } : etcdFailure(error);
}

function* alarms(
  node: EtcdNode,
  { id, action }: EtcdParameters,
): Sim<EtcdResult<{ alarms: readonly EtcdAlarm[] }>> {
  const { cluster } = node;
  if (action !== 'DEACTIVATE') return yield* afterReadIndex(node, () => ({ alarms: cluster.alarms }));
  return yield* propose(node, () => {
    const cleared = cluster.alarms.filter((alarm) => id === undefined || alarm.memberId === id);
    cluster.setAlarms(cluster.alarms.filter((alarm) => !cleared.includes(alarm)));
    return { alarms: cleared };
  });
}

function* compact(node: EtcdNode, revision: number): Sim<EtcdResult<Record<string, never>>> {
  const { cluster } = node;
  const result = yield* propose(node, (): EtcdResult<Record<string, never>> => {
    if (revision > cluster.space.revision)
      return etcdFailure('etcdserver: mvcc: required revision is a future revision');
    if (revision <= cluster.size.compacted)
      return etcdFailure('etcdserver: mvcc: required revision has been compacted');
    cluster.size.compact(revision);
    return { ok: true, value: {} };
  });
  return result.ok ? result.value : result;
}

function* moveLeader(node: EtcdNode, id: string): Sim<EtcdResult<Record<string, never>>> {
  yield* [];
  if (!node.isLeader) return etcdFailure('etcdserver: not leader');
  const heir = node.cluster.nodes.get(id);
  if (heir?.isVoter !== true || !heir.synced || heir.leaderNode() !== node)
    return etcdFailure('etcdserver: bad leader transferee');
  heir.takeOver();
  return { ok: true, value: {} };
}

export function headerOf(node: EtcdNode): EtcdHeader {
  const { cluster } = node;
  return {
    clusterId: cluster.clusterId,
    memberId: node.id,
    revision: cluster.space.revision,
    raftTerm: node.term,
  };
}

function statusOf(node: EtcdNode, version: string): EtcdStatus {
  const { cluster } = node;
  const index = cluster.positionOf(node.id);
  return {
    header: headerOf(node),
    version,
    dbSize: cluster.size.bytes(node.id),
    dbSizeInUse: cluster.size.inUse,
    leader: node.lead,
    raftIndex: index,
    raftTerm: node.term,
    raftAppliedIndex: index,
    isLearner: cluster.member(node.id)?.isLearner === true,
    errors: [
      ...(node.lead === null ? [ETCD_NO_LEADER] : []),
      ...cluster.alarms.map((one) => `memberID:${decimalId(one.memberId)} alarm:${one.alarm} `),
    ],
  };
}
