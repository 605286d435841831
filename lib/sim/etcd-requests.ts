/**
 * Writes and linearizable reads through a member, with etcd's own time limits and error texts. A write that
 * timed out may still be applied later, as in etcd.
 */
import type { Proposal } from './etcd-cluster.js';
import type { EtcdNode } from './etcd-node.js';
import { noteSlowWrite, slowReadMs, slowWriteMs } from './etcd-slow.js';
import { Signal, sleep, waitFor, type Sim } from './task.js';

export type EtcdResult<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string };

export const ETCD_TIMED_OUT = 'etcdserver: request timed out';
export const ETCD_LEADER_CHANGED = 'etcdserver: leader changed';
export const ETCD_NO_LEADER = 'etcdserver: no leader';
export const ETCD_NO_SPACE = 'etcdserver: mvcc: database space exceeded';

export function etcdFailure(error: string): { readonly ok: false; readonly error: string } {
  return { ok: false, error };
}

/** Proposes a change. `run` is called at the moment it is committed, which may be after the time limit. */
export function* propose<T>(node: EtcdNode, run: () => T): Sim<EtcdResult<T>> {
  const { cluster } = node;
  const { scheduler } = cluster.world;
  const startMs = scheduler.nowMs;
  const deadlineMs = startMs + node.requestTimeoutMs;
  while (node.lead === null || isStalled(node)) {
    if (scheduler.nowMs >= deadlineMs) return etcdFailure(timeoutText(node, startMs));
    yield* waitFor([cluster.changed], deadlineMs - scheduler.nowMs);
  }
  const leader = node.leaderNode();
  if (leader === null) {
    // Forwarded to a leader that is gone: nobody has it, and nobody says so.
    yield* sleep(deadlineMs - scheduler.nowMs);
    return etcdFailure(timeoutText(node, startMs));
  }
  if (cluster.quorumBehind(leader)) {
    const { term } = leader;
    const slowMs = slowWriteMs(node, leader);
    yield* sleep(cluster.world.draw('etcdCommit', node.prng) + cluster.latenessOf(leader) + slowMs);
    noteSlowWrite(node, leader, slowMs);
    if (
      leader.isLeader &&
      leader.term === term &&
      cluster.quorumBehind(leader) &&
      node.leaderNode() === leader
    ) {
      cluster.index += 1;
      return { ok: true, value: run() };
    }
    const replicated = node.prng.chance(1, 2);
    return yield* awaitCommit(node, leader, run, replicated, startMs);
  }
  return yield* awaitCommit(node, leader, run, false, startMs);
}

function* awaitCommit<T>(
  node: EtcdNode,
  leader: EtcdNode,
  run: () => T,
  replicated: boolean,
  startMs: number,
): Sim<EtcdResult<T>> {
  const { cluster } = node;
  const committed = new Signal('commit');
  const results: T[] = [];
  const proposal: Proposal = {
    replicated,
    run: () => {
      cluster.index += 1;
      results.push(run());
      committed.fire();
    },
  };
  if (cluster.proposals.leader !== leader.id) {
    if (replicated) cluster.proposals.list.push(proposal);
  } else if (leader.isLeader || replicated) cluster.proposals.list.push(proposal);
  yield* waitFor([committed], startMs + node.requestTimeoutMs - cluster.world.nowMs);
  for (const value of results) return { ok: true, value };
  return etcdFailure(timeoutText(node, startMs));
}

/** Waits until the member may answer a linearizable read. Null when it may. */
export function* readIndex(node: EtcdNode): Sim<string | null> {
  const { cluster } = node;
  const { scheduler } = cluster.world;
  const deadlineMs = scheduler.nowMs + node.requestTimeoutMs;
  while (!node.canCommit() || !node.synced) {
    if (scheduler.nowMs >= deadlineMs) return ETCD_TIMED_OUT;
    const sinceMs = node.leadSinceMs;
    yield* waitFor([cluster.changed], deadlineMs - scheduler.nowMs);
    if (node.leadSinceMs !== sinceMs) return ETCD_LEADER_CHANGED;
  }
  const slowMs = slowReadMs(node);
  const leftMs = deadlineMs - scheduler.nowMs;
  if (slowMs > 0) yield* sleep(Math.min(slowMs, leftMs));
  return slowMs > leftMs ? ETCD_TIMED_OUT : null;
}

/** Its leader is there, and its disk holds everything up. */
function isStalled(node: EtcdNode): boolean {
  const leader = node.lead === null ? undefined : node.cluster.nodes.get(node.lead);
  return leader?.stalled === true && leader.isLeader && node.cluster.connected(node.id, leader.id);
}

/** How etcd words a time-out, by what happened to the leader meanwhile. */
function timeoutText(node: EtcdNode, startMs: number): string {
  const lostMs = node.leadElectedMs - 2 * node.electionMs;
  if (node.lead !== null && startMs > lostMs && startMs < node.leadElectedMs)
    return `${ETCD_TIMED_OUT}, possibly due to previous leader failure`;
  if (node.lead === null) return ETCD_TIMED_OUT;
  return node.canCommit() ? ETCD_TIMED_OUT : `${ETCD_TIMED_OUT}, possibly due to connection lost`;
}
