/** Events live for an hour (`--event-ttl`): the oldest go when somebody looks at them or writes another one. */
import { parseRfc3339 } from '../../base/calendar.js';
import type { KeySpace } from '../etcd-keyspace.js';
import { EPOCH_UNIX_MS } from '../world.js';

const EVENT_TTL_MS = 3_600_000;

export function dropOldEvents(space: KeySpace, nowMs: number): void {
  for (const [key, event] of space.oldest('events')) {
    const { creationTimestamp } = event.metadata;
    const lastMs = parseRfc3339(lastSeen(event) ?? creationTimestamp ?? '');
    // In order of creation: the first one that is young enough ends the search.
    if (lastMs === null || nowMs - (lastMs - EPOCH_UNIX_MS) < EVENT_TTL_MS) return;
    space.delete('events', key);
  }
}

/** Writing an event again, to count it, gives it another hour. */
function lastSeen(event: Readonly<Record<string, unknown>>): string | null {
  return typeof event['lastTimestamp'] === 'string' ? event['lastTimestamp'] : null;
}
