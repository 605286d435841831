// Asking simulated API servers as their clients do, and the objects that the tests use.
import type { ApiClient, ApiOutcome } from '../../lib/sim/api-client.js';
import type { KubeObject } from '../../lib/sim/objects.js';
import { ControlPlane } from './control-plane.js';

export const LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases';
export const VIP_LEASE = `${LEASES}/plndr-cp-lock`;

export function ready(names: readonly string[] = ['cp-1'], seed = 1): ControlPlane {
  const lab = new ControlPlane(names, seed);
  lab.formEtcd();
  for (const name of names) lab.startApi(name);
  lab.pass(40_000);
  return lab;
}

export function admin(lab: ControlPlane, name = 'cp-1'): ApiClient {
  return lab.client(name, 'kubernetes-super-admin', 'system:masters');
}

export function request(
  lab: ControlPlane,
  client: ApiClient,
  method: string,
  path: string,
  body?: unknown,
  ms = 70_000,
): ApiOutcome {
  return lab.run(client.request(method, path, body, ms));
}

export function messageOf(outcome: ApiOutcome): string {
  return outcome.kind === 'error'
    ? `${outcome.status.code} ${outcome.status.reason}: ${outcome.status.message}`
    : outcome.kind;
}

export function objectOf(outcome: ApiOutcome): KubeObject {
  if (outcome.kind !== 'ok') throw new Error(messageOf(outcome));
  return outcome.body as KubeObject;
}

export function lease(holder: string): KubeObject {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'plndr-cp-lock', namespace: 'kube-system' },
    spec: { holderIdentity: holder, leaseDurationSeconds: 5, renewTime: '2026-01-01T00:00:00.000000Z' },
  };
}

export function pod(name: string, spec: Record<string, unknown> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: 'web' } }, spec };
}
