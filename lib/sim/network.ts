/**
 * The lab network: one Ethernet segment with ARP, and TCP exchanges over it. An address belongs to whoever
 * answers for it, caches go stale as Linux's do, and an announcement (gratuitous ARP) changes the entries that
 * exist. Bandwidth, MTU, IPv6 and routers are not modelled; the NAT card only carries image and package pulls.
 */
import type { Machine } from './machine.js';
import type { Stations } from './stations.js';
import { hangUp, Inbox, isLoopback, LATENCY_MS, outcomeOf, resumed, type Connection } from './connection.js';
import { isMute, passage, roundTripMs } from './passage.js';
import { Signal, sleep, waitFor, type Scheduler, type Sim } from './task.js';
import type { Outcome, Request } from './wire.js';
import type { Prng } from '../base/prng.js';

export type { ArpEntry, Listener, Nic, Outcome, Request, Response } from './wire.js';

/** Linux: an entry is trusted for about 30 s, then used for 5 s more, then probed three times a second apart. */
const REACHABLE_MS = 30_000;
const DELAY_PROBE_MS = 5_000;
/** Three broadcast probes, a second apart, and then "No route to host". */
const RESOLVE_FAILS_MS = 3_000;
/** Go's HTTP/2 client pings after 30 s without a frame and gives up 15 s later. */
const SILENCE_MS = 45_000;
/** A lost SYN is sent again after a second, then after twice as long each time; an address may answer by then. */
const SYN_AGAIN_MS = 1_000;

export class Network {
  readonly interfaceName: string;
  /** Fires when power, cables or addresses changed, so that those who gave up looking look again. */
  readonly changed = new Signal('network changed');
  readonly #scheduler: Scheduler;
  readonly #prng: Prng;
  readonly #stations: Stations;
  readonly #late: Prng;
  /** Pairs of machine names, sorted, that cannot hear each other. */
  readonly #separated = new Set<string>();

  constructor(options: { scheduler: Scheduler; prng: Prng; interfaceName: string; stations: Stations }) {
    this.#scheduler = options.scheduler;
    this.#prng = options.prng;
    this.#late = options.prng.fork('shaping');
    this.interfaceName = options.interfaceName;
    this.#stations = options.stations;
  }

  addAddress(machine: Machine, address: string, prefixLength: number): boolean {
    if (machine.labNic.addresses.has(address)) return false;
    machine.labNic.addresses.set(address, prefixLength);
    this.changed.fire();
    return true;
  }

  removeAddress(machine: Machine, address: string): boolean {
    const removed = machine.labNic.addresses.delete(address);
    if (removed) {
      machine.reachChanged.fire();
      this.changed.fire();
    }
    return removed;
  }

  setLink(machine: Machine, linked: boolean): void {
    machine.labNic.linked = linked;
    machine.reachChanged.fire();
    this.changed.fire();
  }

  /** Separates or rejoins two machines on the segment. */
  separate(a: Machine, b: Machine, separated: boolean): void {
    const pair = [a.name, b.name].sort().join(' ');
    if (separated) this.#separated.add(pair);
    else this.#separated.delete(pair);
    a.reachChanged.fire();
    b.reachChanged.fire();
    this.changed.fire();
  }

  /** Can frames from one machine reach the other's kernel? A suspended machine does not answer. */
  hears(from: Machine, to: Machine): boolean {
    if (from === to) return from.answersNetwork;
    if (!from.answersNetwork || !to.answersNetwork || !from.labNic.linked || !to.labNic.linked) return false;
    if (isMute(from) || isMute(to)) return false;
    return this.#separated.size === 0 || !this.#separated.has([from.name, to.name].sort().join(' '));
  }

  /** Can the two talk to each other on this port, whoever of them began? */
  converse(a: Machine, b: Machine, port: number): boolean {
    if (!this.hears(a, b)) return false;
    if (a.firewall.isOpen && b.firewall.isOpen) return true;
    const ways = [
      { from: a, to: b, address: b.options.address, port },
      { from: b, to: a, address: a.options.address, port },
    ];
    return ways.every((way) => passage(way) === 'ACCEPT');
  }

  /** By how much an exchange between the two is late because of shaped cards. */
  lateness(from: Machine, to: Machine): number {
    return roundTripMs(from, to, this.#late);
  }

  /** Machines whose kernel answers for `address` now, as seen from `from`. */
  owners(from: Machine, address: string): Machine[] {
    return [...this.#stations].filter(
      (machine) => machine.labNic.addresses.has(address) && this.hears(from, machine),
    );
  }

  /** Announces an address: whoever has an entry for it, and hears this, now points at the announcer. */
  announce(from: Machine, address: string): void {
    for (const machine of this.#stations) {
      const entry = machine.arp.get(address);
      if (entry === undefined || machine === from || !this.hears(from, machine)) continue;
      entry.mac = from.labNic.mac;
      entry.confirmedMs = this.#scheduler.nowMs;
      entry.probeDueMs = null;
    }
  }

  /** Who gets a frame for `address`: null is "No route to host", 'silent' a cached one that no longer answers. */
  *resolve(from: Machine, address: string): Sim<Machine | 'silent' | null> {
    if (isLoopback(address) || from.hasAddress(address)) return from;
    const cached = this.#cached(from, address);
    if (cached !== null) return cached;
    const owners = this.owners(from, address);
    if (owners.length === 0) {
      yield* sleep(RESOLVE_FAILS_MS);
      if (this.owners(from, address).length === 0) return null;
      return yield* this.resolve(from, address);
    }
    const owner = owners.length === 1 ? (owners[0] as Machine) : this.#prng.pick(owners);
    from.arp.set(address, { mac: owner.labNic.mac, confirmedMs: this.#scheduler.nowMs, probeDueMs: null });
    yield* sleep(LATENCY_MS);
    return owner;
  }

  #cached(from: Machine, address: string): Machine | 'silent' | null {
    const entry = from.arp.get(address);
    if (entry === undefined) return null;
    const nowMs = this.#scheduler.nowMs;
    const owner = this.#stations.byMac(entry.mac);
    const answers = owner !== null && owner.labNic.addresses.has(address) && this.hears(from, owner);
    if (answers) {
      entry.confirmedMs = nowMs;
      entry.probeDueMs = null;
      return owner;
    }
    if (nowMs - entry.confirmedMs < REACHABLE_MS) return 'silent';
    entry.probeDueMs ??= nowMs + DELAY_PROBE_MS;
    if (nowMs < entry.probeDueMs) return 'silent';
    from.arp.delete(address);
    return null;
  }

  /** One echo request. The round trip in ms, or null when no answer came within `timeoutMs`. */
  *ping(from: Machine, address: string, timeoutMs: number): Sim<number | null> {
    const startMs = this.#scheduler.nowMs;
    const target = yield* this.resolve(from, address);
    const heard = target !== null && target !== 'silent' && this.hears(from, target);
    const lateMs = heard ? this.lateness(from, target) : 0;
    if (
      heard &&
      passage({ from, to: target, address, port: null }) === 'ACCEPT' &&
      LATENCY_MS + lateMs <= timeoutMs
    ) {
      yield* sleep(LATENCY_MS + lateMs);
      return this.#scheduler.nowMs - startMs;
    }
    yield* sleep(Math.max(0, startMs + timeoutMs - this.#scheduler.nowMs));
    return null;
  }

  /**
   * Sends one request and waits for its answer, for `timeoutMs` at most or Infinity. `host` may be a name from the
   * machine's hosts file. A silent address is given up after `dialTimeoutMs`, a connection that fell silent after
   * the pings of HTTP/2; both end sooner when `timeoutMs` is over.
   */
  *exchange(
    from: Machine,
    host: string,
    port: number,
    request: Request,
    timeoutMs: number,
    dialTimeoutMs = timeoutMs,
  ): Sim<Outcome> {
    const startMs = this.#scheduler.nowMs;
    const connection = yield* this.#connect(from, host, port, startMs + Math.min(dialTimeoutMs, timeoutMs));
    if ('kind' in connection) return connection;
    return yield* this.#converse(from, connection, request, startMs + timeoutMs);
  }

  /**
   * An exchange that stays open without limit, such as a watch. The server's side is ended when the client ends,
   * is suspended or can no longer be heard. The client sees 'reset' when the server closed the connection, and
   * 'timeout' `silenceMs` after it fell silent, which is when the pings of HTTP/2 give up. What the server pushes
   * meanwhile goes to `receive`, which must not wait; when it answers true the client has seen enough, and the
   * outcome is null.
   */
  *stream(
    from: Machine,
    host: string,
    port: number,
    request: Request,
    dialTimeoutMs: number,
    silenceMs: number,
    receive?: (body: unknown) => boolean,
  ): Sim<Outcome | null> {
    const connection = yield* this.#connect(from, host, port, this.#scheduler.nowMs + dialTimeoutMs);
    if ('kind' in connection) return connection;
    const { listener } = connection;
    const { connected, reach } = this.#link(from, connection);
    const { group } = listener.process;
    const inbox = new Inbox(this.#scheduler, receive ?? null, connected);
    const sent = receive === undefined ? request : { ...request, push: inbox.push };
    const answer = this.#scheduler.spawn(group, request.path, listener.serve(sent, from));
    this.#scheduler.spawn(group, `hang-up of ${request.path}`, hangUp(answer, reach, connected));
    try {
      while (answer.state === 'running' && connected()) {
        yield* waitFor([answer.ended, inbox.closed, ...reach]);
        if (inbox.isClosed) return null;
      }
      if (!connected()) {
        yield* sleep(silenceMs);
        return { kind: 'timeout' };
      }
    } finally {
      inbox.close();
      answer.kill();
    }
    yield* sleep(LATENCY_MS);
    return outcomeOf(answer.result, listener);
  }

  /** Resolves the address and opens the connection, or says why there is none. */
  *#connect(from: Machine, host: string, port: number, deadlineMs: number): Sim<Connection | Outcome> {
    const address = from.lookup(host);
    if (address === null) return { kind: 'no-host' };
    for (let pauseMs = SYN_AGAIN_MS; ; pauseMs *= 2) {
      const target: Machine | 'silent' | null = yield* this.resolve(from, address);
      if (target === null) return { kind: 'no-route' };
      const reached =
        target !== 'silent' && this.hears(from, target) && (target === from || target.hasAddress(address));
      const verdict = reached ? passage({ from, to: target, address, port }) : 'DROP';
      const lateMs = LATENCY_MS + (reached ? this.lateness(from, target) : 0);
      const leftMs = Math.max(0, deadlineMs - this.#scheduler.nowMs);
      if (reached && verdict !== 'DROP' && lateMs <= Math.max(leftMs, LATENCY_MS)) {
        yield* sleep(lateMs);
        const listener = verdict === 'REJECT' ? null : target.listenerOn(address, port);
        return listener === null ? { kind: 'refused' } : { target, address, listener };
      }
      yield* sleep(Math.min(leftMs, pauseMs));
      if (leftMs <= pauseMs) return { kind: 'dial-timeout' };
    }
  }

  /** Whether a connection still holds, and what tells that it may not. */
  #link(from: Machine, connection: Connection): { connected: () => boolean; reach: Signal[] } {
    const { target, address, listener } = connection;
    const way = { from, to: target, address, port: listener.port };
    return {
      connected: () =>
        this.hears(from, target) &&
        !listener.process.stopped &&
        (target === from || target.hasAddress(address)) &&
        passage(way) === 'ACCEPT',
      reach: from === target ? [target.reachChanged] : [from.reachChanged, target.reachChanged],
    };
  }

  *#converse(from: Machine, connection: Connection, request: Request, deadlineMs: number): Sim<Outcome> {
    const { listener } = connection;
    const { connected, reach } = this.#link(from, connection);
    const name = `${request.method} ${request.path}`;
    const answer = this.#scheduler.spawn(listener.process.group, name, listener.serve(request, from));
    while (answer.state === 'running' || !connected()) {
      const leftMs = deadlineMs - this.#scheduler.nowMs;
      if (leftMs <= 0) return { kind: 'timeout' };
      if (connected()) yield* waitFor([answer.ended, ...reach], leftMs === Infinity ? null : leftMs);
      else if (!(yield* resumed(connected, Math.min(leftMs, SILENCE_MS)))) return { kind: 'timeout' };
    }
    const lateMs = LATENCY_MS + this.lateness(from, connection.target);
    const leftMs = deadlineMs - this.#scheduler.nowMs;
    if (lateMs > Math.max(leftMs, LATENCY_MS)) {
      yield* sleep(leftMs);
      return { kind: 'timeout' };
    }
    yield* sleep(lateMs);
    return outcomeOf(answer.result, listener);
  }
}
