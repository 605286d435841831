// A server that holds one Lease and always answers at once: an election apart from etcd and the API server.
import type { KubeObject } from '../../lib/sim/objects.js';
import type { Listener, Response } from '../../lib/sim/network.js';
import type { Machine } from '../../lib/sim/machine.js';
import { Signal, waitFor, type Sim } from '../../lib/sim/task.js';
import { mapAt } from '../../lib/sim/tree.js';

interface Renewal {
  readonly sinceMs: number;
  readonly everyMs: number;
}

export class LeaseStore {
  lease: KubeObject | null = null;
  readonly #machine: Machine;
  readonly #changed = new Signal('lease');
  #renewal: Renewal | null = null;
  #version = 1;

  constructor(machine: Machine, port: number) {
    this.#machine = machine;
    const serve: Listener['serve'] = (request) => this.#answer(request);
    machine.run(
      'store',
      function* run(call) {
        call.process.listen({ port, address: null, certificate: () => null, serve });
        for (;;) yield* waitFor([call.process.terminate]);
      },
      [],
    );
  }

  *#answer(request: Parameters<Listener['serve']>[0]): Sim<Response | 'reset'> {
    const query = new Map(
      (request.path.split('?')[1] ?? '').split('&').map((pair) => pair.split('=') as [string, string]),
    );
    if (request.method === 'GET') {
      while (query.has('whileRenewed') && this.#renewal !== null) yield* waitFor([this.#changed]);
      return this.lease === null ? missing() : { status: 200, body: this.#current() };
    }
    const wanted = request.body as KubeObject;
    const known = this.lease?.metadata.resourceVersion;
    if (request.method === 'POST' && this.lease !== null) return refused('AlreadyExists');
    if (request.method === 'PUT' && wanted.metadata.resourceVersion !== known) return refused('Conflict');
    this.#end();
    const resourceVersion = String((this.#version += 1));
    this.lease = { ...wanted, metadata: { ...wanted.metadata, resourceVersion } };
    this.#changed.fire();
    const everyMs = Number(query.get('renewEveryMs') ?? '0');
    if (everyMs === 0) return { status: 200, body: this.lease };
    const renewal = (this.#renewal = { sinceMs: this.#machine.world.nowMs, everyMs });
    try {
      while (this.#renewal === renewal) yield* waitFor([this.#changed]);
      return refused('Conflict');
    } finally {
      if (this.#renewal === renewal) this.#end();
    }
  }

  #current(): KubeObject | null {
    if (this.lease === null || this.#renewal === null) return this.lease;
    const { sinceMs, everyMs } = this.#renewal;
    const { world } = this.#machine;
    const tickMs = sinceMs + Math.floor((world.nowMs - sinceMs) / everyMs) * everyMs;
    return { ...this.lease, spec: { ...mapAt(this.lease, 'spec'), renewTime: world.date(tickMs, true) } };
  }

  /** A renewal that ends has moved the version on, as a real one would have with every tick. */
  #end(): void {
    const left = this.#current();
    if (left !== null && this.#renewal !== null) {
      this.lease = { ...left, metadata: { ...left.metadata, resourceVersion: String((this.#version += 1)) } };
    }
    this.#renewal = null;
    this.#changed.fire();
  }
}

function missing(): Response {
  return { ...refused('NotFound'), status: 404 };
}

function refused(reason: string): Response {
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: reason };
  return { status: 409, body: { ...status, reason, code: 409 } };
}
