/**
 * `kubectl apply -f`: creates what is not there and patches what differs, with the last applied configuration kept
 * in its annotation. Lists are compared entry by entry and replaced whole (a merge patch); the real program merges
 * some of them by key.
 */
import type { KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { Failure } from '../failure.js';
import { readManifests, type Manifest } from './manifests.js';
import { parseFormat, toJson } from './output.js';
import { pathOf, shownType } from './resources.js';
import type { Session } from './session.js';

export const APPLY_FLAGS = [
  ...['filename|f=', 'kustomize|k=', 'output|o=', 'dry-run?=unchanged', 'validate?=strict', 'wait', 'force'],
  ...['server-side', 'field-manager=', 'timeout=', 'overwrite', 'prune', 'recursive|R', 'selector|l='],
];

export const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export function* apply(session: Session): Sim<number> {
  const { flags } = session;
  for (const option of ['server-side', 'prune', 'kustomize', 'dry-run']) {
    if (flags.get(option) !== null) {
      throw new Failure(`error: the simulator does not model apply --${option}\n`);
    }
  }
  const format = parseFormat(flags.get('output'));
  yield* session.discover();
  const manifests = yield* readManifests(session, 'apply');
  let code = 0;
  for (const manifest of manifests) {
    try {
      const done = yield* applyOne(session, manifest);
      const shown = `${shownType(manifest.type)}/${manifest.object.metadata.name}`;
      session.print(format.kind === 'name' ? `${shown}\n` : `${shown} ${done}\n`);
    } catch (error) {
      // One object that the server refuses does not keep the others from being applied.
      if (!(error instanceof Failure)) throw error;
      session.call.printError(error.text);
      code = error.code;
    }
  }
  return code;
}

export type Applied = 'created' | 'configured' | 'unchanged';

/** One object, as apply does it; also what helm's upgrades come down to. */
export function* applyOne(session: Session, { type, object }: Manifest): Sim<Applied> {
  const { name } = object.metadata;
  const namespace = type.namespaced ? (object.metadata.namespace ?? session.namespace) : null;
  const path = pathOf(type, namespace, name);
  const desired = withLastApplied(object);
  const current = yield* session.findObject(path);
  if (current === null) {
    const outcome = yield* session.request('POST', pathOf(type, namespace), desired);
    if (outcome.kind === 'ok') return 'created';
    throw creationFailure(session, outcome, session.flags.list('filename')[0] ?? '-');
  }
  const before = current.metadata.annotations?.[LAST_APPLIED];
  const removed = before === undefined ? {} : removals(JSON.parse(before) as unknown, plain(object));
  if (covers(current, desired) && Object.keys(removed).length === 0) return 'unchanged';
  yield* session.ask('PATCH', path, merge(desired, removed));
  return 'configured';
}

function creationFailure(
  session: Session,
  outcome: Parameters<Session['failure']>[0],
  file: string,
): Failure {
  const { text, code } = session.failure(outcome);
  if (outcome.kind !== 'error') return new Failure(text, code);
  const words = `error when creating "${file === '-' ? 'STDIN' : file}": `;
  return new Failure(text.replace(/^(Error from server(?: \(\w+\))?: )/, `$1${words}`), code);
}

function withLastApplied(object: KubeObject): KubeObject {
  const { metadata } = object;
  const annotations = { ...metadata.annotations, [LAST_APPLIED]: `${toJson(plain(object), 0)}\n` };
  return { ...object, metadata: { ...metadata, annotations } };
}

/** What is remembered: the object as written, with an empty map of annotations as kubectl adds one. */
function plain(object: KubeObject): KubeObject {
  const annotations = Object.fromEntries(
    Object.entries(object.metadata.annotations ?? {}).filter(([key]) => key !== LAST_APPLIED),
  );
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** Is everything that `desired` says already so? */
export function covers(current: unknown, desired: unknown): boolean {
  if (Array.isArray(desired)) {
    if (!Array.isArray(current) || current.length !== desired.length) return false;
    return desired.every((item: unknown, index) => covers((current as unknown[])[index], item));
  }
  if (desired !== null && typeof desired === 'object') {
    if (current === null || typeof current !== 'object') return Object.keys(desired).length === 0;
    const there = current as Readonly<Record<string, unknown>>;
    return Object.entries(desired).every(([key, value]) => value === undefined || covers(there[key], value));
  }
  return current === desired || (desired === null && current === undefined);
}

/** Nulls for the fields that were applied before and are not wanted any more. */
function removals(before: unknown, wanted: unknown): Record<string, unknown> {
  const gone: Record<string, unknown> = {};
  if (!isMap(before) || !isMap(wanted)) return gone;
  for (const [key, value] of Object.entries(before)) {
    if (!(key in wanted)) gone[key] = null;
    else {
      const below = removals(value, wanted[key]);
      if (Object.keys(below).length > 0) gone[key] = below;
    }
  }
  return gone;
}

function merge(base: unknown, over: Readonly<Record<string, unknown>>): unknown {
  if (!isMap(base)) return over;
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over))
    merged[key] = isMap(value) ? merge(merged[key], value) : value;
  return merged;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
