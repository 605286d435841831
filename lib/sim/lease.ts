/** Keeping a Lease of one's own renewed, as a kubelet does for its node. Elections are in leader-election.ts. */
import { isNotFound, type ApiClient } from './api-client.js';
import { keepRenewing } from './api/renew.js';
import type { KubeObject } from './objects.js';
import type { Process } from './process.js';
import { sleep, type Sim } from './task.js';
import { mapAt } from './tree.js';

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
  while (yield* renewOnce(lease)) {
    const path = leasePath(lease.namespace, lease.name);
    const { lastRenewedMs } = yield* keepRenewing(lease.client, lease.process, path, lease.everyMs);
    yield* sleep(lastRenewedMs + lease.everyMs - world.nowMs);
  }
}

function* renewOnce(lease: OwnLease): Sim<boolean> {
  const { client, namespace, name } = lease;
  const { world } = lease.process.machine;
  const path = leasePath(namespace, name);
  const known = yield* client.request('GET', path, undefined, lease.everyMs);
  const spec = {
    holderIdentity: lease.holder,
    leaseDurationSeconds: lease.durationSeconds,
    renewTime: world.date(world.nowMs, true),
  };
  if (isNotFound(known)) {
    const body = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace }, spec };
    return (yield* client.request('POST', leasePath(namespace), body, lease.everyMs)).kind === 'ok';
  }
  if (known.kind !== 'ok') return false;
  const object = known.body as KubeObject;
  const body = { ...object, spec: { ...mapAt(object, 'spec'), ...spec } };
  return (yield* client.request('PUT', path, body, lease.everyMs)).kind === 'ok';
}
