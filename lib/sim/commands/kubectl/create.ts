/** `kubectl create -f` and the short forms for namespaces, deployments, config maps and secrets. */
import { toBase64 } from '../../../base/base64.js';
import type { KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { Failure } from '../failure.js';
import type { Flags } from '../flags.js';
import { readManifests } from './manifests.js';
import { findResource, pathOf, shownType } from './resources.js';
import type { Session } from './session.js';

export const CREATE_FLAGS = [
  ...['filename|f=', 'image=', 'replicas|r=', 'from-literal=', 'type=', 'save-config', 'validate?=strict'],
];

export function* create(session: Session, operands: readonly string[]): Sim<number> {
  yield* session.discover();
  if (session.flags.get('filename') !== null) {
    let code = 0;
    for (const { type, object } of yield* readManifests(session, 'create')) {
      const namespace = object.metadata.namespace ?? null;
      const outcome = yield* session.request('POST', pathOf(type, namespace), object);
      if (outcome.kind === 'ok') session.print(`${shownType(type)}/${object.metadata.name} created\n`);
      else {
        session.call.printError(session.failure(outcome).text);
        code = 1;
      }
    }
    return code;
  }
  const object = objectOf(session, operands);
  const type = findResource(object.kind);
  if (type === null) throw new Failure(`error: unknown kind ${object.kind}\n`);
  const namespace = type.namespaced ? session.namespace : null;
  const outcome = yield* session.request('POST', pathOf(type, namespace), object);
  if (outcome.kind !== 'ok') {
    // The short forms, but for namespaces, wrap what the server says; the one for secrets without a colon.
    if (outcome.kind !== 'error' || object.kind === 'Namespace') throw session.failure(outcome);
    const words = object.kind === 'Secret' ? 'secret' : `${object.kind.toLowerCase()}:`;
    throw new Failure(`error: failed to create ${words} ${outcome.status.message}\n`);
  }
  session.print(`${shownType(type)}/${object.metadata.name} created\n`);
  return 0;
}

function objectOf(session: Session, operands: readonly string[]): KubeObject {
  const { flags } = session;
  const [what, ...rest] = operands;
  const name = what === 'secret' ? rest[1] : rest[0];
  if (what === undefined) throw new Failure('Error: must specify one of -f and -k\n\n');
  if (name === undefined)
    throw new Failure(
      `error: exactly one NAME is required, got 0\nSee 'kubectl create ${what} -h' for help and examples\n`,
    );
  switch (what) {
    case 'namespace':
    case 'ns':
      return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    case 'deployment':
    case 'deploy':
      return deployment(flags, name);
    case 'configmap':
    case 'cm':
      return {
        ...{ apiVersion: 'v1', kind: 'ConfigMap', data: Object.fromEntries(literals(flags)) },
        metadata: { name, namespace: session.namespace },
      };
    case 'secret':
      if (rest[0] !== 'generic')
        throw new Failure('error: the simulator models create secret generic only\n');
      return {
        ...{ apiVersion: 'v1', kind: 'Secret', type: flags.get('type') ?? 'Opaque' },
        data: Object.fromEntries(literals(flags).map(([key, value]) => [key, toBase64(value)])),
        metadata: { name, namespace: session.namespace },
      };
    default:
      throw new Failure(`error: the simulator does not model kubectl create ${what}\n`);
  }
}

function literals(flags: Flags): [string, string][] {
  return flags.list('from-literal').map((pair) => {
    const cut = pair.indexOf('=');
    if (cut < 1) throw new Failure(`error: invalid literal source ${pair}, expected key=value\n`);
    return [pair.slice(0, cut), pair.slice(cut + 1)];
  });
}

function deployment(flags: Flags, name: string): KubeObject {
  const image = flags.get('image');
  if (image === null) throw new Failure('error: required flag(s) "image" not set\n');
  const labels = { app: name };
  const container = (image.split('/').at(-1) ?? image).split(/[:@]/)[0] ?? name;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      replicas: Number(flags.get('replicas') ?? '1'),
      selector: { matchLabels: labels },
      strategy: {},
      template: { metadata: { labels }, spec: { containers: [{ name: container, image, resources: {} }] } },
    },
  };
}
