/** Who hears whom and who could win an election, by raft's rules: pre-vote, log positions, quorums of voters. */
import { quorumSize } from '../model/quorum.js';
import type { EtcdNode } from './etcd-node.js';

/** A leader of a term not older than the node's own, which the node hears. */
export function visibleLeader(node: EtcdNode): EtcdNode | null {
  const { cluster } = node;
  let best: EtcdNode | null = null;
  for (const other of cluster.nodes.values()) {
    if (!other.isLeader || other.stalled || !cluster.connected(node.id, other.id) || other.term < node.term)
      continue;
    if (best === null || other.term > best.term) best = other;
  }
  return best;
}

/** A leader of a later term than the node's, which makes a leader that hears it step down. */
export function rivalOf(node: EtcdNode): EtcdNode | null {
  const leader = visibleLeader(node);
  return leader !== null && leader.term > node.term ? leader : null;
}

/** Pre-vote: would a quorum of voters answer that hear no leader and have no longer log? */
export function couldWin(node: EtcdNode): boolean {
  if (!node.isVoter) return false;
  const { cluster } = node;
  const position = cluster.positionOf(node.id);
  const { voters } = cluster;
  const granting = voters.filter(({ id }) => {
    const other = cluster.nodes.get(id);
    if (other === undefined || !cluster.connected(node.id, id)) return false;
    return !other.isLeader && !other.followsLeader() && cluster.positionOf(id) <= position;
  });
  return granting.length >= quorumSize(voters.length);
}

/** Are enough voters connected for check-quorum? A voter that still catches up counts. */
export function reachesQuorum(node: EtcdNode): boolean {
  const { cluster } = node;
  const { voters } = cluster;
  const reached = voters.filter(({ id }) => cluster.nodes.has(id) && cluster.connected(node.id, id));
  return reached.length >= quorumSize(voters.length);
}
