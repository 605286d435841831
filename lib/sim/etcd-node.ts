/**
 * A running etcd member's view of its cluster, by the rules of raft as etcd configures it: pre-vote, check-quorum,
 * randomised election timeouts counted in heartbeat ticks. While a leader is heard nothing happens here, since
 * each heartbeat would only confirm what is known; when it is lost, the timers run as they would have run.
 */
import type { Prng } from '../base/prng.js';
import type { EtcdCluster } from './etcd-cluster.js';
import type { Machine } from './machine.js';
import type { Certificate } from './pki.js';
import { slowVoteMs, stall, stallMs } from './etcd-slow.js';
import type { EtcdLog, EtcdNodeOptions } from './etcd-start.js';
import { ElectionTimer } from './etcd-timer.js';
import { couldWin, reachesQuorum, rivalOf, visibleLeader } from './etcd-voting.js';
import type { Process } from './process.js';
import { sleep, waitFor, type Sim } from './task.js';

export class EtcdNode {
  readonly cluster: EtcdCluster;
  readonly id: string;
  readonly machine: Machine;
  readonly process: Process;
  readonly prng: Prng;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly peerAuthority: string;
  readonly peerCertificate: Certificate | null;
  readonly quotaBytes: number;
  /** Who it believes to be the leader. */
  lead: string | null = null;
  term: number;
  /** Since when it knows its leader. */
  leadSinceMs = 0;
  /** When the last leader it knew began. */
  leadElectedMs = 0;
  /** Holds all that is committed, and gets what will be. */
  synced = false;
  /** Has published its name and serves clients. */
  ready = false;
  /** True while its raft loop waits for a disk that is slower than its followers are patient. */
  stalled = false;
  readonly log: EtcdLog;
  /** Draws for what a slow disk does. */
  readonly slowPrng: Prng;
  readonly #timer: ElectionTimer;

  constructor(options: EtcdNodeOptions) {
    this.cluster = options.cluster;
    this.id = options.id;
    this.machine = options.machine;
    this.process = options.process;
    this.prng = options.prng;
    this.heartbeatMs = options.heartbeatMs;
    this.electionMs = options.electionMs;
    this.peerAuthority = options.peerAuthority;
    this.peerCertificate = options.peerCertificate;
    this.quotaBytes = options.quotaBytes;
    this.log = options.log;
    this.slowPrng = options.prng.fork('disk');
    this.term = options.cluster.term;
    this.#timer = new ElectionTimer(this, this.#nowMs);
  }

  get isLeader(): boolean {
    return this.lead === this.id;
  }

  get name(): string {
    const published = this.cluster.member(this.id)?.name ?? '';
    return published === '' ? this.machine.name : published;
  }

  /** etcd's limit for a request: 5 s, and twice the election timeout. */
  get requestTimeoutMs(): number {
    return 5_000 + 2 * this.electionMs;
  }

  get isVoter(): boolean {
    return this.cluster.member(this.id)?.isLearner === false;
  }

  /** The leader, when it is alive, connected and agrees that it is the leader. */
  leaderNode(): EtcdNode | null {
    if (this.lead === null || this.process.stopped) return null;
    const node = this.cluster.nodes.get(this.lead);
    if (node?.isLeader !== true || node.stalled) return null;
    return this.cluster.connected(this.id, node.id) ? node : null;
  }

  followsLeader(): boolean {
    return this.leaderNode() !== null;
  }

  /** Would a proposal through this member be committed now? */
  canCommit(): boolean {
    const leader = this.leaderNode();
    return leader !== null && this.cluster.quorumBehind(leader);
  }

  /** It no longer gets what is committed; its log stays where it is. */
  fallBehind(): void {
    if (!this.synced) return;
    this.cluster.notePosition(this.id);
    this.synced = false;
  }

  /** The member's raft, for as long as its process runs. */
  *run(firstTimeoutMs: number | null): Sim<never> {
    let pendingMs = firstTimeoutMs;
    for (;;) {
      if (this.isLeader) yield* this.#lead();
      else if (this.followsLeader()) yield* this.#follow();
      else yield* this.#campaign(pendingMs);
      pendingMs = null;
    }
  }

  /** Hands leadership to a follower, as a leader that is told to stop does. */
  *handOver(): Sim<void> {
    if (!this.isLeader) return;
    const heir = this.cluster.voters
      .map(({ id }) => this.cluster.nodes.get(id))
      .find((node) => node !== undefined && node !== this && node.synced && node.leaderNode() === this);
    if (heir === undefined) return;
    yield* sleep(this.#world.draw('etcdCommit', this.prng));
    if (heir.leaderNode() === this) heir.#becomeLeader();
  }

  /** Takes over from a leader that asked for it (`etcdctl move-leader`). */
  takeOver(): void {
    this.#becomeLeader();
  }

  *#follow(): Sim<void> {
    if (!this.synced) yield* this.#catchUp();
    const leader = this.leaderNode();
    if (leader === null) {
      this.#noteLoss(null);
      return;
    }
    const rival = rivalOf(this);
    if (rival !== null) {
      this.#adopt(rival);
      return;
    }
    yield* waitFor([this.cluster.changed]);
    // It may have been told of the next leader meanwhile, or have become it.
    if (this.leaderNode() === null) this.#noteLoss(leader);
  }

  /** The election timer has run since the last heartbeat, which was sent at one of the leader's ticks. */
  #noteLoss(leader: EtcdNode | null): void {
    this.#timer.silentSince(this.#nowMs, leader?.leadElectedMs ?? this.leadElectedMs);
    this.fallBehind();
  }

  *#catchUp(): Sim<void> {
    const { cluster } = this;
    const lag = cluster.index - cluster.positionOf(this.id);
    const learning = !this.isVoter || cluster.positionOf(this.id) === 0;
    const ms = learning
      ? this.#world.draw('etcdLearnerSync', this.prng)
      : // Entries and their fsyncs come in batches: about ten thousand a second.
        Math.ceil(lag / 10) + this.#world.draw('etcdCommit', this.prng);
    const untilMs = this.#nowMs + ms;
    while (this.#nowMs < untilMs) {
      yield* waitFor([cluster.changed], untilMs - this.#nowMs);
      if (!this.followsLeader()) return;
    }
    this.synced = true;
    cluster.touch();
  }

  #adopt(leader: EtcdNode): void {
    if (this.lead === leader.id && this.term === leader.term) return;
    this.fallBehind();
    this.lead = leader.id;
    this.term = leader.term;
    this.leadSinceMs = this.#nowMs;
    this.leadElectedMs = leader.leadElectedMs;
    this.cluster.touch();
  }

  /** Heads the cluster until a rival of a later term is heard, or check-quorum finds nobody behind it. */
  *#lead(): Sim<void> {
    const rival = rivalOf(this);
    if (rival !== null) {
      this.#adopt(rival);
    } else if (!this.isVoter) {
      this.#stepDown();
    } else if (reachesQuorum(this)) {
      this.#commitHeldProposals();
      if (stallMs(this) > 0) yield* stall(this);
      else yield* waitFor([this.cluster.changed]);
    } else {
      yield* this.#checkQuorum();
    }
  }

  /** Followers count as active until the first check after they fell silent; the second one finds out. */
  *#checkQuorum(): Sim<void> {
    const checks = Math.floor((this.#nowMs - this.leadElectedMs) / this.electionMs) + 2;
    const dueMs = this.leadElectedMs + checks * this.electionMs;
    while (this.#nowMs < dueMs) {
      yield* waitFor([this.cluster.changed], dueMs - this.#nowMs);
      if (!this.isLeader || reachesQuorum(this)) return;
    }
    this.#stepDown();
  }

  #stepDown(): void {
    this.lead = null;
    this.#timer.heard(this.#nowMs);
    this.fallBehind();
    this.#world.emit(this.machine.name, 'etcd', 'leader lost its quorum', { member: this.name });
    this.cluster.touch();
  }

  *#campaign(firstTimeoutMs: number | null): Sim<void> {
    const { cluster } = this;
    let dueMs = this.#timer.dueMs(firstTimeoutMs);
    while (this.lead === null || !this.followsLeader()) {
      const leader = visibleLeader(this);
      if (leader !== null) {
        yield* sleep(this.prng.int(1, this.heartbeatMs)); // Until its next heartbeat arrives.
        if (visibleLeader(this) === leader) this.#adopt(leader);
      } else if (this.#nowMs < dueMs) {
        yield* waitFor([cluster.changed], dueMs - this.#nowMs);
      } else {
        dueMs = yield* this.#stand();
      }
    }
  }

  /** The election timer has run out. Returns when it runs out the next time, if this election is not won. */
  *#stand(): Sim<number> {
    this.#forgetLeader();
    if (!couldWin(this)) {
      while (!couldWin(this) && visibleLeader(this) === null) yield* waitFor([this.cluster.changed]);
      // The timer went round meanwhile; what is left of the current round is anything up to a whole one.
      return this.#nowMs + this.prng.int(1, this.#timer.draw());
    }
    yield* sleep(this.#world.draw('etcdCommit', this.prng) + slowVoteMs(this));
    if (couldWin(this) && visibleLeader(this) === null) this.#becomeLeader();
    return this.#nowMs + this.#timer.draw();
  }

  #forgetLeader(): void {
    if (this.lead === null) return;
    this.lead = null;
    this.cluster.changed.fire();
  }

  #becomeLeader(): void {
    const { cluster } = this;
    for (const node of cluster.nodes.values()) if (!cluster.connected(this.id, node.id)) node.fallBehind();
    cluster.term += 1;
    cluster.index += 1;
    const nowMs = this.#nowMs;
    for (const node of cluster.nodes.values())
      if (cluster.connected(this.id, node.id)) node.#followNewLeader(this, nowMs);
    this.#world.emit(this.machine.name, 'etcd', 'leader elected', { member: this.name, term: cluster.term });
    // What only the old leader had written is gone; what had reached the others is committed with the new term.
    const kept = cluster.proposals.list.filter(
      (proposal) => proposal.replicated || cluster.proposals.leader === this.id,
    );
    cluster.proposals = { leader: this.id, list: kept };
    cluster.touch();
  }

  #followNewLeader(leader: EtcdNode, nowMs: number): void {
    const upToDate = this.cluster.positionOf(this.id) >= this.cluster.index - 1;
    this.lead = leader.id;
    this.term = this.cluster.term;
    this.leadSinceMs = nowMs;
    this.leadElectedMs = nowMs;
    if (this === leader || upToDate) this.synced = true;
  }

  #commitHeldProposals(): void {
    const { cluster } = this;
    if (cluster.proposals.leader !== this.id || !cluster.quorumBehind(this)) return;
    for (const proposal of cluster.proposals.list.splice(0)) proposal.run();
  }

  get #world(): EtcdCluster['world'] {
    return this.cluster.world;
  }

  get #nowMs(): number {
    return this.cluster.world.nowMs;
  }
}
