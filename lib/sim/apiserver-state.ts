/** What one kube-apiserver knows while it runs. The objects themselves are in etcd's key space. */
import type { Prng } from '../base/prng.js';
import { must } from '../base/errors.js';
import { Authorizer } from './api/authz.js';
import { Credentials } from './api/credentials.js';
import type { EtcdConnection } from './apiserver-etcd.js';
import type { KeySpace } from './etcd-keyspace.js';
import type { Machine } from './machine.js';
import type { Certificate } from './pki.js';
import type { Process } from './process.js';
import { Signal } from './task.js';
import { textAt } from './tree.js';
import type { World } from './world.js';

/**
 * `forbidden`: TLS is up, RBAC is not loaded, everybody but system:masters gets 403. `hooks`: usable, but the
 * post-start hooks are not through, so /livez says 500. `stopping`: told to end.
 */
export type ApiServerPhase = 'forbidden' | 'hooks' | 'ready' | 'stopping';

export interface ApiServerOptions {
  readonly machine: Machine;
  readonly process: Process;
  readonly prng: Prng;
  readonly etcd: EtcdConnection;
  readonly version: string;
  readonly advertiseAddress: string;
  readonly securePort: number;
  readonly serviceRange: string;
  readonly serving: Certificate;
  readonly clientAuthority: Certificate | null;
  /** What it shows to kubelets; null without --kubelet-client-certificate. */
  readonly kubeletClient: Certificate | null;
  readonly serviceAccountKey: string | null;
  readonly anonymous: boolean;
}

export class ApiServer {
  readonly options: ApiServerOptions;
  readonly world: World;
  readonly prng: Prng;
  readonly etcd: EtcdConnection;
  /** Fires when /livez or /readyz may answer differently, and when etcd became usable or unusable. */
  readonly healthChanged: Signal;
  /** Fires when etcd has had no leader for so long that the watches are broken. */
  readonly watchesBroken: Signal;
  /** When client certificates that are in use end. */
  readonly credentials: Credentials;
  phase: ApiServerPhase = 'forbidden';
  #authorizer: { readonly space: KeySpace; readonly by: Authorizer } | null = null;

  constructor(options: ApiServerOptions) {
    this.options = options;
    this.world = options.machine.world;
    this.prng = options.prng;
    this.etcd = options.etcd;
    this.healthChanged = new Signal(`health of the API server on ${options.machine.name}`);
    this.credentials = new Credentials(options.machine);
    this.watchesBroken = new Signal(`watches of the API server on ${options.machine.name}`);
  }

  get nowMs(): number {
    return this.world.nowMs;
  }

  /** What the clock of its machine says. */
  get wallMs(): number {
    return this.options.machine.wallMs;
  }

  /** The same as RFC 3339. */
  get date(): string {
    return this.options.machine.date();
  }

  /** The objects as this server's etcd member has them; null while it has never been connected. */
  get space(): KeySpace | null {
    return this.etcd.node?.cluster.space ?? this.#authorizer?.space ?? null;
  }

  /** Judges by the roles that the server has loaded; null before that. */
  get authorizer(): Authorizer | null {
    return this.phase === 'forbidden' ? null : (this.#authorizer?.by ?? null);
  }

  setPhase(phase: ApiServerPhase): void {
    if (phase === 'hooks') {
      const space = must(this.space, 'a started API server has a store');
      this.#authorizer = { space, by: new Authorizer(space) };
    }
    this.phase = phase;
    this.healthChanged.fire();
  }

  newUid(): string {
    const hex = this.prng.hex(30);
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      `4${hex.slice(12, 15)}`,
      `a${hex.slice(15, 18)}`,
      hex.slice(18),
    ].join('-');
  }

  /** The first address of the service range, which the service `kubernetes` has. */
  get firstServiceAddress(): string {
    return addressAt(this.options.serviceRange, 1);
  }

  /** An address of the service range that no service has. */
  freeServiceAddress(): string {
    const taken = new Set(
      (this.space?.list('services') ?? []).map((service) => textAt(service, 'spec', 'clusterIP')),
    );
    const prefix = Number(this.options.serviceRange.split('/')[1] ?? '12');
    const size = 2 ** (32 - prefix);
    for (;;) {
      const address = addressAt(this.options.serviceRange, this.prng.int(16, Math.max(16, size - 2)));
      if (!taken.has(address)) return address;
    }
  }
}

function addressAt(range: string, offset: number): string {
  const [a = 0, b = 0, c = 0, d = 0] = (range.split('/')[0] ?? '').split('.').map(Number);
  const value = ((a * 256 + b) * 256 + c) * 256 + d + offset;
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
