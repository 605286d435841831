/** `pods/x/log`: the API server asks the kubelet of the pod's node. Following a log is not modelled. */
import type { Outcome, Response } from '../network.js';
import type { KubeObject } from '../objects.js';
import type { Sim } from '../task.js';
import { at, listAt, textAt } from '../tree.js';
import { getObject, type RestCall } from './rest.js';
import { Failure, badRequest } from './status.js';

const KUBELET_PORT = 10_250;
const KUBELET_TIMEOUT_MS = 30_000;

export function* podLog(call: RestCall, name: string): Sim<Response | 'reset'> {
  const { server, info } = call;
  const found = yield* getObject(call, name);
  if (found === 'reset' || found.status !== 200) return found;
  const pod = found.body as KubeObject;
  const container = containerOf(pod, info.query.get('container') ?? null);
  if (container instanceof Failure) return container.response;
  const node = textAt(pod, 'spec', 'nodeName');
  const address = node === null ? null : addressOf(call.space.get('nodes', node));
  if (address === null) return badRequest(`pod ${name} does not have a host assigned`).response;
  const query = ['tailLines', 'previous', 'timestamps']
    .filter((key) => info.query.has(key))
    .map((key) => `${key}=${info.query.get(key) ?? ''}`);
  const asked = query.length === 0 ? '' : `?${query.join('&')}`;
  const path = `/containerLogs/${info.namespace ?? ''}/${name}/${container}${asked}`;
  const { machine, kubeletClient } = server.options;
  const credentials = kubeletClient === null ? {} : { clientCertificate: kubeletClient };
  const request = { method: 'GET', path, ...credentials };
  const outcome = yield* server.world.network.exchange(
    machine,
    address,
    KUBELET_PORT,
    request,
    KUBELET_TIMEOUT_MS,
  );
  if (outcome.kind === 'response') return pass(outcome);
  const words = `Get "https://${address}:${KUBELET_PORT}${path}": ${dialWords(outcome, address)}`;
  // An error that the server does not interpret has no reason.
  return new Failure(500, '', words).response;
}

const REASONS: ReadonlyMap<number, string> = new Map([
  [400, 'BadRequest'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'NotFound'],
]);

/** The kubelet answers in plain text; what it refuses becomes a Status with its words. */
function pass({ status, body }: Pick<Response, 'status' | 'body'>): Response {
  if (status === 200) return { status, body };
  return new Failure(status, REASONS.get(status) ?? 'InternalError', String(body).trimEnd()).response;
}

function containerOf(pod: KubeObject, asked: string | null): string | Failure {
  const names = listAt(pod, 'spec', 'containers').map((one) => textAt(one, 'name') ?? '');
  const { name } = pod.metadata;
  if (asked !== null)
    return names.includes(asked) ? asked : badRequest(`container ${asked} is not valid for pod ${name}`);
  const chosen = at(pod, 'metadata', 'annotations', 'kubectl.kubernetes.io/default-container');
  if (typeof chosen === 'string' && names.includes(chosen)) return chosen;
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return only;
  return badRequest(
    `a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`,
  );
}

function addressOf(node: KubeObject | null): string | null {
  const addresses = listAt(node, 'status', 'addresses');
  return textAt(
    addresses.find((one) => textAt(one, 'type') === 'InternalIP'),
    'address',
  );
}

function dialWords(outcome: Exclude<Outcome, { readonly kind: 'response' }>, address: string): string {
  const dial = `dial tcp ${address}:${KUBELET_PORT}: `;
  switch (outcome.kind) {
    case 'refused':
      return `${dial}connect: connection refused`;
    case 'no-route':
    case 'no-host':
      return `${dial}connect: no route to host`;
    case 'dial-timeout':
    case 'timeout':
      return `${dial}i/o timeout`;
    case 'reset':
      return 'EOF';
  }
}
