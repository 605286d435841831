/** `kubectl describe node NAME`. Other types are not modelled. Source: kubectl's pkg/describe. */
import type { KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { Failure } from '../failure.js';
import { describeNode } from './describe-node.js';
import { readTargets } from './get.js';
import { pathOf } from './resources.js';
import type { Session } from './session.js';

export const DESCRIBE_FLAGS = [
  'all-namespaces|A',
  'selector|l=',
  'show-events?=true',
  'filename|f=',
  'chunk-size=',
];

export function* describe(session: Session, operands: readonly string[]): Sim<number> {
  const { flags } = session;
  if (flags.get('filename') !== null) throw new Failure('error: the simulator does not model describe -f\n');
  if (operands.length === 0) {
    throw new Failure(
      'error: You must specify the type of resource to describe. Use "kubectl api-resources" for a ' +
        'complete list of supported resources.\n',
    );
  }
  yield* session.discover();
  const problems: Failure[] = [];
  const texts: string[] = [];
  for (const { type, names } of yield* readTargets(session, operands)) {
    if (type.kind !== 'Node') {
      throw new Failure(`error: the simulator does not model kubectl describe ${type.resource}\n`);
    }
    const asked = names.length > 0 ? names : yield* nodeNames(session);
    for (const name of asked) {
      const outcome = yield* session.request('GET', pathOf(type, null, name));
      if (outcome.kind === 'ok') texts.push(yield* nodeText(session, outcome.body as KubeObject));
      else if (outcome.kind === 'error' && outcome.status.code === 404)
        problems.push(session.failure(outcome));
      else throw session.failure(outcome);
    }
  }
  if (texts.length === 0 && problems.length === 0) session.call.printError('No resources found\n');
  session.print(texts.join('\n\n'));
  for (const problem of problems) session.call.printError(problem.text);
  return problems.length > 0 ? 1 : 0;
}

function* nodeNames(session: Session): Sim<string[]> {
  const selector = session.flags.get('selector');
  const query = selector === null ? '' : `&labelSelector=${encodeURIComponent(selector)}`;
  return (yield* session.list(`/api/v1/nodes?limit=500${query}`)).items.map((node) => node.metadata.name);
}

function* nodeText(session: Session, node: KubeObject): Sim<string> {
  const { name } = node.metadata;
  const field = `spec.nodeName%3D${name},status.phase!%3DSucceeded,status.phase!%3DFailed`;
  const pods = yield* session.list(`/api/v1/pods?fieldSelector=${field}&limit=500`);
  const lease = yield* session.request(
    'GET',
    `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${name}`,
  );
  const about = `involvedObject.kind%3DNode,involvedObject.name%3D${name}`;
  const events =
    session.flags.get('show-events') === 'false'
      ? null
      : yield* session.list(`/api/v1/events?fieldSelector=${about}&limit=500`);
  return describeNode({
    node,
    pods: pods.items,
    lease: lease.kind === 'ok' ? lease.body : session.failure(lease).text.trim(),
    events: events === null ? null : events.items,
    nowMs: session.call.machine.wallMs,
  });
}
