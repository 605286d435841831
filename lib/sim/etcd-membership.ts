/**
 * Changing the members of an etcd cluster: the checks of `--strict-reconfig-check`, which kubeadm leaves on, in
 * etcd's own order and words. One learner at a time (etcd's maxLearners).
 */
import { quorumSize } from '../model/quorum.js';
import { newMemberId, type EtcdCluster, type EtcdMember } from './etcd-cluster.js';
import type { EtcdNode } from './etcd-node.js';
import { etcdFailure, propose, type EtcdResult } from './etcd-requests.js';
import type { Sim } from './task.js';

/** A member counts as connected after so long (etcd's HealthInterval). */
const HEALTH_INTERVAL_MS = 5_000;
const MAX_LEARNERS = 1;

const UNHEALTHY = 'etcdserver: unhealthy cluster';
const NOT_ENOUGH_STARTED = 'etcdserver: re-configuration failed due to not enough started members';
const NOT_FOUND = 'etcdserver: member not found';
const PEER_EXISTS = 'etcdserver: Peer URLs already exists';
const TOO_MANY_LEARNERS = 'etcdserver: too many learner members in cluster';
const NOT_READY = 'etcdserver: can only promote a learner member which is in sync with leader';
const NOT_LEARNER = 'etcdserver: can only promote a learner member';

type Change<T> = () => EtcdResult<T>;

export function* addMember(
  node: EtcdNode,
  peerUrls: readonly string[],
  isLearner: boolean,
): Sim<EtcdResult<EtcdMember>> {
  const { cluster } = node;
  if (!isLearner && !readyToAddVoter(cluster)) return etcdFailure(NOT_ENOUGH_STARTED);
  if (!connectedToAllVoters(node)) return etcdFailure(UNHEALTHY);
  return yield* configure(node, () => {
    if (cluster.members.some((member) => member.peerUrls.some((url) => peerUrls.includes(url))))
      return etcdFailure(PEER_EXISTS);
    if (isLearner && cluster.learners.length >= MAX_LEARNERS) return etcdFailure(TOO_MANY_LEARNERS);
    const id = newMemberId(peerUrls, node.prng);
    const member = { id, name: '', peerUrls, clientUrls: [], isLearner };
    cluster.setMember(member);
    return { ok: true, value: member };
  });
}

export function* removeMember(node: EtcdNode, id: string): Sim<EtcdResult<null>> {
  const refused = mayNotRemove(node, id);
  if (refused !== null) return etcdFailure(refused);
  const { cluster } = node;
  return yield* configure(node, () => {
    if (cluster.member(id) === null) return etcdFailure(NOT_FOUND);
    cluster.removeMember(id);
    return { ok: true, value: null };
  });
}

export function* promoteMember(node: EtcdNode, id: string): Sim<EtcdResult<null>> {
  const { cluster } = node;
  if (!cluster.nodes.get(id)?.synced && cluster.member(id)?.isLearner === true) {
    // The leader answers this at once, from its own progress table.
    return etcdFailure(node.followsLeader() ? NOT_READY : 'etcdserver: no leader');
  }
  return yield* configure(node, () => {
    const member = cluster.member(id);
    if (member === null) return etcdFailure(NOT_FOUND);
    if (!member.isLearner) return etcdFailure(NOT_LEARNER);
    if (startedVoters(cluster) + 1 < quorumSize(cluster.voters.length + 1))
      return etcdFailure(NOT_ENOUGH_STARTED);
    cluster.setMember({ ...member, isLearner: false });
    return { ok: true, value: null };
  });
}

export function* updateMember(
  node: EtcdNode,
  id: string,
  peerUrls: readonly string[],
): Sim<EtcdResult<null>> {
  const { cluster } = node;
  return yield* configure(node, () => {
    const member = cluster.member(id);
    if (member === null) return etcdFailure(NOT_FOUND);
    const taken = cluster.members.some(
      (other) => other.id !== id && other.peerUrls.some((url) => peerUrls.includes(url)),
    );
    if (taken) return etcdFailure(PEER_EXISTS);
    cluster.setMember({ ...member, peerUrls });
    return { ok: true, value: null };
  });
}

/** A configuration change is an entry of the log like any other; its own checks run when it is applied. */
function* configure<T>(node: EtcdNode, change: Change<T>): Sim<EtcdResult<T>> {
  const proposed = yield* propose(node, change);
  return proposed.ok ? proposed.value : proposed;
}

/** After the addition a quorum of the voters must have started; one started of two is let through for restores. */
function readyToAddVoter(cluster: EtcdCluster): boolean {
  const after = cluster.voters.length + 1;
  const started = startedVoters(cluster);
  return (started === 1 && after === 2) || started >= quorumSize(after);
}

function mayNotRemove(node: EtcdNode, id: string): string | null {
  const { cluster } = node;
  if (cluster.member(id)?.isLearner === true) return null;
  const others = cluster.voters.filter((member) => member.id !== id);
  const started = others.filter((member) => member.name !== '').length;
  if (others.length === 0 || started < quorumSize(others.length)) return NOT_ENOUGH_STARTED;
  // A member that is down is no part of the active quorum.
  if (id !== node.id && !cluster.nodes.has(id)) return null;
  if (id !== node.id && cluster.connectedSince(node.id, id) === null) return null;
  const active = cluster.voters.filter((member) => connectedLongEnough(node, member.id)).length;
  return active - 1 < quorumSize(cluster.voters.length - 1) ? UNHEALTHY : null;
}

function connectedToAllVoters(node: EtcdNode): boolean {
  return node.cluster.voters.every((member) => connectedLongEnough(node, member.id));
}

function connectedLongEnough(node: EtcdNode, id: string): boolean {
  if (id === node.id) return true;
  const sinceMs = node.cluster.connectedSince(node.id, id);
  return sinceMs !== null && node.cluster.world.nowMs - sinceMs >= HEALTH_INTERVAL_MS;
}

function startedVoters(cluster: EtcdCluster): number {
  return cluster.voters.filter((member) => member.name !== '').length;
}
