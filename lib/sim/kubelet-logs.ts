/**
 * The kubelet's garbage collection of log folders: once a minute those of pods that are no more are removed. It knows
 * which these are only after the API server has told it its pods.
 */
import { POD_LOGS } from './container-log.js';
import type { Kubelet } from './kubelet-state.js';
import { sleep, waitFor, type Sim } from './task.js';

/** ContainerGCPeriod. */
const EVERY_MS = 60_000;

export function* collectLogs(kubelet: Kubelet): Sim<never> {
  const { world } = kubelet.machine;
  const startMs = world.nowMs;
  for (;;) {
    yield* sleep(EVERY_MS - ((world.nowMs - startMs) % EVERY_MS));
    if (!kubelet.apiPods.synced) {
      yield* waitFor([kubelet.apiPods.changed]);
      continue;
    }
    removeLeftLogs(kubelet);
    yield* waitFor([kubelet.podStopped]);
  }
}

function removeLeftLogs({ machine, pods }: Kubelet): void {
  const known = new Set([...pods.values()].map((entry) => entry.pod.metadata.uid ?? ''));
  for (const { uid } of machine.containers.sandboxes) known.add(uid);
  for (const folder of machine.disk.list(POD_LOGS)) {
    const uid = folder.slice(folder.lastIndexOf('_') + 1);
    if (!known.has(uid)) machine.disk.removeTree(`${POD_LOGS}/${folder}`);
  }
}
