/** The TTL-after-finished controller: a Job that asks for it is deleted some time after its end. */
import { parseRfc3339 } from '../base/calendar.js';
import type { ControllerContext } from './controller-context.js';
import type { KubeObject } from './objects.js';
import { sleep, waitFor, type Sim } from './task.js';
import { listAt, numberAt, textAt } from './tree.js';
import { EPOCH_UNIX_MS } from './world.js';

const JOBS = '/apis/batch/v1/jobs';
const RETRY_MS = 5_000;

/** Sleeps until the next finished Job's time is over; nothing is scheduled while there is none. */
export function* ttlAfterFinished(context: ControllerContext): Sim<never> {
  const jobs = context.informer(JOBS);
  for (;;) {
    let nextMs: number | null = null;
    for (const job of [...jobs.items.values()]) {
      const endMs = expiryOf(job);
      if (endMs === null) continue;
      const over = endMs <= context.wallMs;
      const { name, namespace = 'default' } = job.metadata;
      if (over && (yield* context.remove(`/apis/batch/v1/namespaces/${namespace}/jobs/${name}`))) continue;
      const againMs = over ? context.wallMs + RETRY_MS : endMs;
      nextMs = nextMs === null ? againMs : Math.min(nextMs, againMs);
    }
    if (nextMs === null) yield* waitFor([jobs.changed]);
    else if (nextMs > context.wallMs) yield* waitFor([jobs.changed], nextMs - context.wallMs);
    // A Job that was deleted leaves the informer a moment later.
    yield* sleep(1);
  }
}

/** Lab time at which a finished Job may go; null for one that stays. */
function expiryOf(job: KubeObject): number | null {
  const seconds = numberAt(job, 'spec', 'ttlSecondsAfterFinished');
  const end = listAt(job, 'status', 'conditions').find((one) =>
    ['Complete', 'Failed'].includes(textAt(one, 'type') ?? ''),
  );
  if (seconds === null || end === undefined) return null;
  const endedMs = parseRfc3339(textAt(end, 'lastTransitionTime') ?? '');
  return endedMs === null ? null : endedMs - EPOCH_UNIX_MS + seconds * 1_000;
}
