/**
 * What a slow disk does to etcd. Raft's loop waits for the flush of the log: meanwhile it neither takes a request nor
 * sends a heartbeat. A write waits for the flush under way, for its own on the leader and on a quorum, and for the
 * member that was asked to apply it; a read waits for that member to have applied what was committed. A slow follower
 * holds up nobody but its own clients; a slow leader holds up everybody, and loses its followers when a flush takes
 * longer than they are patient. Compactions, snapshots and the data base's own commits are not slowed.
 */
import { quorumSize } from '../model/quorum.js';
import type { EtcdNode } from './etcd-node.js';
import { waitFor, type Sim } from './task.js';

/** etcd warns of requests that took longer than this, and of flushes from a second on. */
const APPLY_WARNING_MS = 100;
const FLUSH_WARNING_MS = 1_000;

function flushOf(node: EtcdNode): number {
  return node.machine.disk.flushMs;
}

/** How long the leader's flush and those of the quickest quorum take. */
function quorumFlushMs(leader: EtcdNode): number {
  const { cluster } = leader;
  const others = cluster.voters
    .filter(({ id }) => id !== leader.id && cluster.connected(leader.id, id))
    .map(({ id }) => cluster.nodes.get(id)?.machine.disk.flushMs ?? 0)
    .sort((a, b) => a - b);
  const needed = quorumSize(cluster.voters.length) - 1;
  return Math.max(flushOf(leader), needed === 0 ? 0 : (others[needed - 1] ?? 0));
}

/** By how much a write through `node` is late: the rest of the flush under way, and its own. */
export function slowWriteMs(node: EtcdNode, leader: EtcdNode): number {
  const flush = quorumFlushMs(leader);
  return drawn(node, flushOf(leader)) + flush + (node === leader ? 0 : waited(node));
}

/** By how much a linearizable read through `node` is late. */
export function slowReadMs(node: EtcdNode): number {
  const leader = node.leaderNode();
  const asked = leader === null || leader === node ? 0 : drawn(node, flushOf(leader));
  return asked + drawn(node, flushOf(node));
}

function waited(node: EtcdNode): number {
  return drawn(node, flushOf(node)) + flushOf(node);
}

function drawn(node: EtcdNode, flushMs: number): number {
  return flushMs === 0 ? 0 : node.slowPrng.int(0, flushMs);
}

/** Votes are flushed before they are sent. */
export function slowVoteMs(candidate: EtcdNode): number {
  return flushOf(candidate) + quorumFlushMs(candidate);
}

/** How long a leader's flush keeps its followers waiting, when one of them is quick enough to lose patience. */
export function stallMs(leader: EtcdNode): number {
  const { cluster } = leader;
  const flushMs = flushOf(leader);
  const impatient = cluster.voters.some(({ id }) => {
    const node = cluster.nodes.get(id);
    if (node === undefined || node === leader || !cluster.connected(leader.id, id)) return false;
    return flushMs - flushOf(node) >= node.electionMs;
  });
  return impatient ? flushMs : 0;
}

/**
 * One flush of a leader's slow disk. Heartbeats are sent by the loop that waits for it, so followers hear nothing
 * meanwhile. The Leases of a cluster alone write every second, so the next flush comes after a few heartbeats.
 */
export function* stall(leader: EtcdNode): Sim<void> {
  leader.stalled = true;
  leader.cluster.touch();
  yield* whileLeading(leader, stallMs(leader));
  leader.stalled = false;
  leader.cluster.touch();
  yield* whileLeading(leader, 2 * leader.heartbeatMs);
}

function* whileLeading(leader: EtcdNode, ms: number): Sim<void> {
  const { cluster } = leader;
  const { scheduler } = cluster.world;
  const untilMs = scheduler.nowMs + ms;
  while (leader.isLeader && scheduler.nowMs < untilMs)
    yield* waitFor([cluster.changed], untilMs - scheduler.nowMs);
}

/** True when requests through this member take so little longer than usual that no client could tell. */
export function isPrompt(node: EtcdNode): boolean {
  const leader = node.leaderNode();
  const flush = leader === null ? 0 : 2 * quorumFlushMs(leader);
  return flush + 2 * flushOf(node) < APPLY_WARNING_MS;
}

/** The lines that a slow write leaves in the logs of the member that was asked and of the leader. */
export function noteSlowWrite(node: EtcdNode, leader: EtcdNode, slowMs: number): void {
  if (slowMs === 0) return;
  for (const one of new Set([node, leader])) {
    const flushMs = flushOf(one);
    if (flushMs < FLUSH_WARNING_MS) continue;
    const fields = { took: goDuration(flushMs), 'expected-duration': '1s' };
    one.log('warn', 'wal/wal.go:805', 'slow fdatasync', fields);
  }
  noteLateHeartbeats(leader);
  if (slowMs > APPLY_WARNING_MS) {
    const fields = { took: goDuration(slowMs), 'expected-duration': '100ms', prefix: '' };
    node.log('warn', 'etcdserver/util.go:170', 'apply request took too long', fields);
  }
}

/** A heartbeat may be one interval late before etcd says so. */
function noteLateHeartbeats(leader: EtcdNode): void {
  const exceededMs = flushOf(leader) - leader.heartbeatMs;
  if (exceededMs <= leader.heartbeatMs) return;
  const { cluster, heartbeatMs } = leader;
  const msg =
    'leader failed to send out heartbeat on time; took too long, leader is overloaded likely from slow disk';
  for (const { id } of cluster.voters) {
    if (id === leader.id || !cluster.nodes.has(id)) continue;
    leader.log('warn', 'etcdserver/raft.go:416', msg, {
      to: id,
      'heartbeat-interval': goDuration(heartbeatMs),
      'expected-duration': goDuration(2 * heartbeatMs),
      'exceeded-duration': goDuration(exceededMs),
    });
  }
}

/** As Go prints durations: `850ms`, `1.2s`, `1h0m0s`. */
export function goDuration(ms: number): string {
  if (ms < 1_000) return `${ms}ms`;
  const [hours, minutes] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60];
  const seconds = `${(ms % 60_000) / 1_000}s`;
  return hours > 0 ? `${hours}h${minutes}m${seconds}` : minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
