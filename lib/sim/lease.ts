/** Keeping a Lease of one's own renewed, as a kubelet does for its node. Elections are in leader-election.ts. */
import { isNotFound, type ApiClient } from './api-client.js';
import { keepRenewing, mustRenewSingly } from './api/watch.js';
import type { KubeObject } from './objects.js';
import type { Process } from './process.js';
import { sleep, type Sim } from './task.js';
import { mapAt } from './tree.js';
import type { Machine } from './machine.js';

export interface OwnLease {
  readonly client: ApiClient;
  readonly process: Process;
  readonly namespace: string;
  readonly name: string;
  readonly holder: string;
  readonly durationSeconds: number;
  readonly everyMs: number;
}

export function leasePath(namespace: string, name?: string): string {
  const list = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  return name === undefined ? list : `${list}/${name}`;
}

/** Writes the Lease every `everyMs`; returns when a write failed. */
export function* keepLeaseRenewed(lease: OwnLease): Sim<void> {
  const { world } = lease.process.machine;
  const path = leasePath(lease.namespace, lease.name);
  for (;;) {
    const object = yield* current(lease);
    if (object === null) return;
    const sinceMs = world.nowMs;
    const body = { ...object, spec: { ...mapAt(object, 'spec'), ...spec(lease) } };
    const ended = yield* keepRenewing(lease.client, path, body, lease.everyMs, lease.process);
    if (mustRenewSingly(ended)) {
      const written = yield* lease.client.request('PUT', path, body, lease.everyMs);
      if (written.kind !== 'ok') return;
    }
    const ticks = Math.floor((world.nowMs - sinceMs) / lease.everyMs);
    // A request that ended before its first tick may never have been served.
    if (ticks === 0 && ended.kind !== 'reset' && !mustRenewSingly(ended)) return;
    yield* sleep(sinceMs + (ticks + 1) * lease.everyMs - world.nowMs);
  }
}

/** The Lease as the API server has it, made when it is missing. */
function* current(lease: OwnLease): Sim<KubeObject | null> {
  const { client, namespace, name } = lease;
  const known = yield* client.request('GET', leasePath(namespace, name), undefined, lease.everyMs);
  if (known.kind === 'ok') return known.body as KubeObject;
  if (!isNotFound(known)) return null;
  const body = {
    ...{ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
    ...{ metadata: { name, namespace }, spec: spec(lease) },
  };
  const made = yield* client.request('POST', leasePath(namespace), body, lease.everyMs);
  return made.kind === 'ok' ? (made.body as KubeObject) : null;
}

function spec(lease: OwnLease): Record<string, unknown> {
  return {
    holderIdentity: lease.holder,
    leaseDurationSeconds: lease.durationSeconds,
    renewTime: microTime(lease.process.machine),
  };
}

/** The moment as Leases are written: RFC 3339 with six digits of a second. */
export function microTime(machine: Machine): string {
  return machine.date(true).replace('Z', '000Z');
}
