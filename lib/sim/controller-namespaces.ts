/**
 * The namespace controller: what is in a namespace that was deleted is deleted, again and again until nothing is
 * left, and then its finalizer is taken away. Source: pkg/controller/namespace.
 */
import { itemsOf } from './api-client.js';
import { BUILT_IN, apiVersionOf, typesOfDefinition, type ResourceType } from './api/resources.js';
import type { ControllerContext } from './controller-context.js';
import { sleep, waitFor, type Sim } from './task.js';

const NAMESPACES = '/api/v1/namespaces';
const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
/** Other API servers may not know yet that nothing may be created in it any more. */
const OBSERVE_MS = 5_000;
/** How long what has finalizers is expected to take, in seconds. */
const FINALIZER_SECONDS = 15;
const RETRY_MS = 5_000;

export function* namespaceController(context: ControllerContext): Sim<never> {
  const namespaces = context.informer(NAMESPACES);
  const ending = new Set<string>();
  for (;;) {
    for (const { metadata } of namespaces.items.values()) {
      const { name, uid = '', deletionTimestamp } = metadata;
      if (deletionTimestamp === undefined || ending.has(uid)) continue;
      ending.add(uid);
      context.spawn(`end of namespace ${name}`, end(context, name));
    }
    yield* waitFor([namespaces.changed]);
  }
}

function* end(context: ControllerContext, name: string): Sim<void> {
  yield* sleep(OBSERVE_MS);
  for (;;) {
    const seconds = yield* emptyOut(context, name);
    if (seconds === 0 && (yield* finalize(context, name))) return;
    // Half of what the slowest of what is left is expected to take, and a second.
    yield* sleep(seconds === null || seconds === 0 ? RETRY_MS : (Math.floor(seconds / 2) + 1) * 1_000);
  }
}

/** Deletes what there is; in how many seconds the rest may be gone, null when the server did not answer. */
function* emptyOut(context: ControllerContext, namespace: string): Sim<number | null> {
  let seconds = 0;
  for (const path of yield* paths(context, namespace)) {
    const before = yield* context.request('GET', path);
    if (before.kind !== 'ok') return null;
    if (itemsOf(before).length === 0) continue;
    const answer = yield* context.request('DELETE', path);
    const after = yield* context.request('GET', path);
    if (answer.kind !== 'ok' || after.kind !== 'ok') return null;
    for (const { metadata } of itemsOf(after)) {
      const grace = metadata.deletionGracePeriodSeconds;
      seconds = Math.max(seconds, grace ?? FINALIZER_SECONDS);
    }
  }
  return seconds;
}

/** The lists of all that can be in a namespace. */
function* paths(context: ControllerContext, namespace: string): Sim<string[]> {
  const own: readonly ResourceType[] = BUILT_IN.filter((type) => type.namespaced);
  const custom = itemsOf(yield* context.request('GET', DEFINITIONS)).flatMap(typesOfDefinition);
  return [...own, ...custom.filter((type) => type.namespaced)].map((type) => {
    const root = type.group === '' ? '/api/v1' : `/apis/${apiVersionOf(type)}`;
    return `${root}/namespaces/${namespace}/${type.resource}`;
  });
}

function* finalize(context: ControllerContext, name: string): Sim<boolean> {
  const current = yield* context.request('GET', `${NAMESPACES}/${name}`);
  if (current.kind === 'error' && current.status.code === 404) return true;
  if (current.kind !== 'ok') return false;
  const body = { ...(current.body as object), spec: { finalizers: [] } };
  return (yield* context.request('PUT', `${NAMESPACES}/${name}/finalize`, body)).kind === 'ok';
}
