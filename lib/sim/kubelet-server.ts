/**
 * What a kubelet serves: its health for those on the machine, and logs of containers for the API server, which
 * shows a certificate. Exec, attach, port-forward, metrics and following a log are not modelled.
 */
import { logFolder } from './container-log.js';
import type { Container } from './containerd.js';
import type { Kubelet } from './kubelet-state.js';
import type { Request, Response } from './network.js';
import { isInTime, parseCertificate } from './pki.js';
import { textAt } from './tree.js';

const HEALTH_PORT = 10_248;
const KUBELET_PORT = 10_250;
/** Groups that may do everything, so that the question to the API server is not asked. */
const ALLOWED_GROUPS = ['kubeadm:cluster-admins', 'system:masters'];

export function serveKubelet(kubelet: Kubelet, config: unknown): void {
  const { process } = kubelet.call;
  const certificate = (): null => null;
  process.listen({
    ...{ port: HEALTH_PORT, address: '127.0.0.1', certificate },
    *serve() {
      yield* [];
      return { status: 200, body: 'ok' };
    },
  });
  process.listen({
    ...{ port: KUBELET_PORT, address: null, certificate },
    *serve(request) {
      yield* [];
      return refuse(kubelet, config, request) ?? answer(kubelet, request.path);
    },
  });
}

/** Authentication by the cluster's authority, without anonymous access, as kubeadm sets kubelets up. */
function refuse(kubelet: Kubelet, config: unknown, { clientCertificate }: Request): Response | null {
  const { machine } = kubelet;
  const path = textAt(config, 'authentication', 'x509', 'clientCAFile');
  const authority = path === null ? null : parseCertificate(machine.disk.read(path) ?? '');
  const known =
    clientCertificate !== undefined &&
    clientCertificate.issuerKeyId === authority?.keyId &&
    isInTime(clientCertificate, machine.wallMs);
  if (!known) return { status: 401, body: 'Unauthorized' };
  const { commonName, organizations } = clientCertificate;
  if (organizations.some((group) => ALLOWED_GROUPS.includes(group))) return null;
  return { status: 403, body: `Forbidden (user=${commonName}, verb=get, resource=nodes, subresource=proxy)` };
}

function answer(kubelet: Kubelet, path: string): Response {
  const match = /^\/containerLogs\/([^/]+)\/([^/]+)\/([^/?]+)(?:\?(.*))?$/.exec(path);
  if (match === null) return { status: 404, body: '404 page not found\n' };
  const [, namespace = '', pod = '', name = '', query = ''] = match;
  const ran = kubelet.machine.containers.containers.findLast(
    (one) => one.name === name && one.sandbox.namespace === namespace && one.sandbox.name === pod,
  );
  if (ran === undefined) return notStarted(kubelet, namespace, pod, name);
  const asked = new Map(query.split('&').map((pair) => [pair.split('=')[0] ?? '', pair.split('=')[1] ?? '']));
  const previous = asked.get('previous') === 'true';
  const text = logOf(kubelet, ran, previous ? ran.attempt - 1 : ran.attempt);
  if (text === null) {
    const which = `${previous ? 'previous terminated ' : ''}container "${name}" in pod "${pod}"`;
    return { status: 400, body: `${which} not found` };
  }
  return { status: 200, body: show(text, asked) };
}

function notStarted(kubelet: Kubelet, namespace: string, pod: string, name: string): Response {
  const entry = [...kubelet.pods.values()].find(
    ({ pod: { metadata } }) => metadata.name === pod && metadata.namespace === namespace,
  );
  const state = entry?.containers.find((one) => one.name === name)?.state;
  if (state?.kind !== 'waiting') return { status: 404, body: `pod "${pod}" not found\n` };
  const why = /^(ErrImagePull|ImagePullBackOff)$/.test(state.reason)
    ? 'trying and failing to pull image'
    : state.reason;
  return { status: 400, body: `container "${name}" in pod "${pod}" is waiting to start: ${why}` };
}

function logOf(kubelet: Kubelet, { sandbox, name }: Container, attempt: number): string | null {
  if (attempt < 0) return null;
  const { disk } = kubelet.machine;
  const path = `${logFolder(sandbox, name)}/${attempt}.log`;
  // A container that has printed nothing yet has no file here, and an empty log.
  return disk.read(path) ?? (disk.isDirectory(logFolder(sandbox, name)) ? '' : null);
}

/** The lines without what the runtime writes before each: its time, the stream and a mark for whole lines. */
function show(text: string, asked: ReadonlyMap<string, string>): string {
  const lines = text.trimEnd() === '' ? [] : text.trimEnd().split('\n');
  const tail = Number(asked.get('tailLines') ?? NaN);
  const kept = Number.isNaN(tail) ? lines : lines.slice(Math.max(0, lines.length - tail));
  const stamped = asked.get('timestamps') === 'true';
  return kept.map((line) => `${line.replace(/^(\S+ )\S+ F /, stamped ? '$1' : '')}\n`).join('');
}
