/** helm's requests to the API server, and its words for those that fail. */
import type { KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { Failure } from '../failure.js';
import { covers } from '../kubectl/apply.js';
import { transportText, type FailedOutcome } from '../kubectl/errors.js';
import { pathOf, resourceOfKind } from '../kubectl/resources.js';
import type { Session } from '../kubectl/session.js';

/** The body of the answer; ends helm when there is none. */
export function* ask(session: Session, method: string, path: string, body?: unknown): Sim<unknown> {
  const outcome = yield* session.request(method, path, body);
  if (outcome.kind === 'ok') return outcome.body;
  throw new Failure(`Error: ${reason(session, method, path, outcome)}\n`);
}

function reason(session: Session, method: string, path: string, outcome: FailedOutcome): string {
  if (outcome.kind === 'error') return outcome.status.message;
  const verb = method.charAt(0) + method.slice(1).toLowerCase();
  const url = `${session.client.config.server}${path}`;
  return `${verb} "${url}": ${transportText(session.call, outcome, session.timeoutMs)}`;
}

/** helm's first question. */
export function* mustReach(session: Session): Sim<void> {
  const outcome = yield* session.request('GET', '/version');
  if (outcome.kind === 'ok') return;
  throw new Failure(
    `Error: Kubernetes cluster unreachable: ${reason(session, 'GET', '/version', outcome)}\n`,
  );
}

export function objectPath(object: KubeObject, named: boolean): string {
  const type = resourceOfKind(object.apiVersion, object.kind);
  if (type === null)
    throw new Failure(`Error: unable to recognize "": no matches for kind "${object.kind}"\n`);
  return pathOf(type, object.metadata.namespace ?? null, named ? object.metadata.name : null);
}

export function* find(session: Session, object: KubeObject): Sim<KubeObject | null> {
  const path = objectPath(object, true);
  const outcome = yield* session.request('GET', path);
  if (outcome.kind === 'ok') return outcome.body as KubeObject;
  if (outcome.kind === 'error' && outcome.status.code === 404) return null;
  throw new Failure(`Error: ${reason(session, 'GET', path, outcome)}\n`);
}

/** Creates the object, or patches it where it differs. */
export function* put(session: Session, object: KubeObject): Sim<void> {
  const current = yield* find(session, object);
  if (current === null) yield* ask(session, 'POST', objectPath(object, false), object);
  else if (!covers(current, object)) yield* ask(session, 'PATCH', objectPath(object, true), object);
}

/** Deletes the object; one that is gone already is no failure. */
export function* remove(session: Session, object: KubeObject): Sim<void> {
  const path = objectPath(object, true);
  const options = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' };
  const outcome = yield* session.request('DELETE', path, options);
  if (outcome.kind === 'ok' || (outcome.kind === 'error' && outcome.status.code === 404)) return;
  throw new Failure(`Error: ${reason(session, 'DELETE', path, outcome)}\n`);
}
