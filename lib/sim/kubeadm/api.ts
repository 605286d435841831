/** kubeadm's dealings with the API server: one GET is given ten seconds, writes are tried again for a minute. */
import { ApiClient, isNotFound, type ApiOutcome } from '../api-client.js';
import { parseKubeconfig } from '../kubeconfig.js';
import type { KubeObject } from '../objects.js';
import { dateProblem } from '../pki.js';
import { sleep, type Sim } from '../task.js';
import { ADMIN_CONF, KubeadmFailure, type Kubeadm } from './context.js';

/** kubeadm's APICallRetryInterval. */
export const RETRY_MS = 500;
const REQUEST_MS = 10_000;

/** A client from a kubeconfig file; a `KubeadmFailure` when there is no usable one. */
export function clientFromFile(kubeadm: Kubeadm, path: string): ApiClient {
  const { machine } = kubeadm.call;
  const { disk } = machine;
  if (!disk.isFile(path)) {
    const why = disk.isDirectory(path)
      ? `error loading config file "${path}": read ${path}: is a directory`
      : `open ${path}: no such file or directory`;
    throw new KubeadmFailure(`failed to load admin kubeconfig: ${why}`);
  }
  const config = parseKubeconfig(machine.world.documents, disk.read(path) ?? '', (at) => disk.read(at));
  if (config === null) {
    throw new KubeadmFailure(
      'failed to create API client configuration from kubeconfig: invalid configuration: ' +
        'no configuration has been provided, try setting KUBERNETES_MASTER environment variable',
    );
  }
  return new ApiClient({ machine, config });
}

export function adminClient(kubeadm: Kubeadm): ApiClient {
  return clientFromFile(kubeadm, ADMIN_CONF);
}

/** One request with kubeadm's own time-out, or with what is left of a longer budget. */
export function* request(
  client: ApiClient,
  method: string,
  path: string,
  body?: unknown,
  budgetMs = REQUEST_MS,
): Sim<ApiOutcome> {
  const separator = path.includes('?') ? '&' : '?';
  return yield* client.request(
    method,
    `${path}${separator}timeout=10s`,
    body,
    Math.max(1, Math.min(REQUEST_MS, budgetMs)),
  );
}

/** What Go's client prints about an outcome that is no success. */
export function explain(kubeadm: Kubeadm, outcome: ApiOutcome, method: string, path: string): string {
  if (outcome.kind === 'ok') return '';
  if (outcome.kind === 'error') return outcome.status.message;
  const verb = method.slice(0, 1) + method.slice(1).toLowerCase();
  const separator = path.includes('?') ? '&' : '?';
  const url = `https://${outcome.server}${path}${separator}timeout=10s`;
  return `${verb} "${url}": ${connectionProblem(kubeadm, outcome)}`;
}

function connectionProblem(kubeadm: Kubeadm, outcome: Exclude<ApiOutcome, { kind: 'ok' | 'error' }>): string {
  const { server } = outcome;
  const host = server.replace(/:\d+$/, '');
  switch (outcome.kind) {
    case 'refused':
      return `dial tcp ${server}: connect: connection refused`;
    case 'no-route':
      return `dial tcp ${server}: connect: no route to host`;
    case 'no-host':
      return `dial tcp: lookup ${host} on 192.168.121.1:53: no such host`;
    case 'dial-timeout':
      return 'net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)';
    case 'timeout':
      return 'net/http: request canceled (Client.Timeout exceeded while awaiting headers)';
    case 'reset':
      return 'EOF';
    case 'tls':
      return `tls: failed to verify certificate: x509: ${tlsProblem(kubeadm, outcome)}`;
  }
}

function tlsProblem(kubeadm: Kubeadm, outcome: Extract<ApiOutcome, { kind: 'tls' }>): string {
  const host = outcome.server.replace(/:\d+$/, '');
  switch (outcome.problem) {
    case 'unknown-authority':
      return (
        'certificate signed by unknown authority (possibly because of "crypto/rsa: verification error" ' +
        'while trying to verify candidate authority certificate "kubernetes")'
      );
    case 'wrong-name':
      return `certificate is valid for ${outcome.certificate.sans.join(', ')}, not ${host}`;
    case 'expired':
    case 'not-yet-valid':
      return dateProblem(outcome.certificate, outcome.problem, outcome.now, (ms) =>
        kubeadm.call.world.date(ms),
      );
  }
}

/** Repeats `attempt` every half second until it returns null; throws its last complaint when `budgetMs` is over. */
export function* retry(
  kubeadm: Kubeadm,
  budgetMs: number,
  attempt: (leftMs: number) => Sim<string | null>,
): Sim<void> {
  const { world } = kubeadm.call;
  const deadlineMs = world.nowMs + budgetMs;
  for (;;) {
    const complaint = yield* attempt(deadlineMs - world.nowMs);
    if (complaint === null) return;
    if (world.nowMs + RETRY_MS >= deadlineMs) {
      yield* sleep(Math.max(0, deadlineMs - world.nowMs));
      throw new KubeadmFailure(complaint);
    }
    yield* sleep(RETRY_MS);
  }
}

/** Creates an object, or replaces the one that is there, as kubeadm's CreateOrUpdate helpers do. */
export function* createOrUpdate(
  kubeadm: Kubeadm,
  client: ApiClient,
  collection: string,
  object: KubeObject,
  budgetMs: number,
): Sim<void> {
  yield* retry(kubeadm, budgetMs, function* attempt(leftMs): Sim<string | null> {
    const created = yield* request(client, 'POST', collection, object, leftMs);
    if (created.kind === 'ok') return null;
    if (created.kind !== 'error' || created.status.reason !== 'AlreadyExists') {
      return explain(kubeadm, created, 'POST', collection);
    }
    const path = `${collection}/${object.metadata.name}`;
    const updated = yield* request(client, 'PUT', path, object, leftMs);
    return updated.kind === 'ok' ? null : explain(kubeadm, updated, 'PUT', path);
  });
}

/** The object at `path`, null when it is not there; a `KubeadmFailure` when the server did not say. */
export function* getObject(kubeadm: Kubeadm, client: ApiClient, path: string): Sim<KubeObject | null> {
  const outcome = yield* request(client, 'GET', path);
  if (outcome.kind === 'ok') return outcome.body as KubeObject;
  if (isNotFound(outcome)) return null;
  throw new KubeadmFailure(explain(kubeadm, outcome, 'GET', path));
}

export function kubeSystem(resource: string): string {
  return `/api/v1/namespaces/kube-system/${resource}`;
}
