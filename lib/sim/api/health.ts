/** `/livez`, `/readyz`, `/healthz`: the checks by their names, and their words. */
import type { ApiServer } from '../apiserver-state.js';
import type { Response } from '../network.js';
import type { Sim } from '../task.js';

/** Checks before the hooks; `etcd` is the only one of them that fails while the server runs. */
const HOOKS_BEFORE_RBAC = [
  'start-apiserver-admission-initializer',
  'generic-apiserver-start-informers',
  'priority-and-fairness-config-consumer',
  'priority-and-fairness-filter',
  'storage-object-count-tracker-hook',
  'start-apiextensions-informers',
  'start-apiextensions-controllers',
  'crd-informer-synced',
  'start-system-namespaces-controller',
  'start-cluster-authentication-info-controller',
  'start-kube-apiserver-identity-lease-controller',
  'start-kube-apiserver-identity-lease-garbage-collector',
  'start-legacy-token-tracking-controller',
  'start-service-ip-repair-controllers',
];
const RBAC_HOOK = 'rbac/bootstrap-roles';
const HOOKS_AFTER_RBAC = [
  'scheduling/bootstrap-system-priority-classes',
  'priority-and-fairness-config-producer',
  'bootstrap-controller',
  'aggregator-reload-proxy-client-cert',
  'start-kube-aggregator-informers',
  'apiservice-status-local-available-controller',
  'apiservice-status-remote-available-controller',
  'apiservice-registration-controller',
  'apiservice-wait-for-first-sync',
  'apiservice-discovery-controller',
  'kube-apiserver-autoregistration',
];
const LAST_HOOKS = ['apiservice-openapi-controller', 'apiservice-openapiv3-controller'];

/** The etcd check of a health request gives up after this long (--etcd-healthcheck-timeout). */
const ETCD_CHECK_MS = 2_000;

export type HealthPath = 'livez' | 'readyz' | 'healthz';

export function healthPathOf(path: string): HealthPath | null {
  const match = /^\/(livez|readyz|healthz)\/?$/.exec(path);
  return match === null ? null : (match[1] as HealthPath);
}

export function* answerHealth(server: ApiServer, path: HealthPath, verbose: boolean): Sim<Response> {
  const etcd = yield* server.etcd.readable(server.nowMs + ETCD_CHECK_MS);
  const started = server.phase !== 'hooks' && server.phase !== 'forbidden';
  const hook = (name: string): [string, boolean] => [`poststarthook/${name}`, started || name !== RBAC_HOOK];
  const checks: [string, boolean][] = [
    ['ping', true],
    ['log', true],
    ['etcd', etcd],
    ...(path === 'readyz' ? ([['etcd-readiness', etcd]] as [string, boolean][]) : []),
    ...(path === 'readyz' ? ([['informer-sync', server.phase !== 'forbidden']] as [string, boolean][]) : []),
    ...[...HOOKS_BEFORE_RBAC, RBAC_HOOK, ...HOOKS_AFTER_RBAC].map(hook),
    ['autoregister-completion', true],
    ...LAST_HOOKS.map(hook),
    ...(path === 'readyz' ? ([['shutdown', server.phase !== 'stopping']] as [string, boolean][]) : []),
  ];
  const passed = checks.every(([, good]) => good);
  if (passed && !verbose) return { status: 200, body: 'ok' };
  const lines = checks.map(([name, good]) => (good ? `[+]${name} ok` : `[-]${name} failed: reason withheld`));
  const verdict = `${path} check ${passed ? 'passed' : 'failed'}`;
  return { status: passed ? 200 : 500, body: `${lines.join('\n')}\n${verdict}\n` };
}
