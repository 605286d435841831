/**
 * An API server's connection to its etcd member, as etcd's Go client keeps it: reconnects with back-off, repeats
 * reads until the request's time is over, never repeats a write.
 */
import type { EtcdNode } from './etcd-node.js';
import { DatabaseFull } from './etcd-keyspace.js';
import { ETCD_NO_SPACE, etcdFailure, propose, readIndex, type EtcdResult } from './etcd-requests.js';
import { isPrompt, slowReadMs } from './etcd-slow.js';
import { checkQuota } from './etcd-size.js';
import type { Machine } from './machine.js';
import { checkServer, type Certificate } from './pki.js';
import type { Process } from './process.js';
import type { Prng } from '../base/prng.js';
import { Signal, join, sleep, waitFor, type Sim } from './task.js';

export interface EtcdConnectionOptions {
  readonly machine: Machine;
  readonly process: Process;
  readonly prng: Prng;
  /** Address and port of each of `--etcd-servers`. */
  readonly endpoints: readonly { readonly host: string; readonly port: number }[];
  readonly authority: Certificate | null;
  readonly client: Certificate | null;
}

/** gRPC's connection back-off: a second, growing by 1.6, a fifth of jitter, at most two minutes. */
const FIRST_BACKOFF_MS = 1_000;
const LONGEST_BACKOFF_MS = 120_000;
/** The client repeats a read that failed because of the leader after this long. */
const READ_RETRY_MS = 25;

export class EtcdConnection {
  /** Fires when the connection was made or lost. */
  readonly changed: Signal;
  node: EtcdNode | null = null;
  readonly #options: EtcdConnectionOptions;

  constructor(options: EtcdConnectionOptions) {
    this.#options = options;
    this.changed = new Signal(`etcd connection of ${options.machine.name}`);
  }

  /** Can the member commit now? */
  get usable(): boolean {
    return this.node?.canCommit() === true && this.node.ready && this.node.synced;
  }

  /** Are requests served so quickly that many of them may be reckoned as one? See api/watch.ts. */
  get prompt(): boolean {
    return this.node === null || isPrompt(this.node);
  }

  /** Makes the connection, and makes it again whenever it was lost. */
  *keep(): Sim<never> {
    for (;;) {
      const node = yield* this.#dial();
      this.node = node;
      this.changed.fire();
      while (node.process.running) yield* waitFor([node.process.exited]);
      this.node = null;
      this.changed.fire();
    }
  }

  /** Waits until a linearizable read may be served. False when `deadlineMs` came first. */
  *readable(deadlineMs: number): Sim<boolean> {
    const { scheduler } = this.#options.machine.world;
    for (;;) {
      const { node } = this;
      const leftMs = deadlineMs - scheduler.nowMs;
      if (node !== null && this.usable) {
        const slowMs = slowReadMs(node);
        if (slowMs > 0) yield* sleep(Math.max(0, Math.min(slowMs, leftMs)));
        return slowMs <= leftMs;
      }
      if (leftMs <= 0) return false;
      if (node === null) yield* waitFor([this.changed], leftMs);
      else if (!node.ready) yield* waitFor([this.changed, node.cluster.changed], leftMs);
      else yield* this.#oneRead(node, leftMs);
    }
  }

  *#oneRead(node: EtcdNode, leftMs: number): Sim<void> {
    const { process, machine } = this.#options;
    const read = machine.world.scheduler.spawn(process.group, 'etcd read', readIndex(node));
    yield* waitFor([read.ended, node.process.exited], leftMs);
    read.kill();
    // An error of the leader's is repeated at once, a second one after a pause.
    if (read.result !== null && read.state === 'ended') yield* sleep(Math.min(READ_RETRY_MS, leftMs));
  }

  /** One write; `run` is called when it is committed. */
  *commit<T>(run: () => T): Sim<EtcdResult<T>> {
    const { node } = this;
    if (node === null) return etcdFailure(refusedText(this.#options.endpoints[0]));
    if (this.usable) return orFull(yield* propose(node, () => putUnlessFull(node, run)));
    const { process, machine } = this.#options;
    const proposal = propose(node, () => putUnlessFull(node, run));
    const write = machine.world.scheduler.spawn(process.group, 'etcd write', proposal);
    if (node.process.running) yield* waitFor([write.ended, node.process.exited]);
    if (write.state === 'running') {
      write.kill();
      return etcdFailure('rpc error: code = Unavailable desc = error reading from server: EOF');
    }
    const canceled = etcdFailure('rpc error: code = Canceled desc = context canceled');
    return orFull((yield* join(write)) ?? canceled);
  }

  *#dial(): Sim<EtcdNode> {
    const { machine, prng } = this.#options;
    const { scheduler } = machine.world;
    let attemptMs = scheduler.nowMs;
    let backoffMs = FIRST_BACKOFF_MS;
    for (;;) {
      const node = yield* this.#connect();
      if (node !== null) return node;
      yield* waitFor([machine.portsChanged]);
      while (attemptMs <= scheduler.nowMs) {
        attemptMs += Math.round((backoffMs * prng.int(80, 120)) / 100);
        backoffMs = Math.min(Math.round((backoffMs * 8) / 5), LONGEST_BACKOFF_MS);
      }
      yield* sleep(attemptMs - scheduler.nowMs);
    }
  }

  *#connect(): Sim<EtcdNode | null> {
    const { machine, endpoints, authority, client } = this.#options;
    for (const { host, port } of endpoints) {
      const listener = machine.listenerOn(host, port);
      if (listener === null) continue;
      const certificate = listener.certificate();
      if (certificate !== null && authority !== null)
        if (checkServer(certificate, authority, host, machine.wallMs) !== null) continue;
      const request = {
        method: 'POST',
        path: '/connect',
        ...(client === null ? {} : { clientCertificate: client }),
      };
      const answer = yield* listener.serve(request, machine);
      if (answer !== 'reset' && answer.status === 200) return answer.body as EtcdNode;
    }
    return null;
  }
}

/** Runs a change at the moment of its commit; null when it would put something and there is no space left. */
function putUnlessFull<T>(node: EtcdNode, run: () => T): { readonly value: T } | null {
  checkQuota(node);
  try {
    return { value: run() };
  } catch (error) {
    if (error instanceof DatabaseFull) return null;
    throw error;
  }
}

function orFull<T>(result: EtcdResult<{ readonly value: T } | null>): EtcdResult<T> {
  if (!result.ok) return result;
  return result.value === null ? etcdFailure(ETCD_NO_SPACE) : { ok: true, value: result.value.value };
}

function refusedText(endpoint: { readonly host: string; readonly port: number } | undefined): string {
  const address = endpoint === undefined ? '' : `${endpoint.host}:${endpoint.port}`;
  const dial = `transport: Error while dialing: dial tcp ${address}: connect: connection refused`;
  return `rpc error: code = Unavailable desc = connection error: desc = "${dial}"`;
}
