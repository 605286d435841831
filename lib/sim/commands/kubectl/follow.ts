/**
 * Waiting until one object is as wanted: a look, then a watch of it, as client-go's UntilWithSync does it.
 */
import { watch } from '../../api/watch.js';
import type { KubeObject } from '../../objects.js';
import { sleep, type Sim } from '../../task.js';
import { within } from '../deadline.js';
import type { Session } from './session.js';

/** How long after a broken watch the object is looked at again. */
const RETRY_MS = 1_000;

/**
 * Calls `wanted` with the object, or null while there is none, each time it may have changed. False when
 * `deadlineMs` was over first. A server that cannot be reached ends kubectl at the first look only; later it
 * is asked again.
 */
export function* follow(
  session: Session,
  path: string,
  deadlineMs: number,
  wanted: (object: KubeObject | null) => boolean,
): Sim<boolean> {
  const { world } = session.call;
  const cut = path.lastIndexOf('/');
  const listPath = `${path.slice(0, cut)}?fieldSelector=metadata.name%3D${path.slice(cut + 1)}`;
  for (let first = true; ; first = false) {
    const outcome = yield* session.request('GET', listPath);
    if (outcome.kind !== 'ok' && first) throw session.failure(outcome);
    if (outcome.kind === 'ok') {
      const list = outcome.body as { items: readonly KubeObject[]; metadata: { resourceVersion: string } };
      if (wanted(list.items[0] ?? null)) return true;
      const leftMs = deadlineMs - world.nowMs;
      if (leftMs <= 0) return false;
      const watching = watchUntil(session, listPath, list.metadata.resourceVersion, wanted);
      const seen = yield* within(session.call, leftMs, watching);
      if (seen === true) return true;
    }
    if (world.nowMs >= deadlineMs) return false;
    yield* sleep(Math.min(RETRY_MS, deadlineMs - world.nowMs));
  }
}

/** True when the object came to be as wanted, false when the watch ended. */
function* watchUntil(
  session: Session,
  path: string,
  resourceVersion: string,
  wanted: (object: KubeObject | null) => boolean,
): Sim<boolean> {
  const end = yield* watch(session.client, path, resourceVersion, (events) =>
    events.some(({ type, object }) => wanted(type === 'DELETED' ? null : object)),
  );
  return end.kind === 'enough';
}
