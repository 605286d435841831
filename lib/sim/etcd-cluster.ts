/**
 * One etcd cluster: its members, what it has committed, and who of the members runs and hears whom. Each running
 * member is an `EtcdNode` (etcd-node.ts); membership rules are in etcd-membership.ts. Everybody who depends on
 * the cluster waits for `changed`, which fires only when something of this changes, so a quiet cluster is free.
 */
import type { Prng } from '../base/prng.js';
import { sha256Hex } from '../base/digest.js';
import { quorumSize } from '../model/quorum.js';
import { KeySpace } from './etcd-keyspace.js';
import type { EtcdNode } from './etcd-node.js';
import { DatabaseSize } from './etcd-size.js';
import type { KubeObject } from './objects.js';
import { isInTime } from './pki.js';
import { Signal, waitFor, type Sim } from './task.js';
import type { World } from './world.js';

/** A member of the cluster as its configuration has it; `id` as 16 hex digits at most, without leading zeros. */
export interface EtcdMember {
  readonly id: string;
  /** Empty until the member has started for the first time. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** Where members find one another, for the firewalls between them; kubeadm leaves it as it is. */
const PEER_PORT = 2380;

export interface EtcdAlarm {
  readonly memberId: string;
  readonly alarm: 'NOSPACE' | 'CORRUPT';
}

/** A change in the log of a leader that is not committed. */
export interface Proposal {
  /** It reached the followers before the leader was lost, so that the next leader commits it. */
  readonly replicated: boolean;
  readonly run: () => void;
}

export class EtcdCluster {
  /** What data directories name: the same addresses may bootstrap again under the same `clusterId`. */
  readonly key: string;
  readonly clusterId: string;
  readonly world: World;
  readonly space: KeySpace;
  readonly size: DatabaseSize;
  /** By id, in order of ids as etcd lists them. */
  #members: readonly EtcdMember[];
  readonly removed = new Set<string>();
  /** When the log file of a member on a full disk is written to its end. */
  readonly logEnds = new Map<string, number>();
  readonly nodes = new Map<string, EtcdNode>();
  /** Raft terms and log length so far. */
  term = 1;
  index = 0;
  /** How much of the log is on the disk of a member that is not in sync now. */
  readonly #positions = new Map<string, number>();
  /** `a b` → since when the running members a and b have a connection. */
  readonly #links = new Map<string, number>();
  /** Fires when members, leader or connections changed. */
  readonly changed: Signal;
  /** Proposals that are not committed, and the leader that has them in its log. */
  proposals: { readonly leader: string; readonly list: Proposal[] } = { leader: '', list: [] };
  #alarms: readonly EtcdAlarm[] = [];
  /** Members whose restored data has not been started from yet. */
  readonly restored = new Set<string>();

  constructor(world: World, key: string, clusterId: string, members: readonly EtcdMember[]) {
    this.world = world;
    this.key = key;
    this.clusterId = clusterId;
    this.space = new KeySpace(
      () => world.nowMs,
      (object, lastMs) => withRenewTime(object, microTime(world, lastMs)),
    );
    this.size = new DatabaseSize(this.space);
    this.changed = new Signal(`etcd cluster ${clusterId}`);
    this.#members = [...members].sort(byId);
    world.scheduler.spawn(world.group, `etcd ${clusterId}: connections`, this.#watchConnections());
  }

  get alarms(): readonly EtcdAlarm[] {
    return this.#alarms;
  }

  /** An alarm of one member concerns the whole cluster: while NOSPACE is on, nothing can be put anywhere. */
  setAlarms(alarms: readonly EtcdAlarm[]): void {
    this.#alarms = alarms;
    this.space.capped = alarms.some(({ alarm }) => alarm === 'NOSPACE');
    this.touch();
  }

  get members(): readonly EtcdMember[] {
    return this.#members;
  }

  get voters(): readonly EtcdMember[] {
    return this.#members.filter((member) => !member.isLearner);
  }

  get learners(): readonly EtcdMember[] {
    return this.#members.filter((member) => member.isLearner);
  }

  member(id: string): EtcdMember | null {
    return this.#members.find((member) => member.id === id) ?? null;
  }

  setMember(member: EtcdMember): void {
    this.#members = [...this.#members.filter((other) => other.id !== member.id), member].sort(byId);
    this.touch();
  }

  removeMember(id: string): void {
    this.#members = this.#members.filter((member) => member.id !== id);
    this.removed.add(id);
    this.touch();
  }

  /** A member's process came up with its data directory. */
  attach(node: EtcdNode): void {
    this.nodes.set(node.id, node);
    this.touch();
  }

  detach(node: EtcdNode): void {
    if (this.nodes.get(node.id) !== node) return;
    node.fallBehind();
    this.nodes.delete(node.id);
    this.touch();
  }

  /** How far a member's log reaches. */
  positionOf(id: string): number {
    return this.nodes.get(id)?.synced === true ? this.index : (this.#positions.get(id) ?? 0);
  }

  notePosition(id: string): void {
    this.#positions.set(id, this.index);
  }

  connected(a: string, b: string): boolean {
    return a === b || this.#links.has(linkName(a, b));
  }

  /** Since when two running members have a connection; null when they have none. */
  connectedSince(a: string, b: string): number | null {
    return this.#links.get(linkName(a, b)) ?? null;
  }

  /** The leader that can commit now, or null. */
  effectiveLeader(): EtcdNode | null {
    for (const node of this.nodes.values()) if (node.isLeader && this.quorumBehind(node)) return node;
    return null;
  }

  /** Does a leader have a quorum of voters that are connected to it and hold all of its log? */
  quorumBehind(leader: EtcdNode): boolean {
    const voters = this.voters;
    const acknowledging = voters.filter(
      ({ id }) => this.connected(leader.id, id) && this.nodes.get(id)?.synced === true,
    );
    return acknowledging.length >= quorumSize(voters.length);
  }

  /** How long a leader waits for shaped cards until a quorum has answered. */
  latenessOf(leader: EtcdNode): number {
    const others = this.voters.filter(({ id }) => id !== leader.id && this.connected(leader.id, id));
    const late = others.map(({ id }) => {
      const node = this.nodes.get(id);
      return node === undefined ? 0 : this.world.network.lateness(leader.machine, node.machine);
    });
    const needed = quorumSize(this.voters.length) - 1;
    return needed === 0 ? 0 : (late.sort((a, b) => a - b)[needed - 1] ?? 0);
  }

  /** Recomputes connections and tells everybody who waits. */
  touch(): void {
    this.#connect();
    this.changed.fire();
  }

  #connect(): boolean {
    const nodes = [...this.nodes.values()];
    const { network, nowMs } = this.world;
    const before = this.#links.size;
    let changed = false;
    const linked = new Set<string>();
    for (const [index, a] of nodes.entries()) {
      for (const b of nodes.slice(index + 1)) {
        if (!network.converse(a.machine, b.machine, PEER_PORT) || a.peerAuthority !== b.peerAuthority)
          continue;
        const name = linkName(a.id, b.id);
        if (a.process.stopped || b.process.stopped) continue;
        // Certificates are only looked at when a connection is made.
        if (!this.#links.has(name) && !trustEachOther(a, b)) continue;
        linked.add(name);
        if (this.#links.has(name)) continue;
        this.#links.set(name, nowMs);
        changed = true;
      }
    }
    for (const name of [...this.#links.keys()]) if (!linked.has(name)) this.#links.delete(name);
    if (!changed && before === this.#links.size) return false;
    for (const node of nodes) if (node.synced && !node.isLeader && !node.followsLeader()) node.fallBehind();
    return true;
  }

  *#watchConnections(): Sim<never> {
    for (;;) {
      yield* waitFor([this.world.network.changed]);
      if (this.nodes.size > 0 && this.#connect()) this.changed.fire();
    }
  }
}

/** etcd derives ids from the initial member list, so that all initial members agree on them. */
export function memberIdOf(peerUrls: readonly string[], salt: string): string {
  return trimId(sha256Hex(`${[...peerUrls].sort().join('')}${salt}`).slice(0, 16));
}

export function clusterIdOf(memberIds: readonly string[]): string {
  return trimId(sha256Hex([...memberIds].sort().join('')).slice(0, 16));
}

/** An id as the JSON outputs have it. It does not fit a floating-point number, so it stays text. */
export function decimalId(id: string): string {
  return BigInt(`0x${id}`).toString();
}

/** A member added at run time gets an id that depends on the moment too. */
export function newMemberId(peerUrls: readonly string[], prng: Prng): string {
  return memberIdOf(peerUrls, prng.hex(16));
}

/** A time as Leases have it, with microseconds. */
export function microTime(world: World, ms: number): string {
  return world.date(ms, true).replace(/Z$/, '000Z');
}

function withRenewTime(object: KubeObject, renewTime: string): KubeObject {
  return { ...object, spec: { ...(object['spec'] as object), renewTime } };
}

function trimId(hex: string): string {
  const trimmed = hex.replace(/^0+/, '');
  return trimmed === '' ? '1' : trimmed;
}

/** Each is shown the other's certificate, and judges it by its own clock. */
function trustEachOther(a: EtcdNode, b: EtcdNode): boolean {
  const accepts = (by: EtcdNode, { peerCertificate }: EtcdNode): boolean =>
    peerCertificate === null || isInTime(peerCertificate, by.machine.wallMs);
  return accepts(a, b) && accepts(b, a);
}

function linkName(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function byId(a: EtcdMember, b: EtcdMember): number {
  const left = BigInt(`0x${a.id}`);
  const right = BigInt(`0x${b.id}`);
  return left < right ? -1 : left > right ? 1 : 0;
}
