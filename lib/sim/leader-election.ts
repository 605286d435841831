/**
 * client-go's leader election over a Lease, with its rules: a record counts as fresh from the moment *this*
 * process first saw it, candidates try every retry period times 1 to 2.2, a leader gives up when a renewal has
 * not succeeded within the renew deadline. While a Lease is renewed undisturbed nothing is scheduled; what the
 * skipped polls would have seen is computed when that ends.
 */
import type { Prng } from '../base/prng.js';
import { must } from '../base/errors.js';
import { isNotFound, type ApiClient, type ApiOutcome } from './api-client.js';
import { keepRenewing, whileRenewed } from './api/watch.js';
import { labTime } from './lab-time.js';
import { leasePath, microTime } from './lease.js';
import type { KubeObject } from './objects.js';
import type { Process } from './process.js';
import { join, sleep, waitFor, type Sim } from './task.js';
import { mapAt, numberAt, textAt } from './tree.js';

export interface ElectionOptions {
  readonly client: ApiClient;
  readonly process: Process;
  readonly namespace: string;
  readonly name: string;
  readonly identity: string;
  readonly leaseMs: number;
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
  /** Time limit of one request. */
  readonly requestTimeoutMs: number;
  readonly prng: Prng;
  /** Where klog's lines go, with the line of client-go's leaderelection.go that says them in Kubernetes 1.32. */
  readonly log: (level: 'I' | 'E', line: number, text: string) => void;
}

interface Observed {
  readonly renewMs: number | null;
  readonly holder: string;
  readonly leaseMs: number;
  readonly seenMs: number;
}

/** client-go's JitterFactor: a candidate waits between 1 and 2.2 retry periods. */
const JITTER_PERMILLE = 1_200;
/** Polls reckoned back from when a Lease went stale, enough to forget where they began. */
const RECKONED_POLLS = 12;

export class LeaderElector {
  /** True between winning and losing the Lease. */
  leading = false;
  readonly #options: ElectionOptions;
  #observed: Observed | null = null;
  #object: KubeObject | null = null;

  constructor(options: ElectionOptions) {
    this.#options = options;
  }

  get #nowMs(): number {
    return this.#options.process.machine.world.nowMs;
  }

  get #path(): string {
    return leasePath(this.#options.namespace, this.#options.name);
  }

  get #label(): string {
    return `${this.#options.namespace}/${this.#options.name}`;
  }

  /** Returns once this process holds the Lease. */
  *acquire(): Sim<void> {
    this.#options.log('I', 257, `attempting to acquire leader lease ${this.#label}...`);
    while (!(yield* this.#tryOnce())) {
      if (!(yield* this.#followHolder())) yield* sleep(this.#pollMs());
    }
    this.leading = true;
    this.#options.log('I', 271, `successfully acquired lease ${this.#label}`);
  }

  /** Renews until that fails for the whole renew deadline; returns when the Lease is lost. */
  *renew(): Sim<void> {
    const { client, retryMs, renewDeadlineMs } = this.#options;
    for (;;) {
      const object = must(this.#object, 'a leader renews what it has written');
      const sinceMs = this.#nowMs;
      const spec = { ...mapAt(object, 'spec'), renewTime: this.#date() };
      yield* keepRenewing(client, this.#path, { ...object, spec }, retryMs, this.#options.process);
      // Renewed at every tick until the way to do so was gone.
      const ticks = Math.floor((this.#nowMs - sinceMs) / retryMs);
      yield* sleep(sinceMs + (ticks + 1) * retryMs - this.#nowMs);
      if (yield* this.#renewBy(this.#nowMs + renewDeadlineMs)) continue;
      this.leading = false;
      this.#options.log('I', 297, `failed to renew lease ${this.#label}: context deadline exceeded`);
      return;
    }
  }

  /** Gives the Lease up so that others need not wait for it to expire. False when that could not be told in time. */
  *release(timeoutMs: number): Sim<boolean> {
    const { client, identity } = this.#options;
    const deadlineMs = this.#nowMs + timeoutMs;
    const known = yield* client.request('GET', this.#path, undefined, timeoutMs);
    if (known.kind !== 'ok') return false;
    const object = known.body as KubeObject;
    if (textAt(object, 'spec', 'holderIdentity') !== identity) return true;
    const body = { ...object, spec: { ...mapAt(object, 'spec'), ...this.#spec(object, 1, '') } };
    return (yield* client.request('PUT', this.#path, body, deadlineMs - this.#nowMs)).kind === 'ok';
  }

  /** One cycle of a leader: tries until one renewal succeeds or the deadline is over. */
  *#renewBy(deadlineMs: number): Sim<boolean> {
    const { process, retryMs } = this.#options;
    const { scheduler } = process.machine.world;
    while (this.#nowMs < deadlineMs) {
      const startMs = this.#nowMs;
      // The deadline ends a request that hangs, so it must not be waited for in this task.
      const attempt = scheduler.spawn(process.group, `renew ${this.#label}`, this.#tryOnce());
      if (attempt.state === 'running') yield* waitFor([attempt.ended], deadlineMs - this.#nowMs);
      if (attempt.state === 'running') attempt.kill();
      else if (yield* join(attempt)) return true;
      const nextMs = Math.min(deadlineMs, startMs + retryMs);
      yield* sleep(nextMs - this.#nowMs);
    }
    return false;
  }

  /** tryAcquireOrRenew. */
  *#tryOnce(): Sim<boolean> {
    const { client, identity, requestTimeoutMs } = this.#options;
    const known = yield* client.request('GET', this.#path, undefined, requestTimeoutMs);
    if (isNotFound(known)) return yield* this.#create();
    if (known.kind !== 'ok') {
      this.#options.log('E', 436, `error retrieving resource lock ${this.#label}: ${explain(known)}`);
      return false;
    }
    const object = known.body as KubeObject;
    this.#observe(object);
    const holder = textAt(object, 'spec', 'holderIdentity') ?? '';
    if (holder !== '' && holder !== identity && !this.#expired()) return false;
    const durationSeconds = Math.round(this.#options.leaseMs / 1_000);
    const spec = { ...mapAt(object, 'spec'), ...this.#spec(object, durationSeconds, identity) };
    const answer = yield* client.request('PUT', this.#path, { ...object, spec }, requestTimeoutMs);
    if (answer.kind !== 'ok') {
      this.#options.log('E', 472, `Failed to update lock: ${explain(answer)}`);
      return false;
    }
    this.#held(answer.body as KubeObject);
    return true;
  }

  *#create(): Sim<boolean> {
    const { client, namespace, name, identity, leaseMs, requestTimeoutMs } = this.#options;
    const now = this.#date();
    const body = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace },
      spec: {
        ...{ holderIdentity: identity, leaseDurationSeconds: Math.round(leaseMs / 1_000) },
        ...{ acquireTime: now, renewTime: now, leaseTransitions: 0 },
      },
    };
    const answer = yield* client.request('POST', leasePath(namespace), body, requestTimeoutMs);
    if (answer.kind !== 'ok') {
      this.#options.log('E', 440, `error initially creating leader election record: ${explain(answer)}`);
      return false;
    }
    this.#held(answer.body as KubeObject);
    return true;
  }

  #spec(object: KubeObject, durationSeconds: number, holder: string): Record<string, unknown> {
    const before = textAt(object, 'spec', 'holderIdentity') ?? '';
    const transitions = numberAt(object, 'spec', 'leaseTransitions') ?? 0;
    const mine = before === this.#options.identity;
    return {
      holderIdentity: holder,
      leaseDurationSeconds: durationSeconds,
      renewTime: this.#date(),
      acquireTime: mine ? textAt(object, 'spec', 'acquireTime') : this.#date(),
      leaseTransitions: mine ? transitions : transitions + 1,
    };
  }

  #date(): string {
    return microTime(this.#options.process.machine);
  }

  #held(object: KubeObject): void {
    this.#object = object;
    this.#observe(object);
  }

  #observe(object: KubeObject, seenMs = this.#nowMs): void {
    const holder = textAt(object, 'spec', 'holderIdentity') ?? '';
    const renewMs = labTime(textAt(object, 'spec', 'renewTime') ?? '');
    if (this.#observed?.holder === holder && this.#observed.renewMs === renewMs) return;
    const leaseMs = (numberAt(object, 'spec', 'leaseDurationSeconds') ?? 0) * 1_000;
    this.#observed = { renewMs, holder, leaseMs, seenMs };
  }

  #expired(): boolean {
    const observed = this.#observed;
    return observed === null || observed.seenMs + observed.leaseMs <= this.#nowMs;
  }

  #pollMs(): number {
    const { retryMs, prng } = this.#options;
    return retryMs + Math.round((retryMs * prng.int(0, JITTER_PERMILLE)) / 1_000);
  }

  /**
   * Parks while the holder renews. Afterwards works out when this candidate's poll saw the last renewal, which is
   * when the Lease's time began to run for it, and waits for the first poll that is still to come. False when
   * nobody renews, so that nothing was waited for.
   */
  *#followHolder(): Sim<boolean> {
    const { client, retryMs, prng } = this.#options;
    const parkedMs = this.#nowMs;
    const left = yield* whileRenewed(client, this.#path);
    const object = left.kind === 'ok' ? (left.body as KubeObject) : null;
    const renewMs = labTime(textAt(object, 'spec', 'renewTime') ?? '');
    if (object === null || renewMs === null || renewMs <= (this.#observed?.renewMs ?? 0)) return false;
    const renewedMs = renewMs - (numberAt(object, 'skewMs') ?? 0);
    let pollMs = Math.max(parkedMs, renewedMs - RECKONED_POLLS * retryMs) + prng.int(0, 2 * retryMs);
    while (pollMs < renewedMs) pollMs += this.#pollMs();
    if (pollMs <= this.#nowMs) this.#observe(object, pollMs);
    while (pollMs <= this.#nowMs) pollMs += this.#pollMs();
    yield* sleep(pollMs - this.#nowMs);
    return true;
  }
}

function explain(outcome: ApiOutcome): string {
  if (outcome.kind === 'error') return outcome.status.message;
  if (outcome.kind === 'ok') return 'ok';
  return outcome.kind === 'refused'
    ? `dial tcp ${outcome.server}: connect: connection refused`
    : outcome.kind;
}
