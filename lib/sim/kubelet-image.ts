/**
 * The kubelet's care for the image of a container: pulled when it is missing, tried again with a back-off of its own.
 * The state says ErrImagePull after a failure, and ImagePullBackOff from the next look at the pod on.
 */
import type { ContainerWork } from './kubelet-container.js';
import { noteEvent, publish } from './kubelet-state.js';
import { sleep, type Sim } from './task.js';

const FIRST_BACKOFF_MS = 10_000;
const LONGEST_BACKOFF_MS = 300_000;
/** After an error the kubelet looks at a pod again in one to one and a half times this. */
const SYNC_MS = 10_000;

/** Returns once the image is there. */
export function* ensureImage(work: ContainerWork): Sim<void> {
  const { kubelet, container } = work;
  const { image } = container.spec;
  const runtime = kubelet.machine.containers;
  let backoffMs = FIRST_BACKOFF_MS;
  while (!runtime.images().includes(image)) {
    if (container.pullPolicy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      show(work, 'ErrImageNeverPull', message);
      yield* sleep(syncMs(work));
      continue;
    }
    const problem = yield* runtime.pull(image);
    if (problem === null) return;
    note(work, 'Normal', 'Pulling', `Pulling image "${image}"`);
    note(work, 'Warning', 'Failed', `Failed to pull image "${image}": ${problem}`);
    note(work, 'Warning', 'Failed', 'Error: ErrImagePull');
    show(work, 'ErrImagePull', problem);
    yield* backOff(work, backoffMs);
    backoffMs = Math.min(2 * backoffMs, LONGEST_BACKOFF_MS);
  }
}

function* backOff(work: ContainerWork, ms: number): Sim<void> {
  const { image } = work.container.spec;
  const message = `Back-off pulling image "${image}"`;
  for (let waitedMs = yield* nextLook(work); waitedMs < ms; waitedMs += yield* nextLook(work)) {
    note(work, 'Normal', 'BackOff', message);
    note(work, 'Warning', 'Failed', 'Error: ImagePullBackOff');
    show(work, 'ImagePullBackOff', message);
  }
}

function* nextLook(work: ContainerWork): Sim<number> {
  const ms = syncMs(work);
  yield* sleep(ms);
  return ms;
}

function syncMs({ kubelet }: ContainerWork): number {
  return SYNC_MS + kubelet.call.prng.int(0, SYNC_MS / 2);
}

function note(work: ContainerWork, type: 'Normal' | 'Warning', reason: string, message: string): void {
  noteEvent(work.kubelet, work.entry.pod, { type, reason, message });
}

function show(work: ContainerWork, reason: string, message: string): void {
  const before = work.report.state;
  if (before.kind === 'waiting' && before.reason === reason) return;
  work.report.state = { kind: 'waiting', reason, message };
  publish(work.kubelet, work.entry);
}
