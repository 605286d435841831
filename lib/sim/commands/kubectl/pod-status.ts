/** The READY, STATUS and RESTARTS of a pod. Source: printPod of the API server's table printers. */
import type { KubeObject } from '../../objects.js';
import { at, listAt, numberAt, textAt } from '../../tree.js';

export interface PodStatus {
  readonly ready: number;
  readonly total: number;
  readonly restarts: number;
  /** When a container last ended, as RFC 3339; null when none has. */
  readonly lastRestart: string | null;
  /** The STATUS column. */
  readonly reason: string;
}

export function podStatus(pod: KubeObject): PodStatus {
  const statuses = listAt(pod, 'status', 'containerStatuses');
  const restarts = statuses.reduce<number>((sum, one) => sum + (numberAt(one, 'restartCount') ?? 0), 0);
  const ends = statuses.map((one) => textAt(one, 'lastState', 'terminated', 'finishedAt') ?? '').sort();
  return {
    ready: statuses.filter((one) => isReady(one)).length,
    total: listAt(pod, 'spec', 'containers').length,
    restarts,
    lastRestart: ends.at(-1) === '' ? null : (ends.at(-1) ?? null),
    reason: reasonOf(pod, statuses),
  };
}

function isReady(status: unknown): boolean {
  return at(status, 'ready') === true && at(status, 'state', 'running') !== undefined;
}

function reasonOf(pod: KubeObject, statuses: readonly unknown[]): string {
  const initial = textAt(pod, 'status', 'reason') ?? textAt(pod, 'status', 'phase') ?? 'Unknown';
  const init = initReason(pod);
  let reason = init ?? initial;
  if (init === null) {
    let hasRunning = false;
    for (const status of [...statuses].reverse()) {
      reason = containerReason(status) ?? reason;
      if (at(status, 'state', 'running') !== undefined && isReady(status)) hasRunning = true;
    }
    if (reason === 'Completed' && hasRunning) reason = hasReadyCondition(pod) ? 'Running' : 'NotReady';
  }
  if (pod.metadata.deletionTimestamp === undefined) return reason;
  return textAt(pod, 'status', 'reason') === 'NodeLost' ? 'Unknown' : 'Terminating';
}

/** Null when all init containers are through. */
function initReason(pod: KubeObject): string | null {
  const statuses = listAt(pod, 'status', 'initContainerStatuses');
  for (const [index, status] of statuses.entries()) {
    if (numberAt(status, 'state', 'terminated', 'exitCode') === 0) continue;
    const reason = containerReason(status);
    if (reason !== null && reason !== 'PodInitializing') return `Init:${reason}`;
    return `Init:${index}/${listAt(pod, 'spec', 'initContainers').length}`;
  }
  return null;
}

/** Null for a container that runs. */
function containerReason(status: unknown): string | null {
  const waiting = textAt(status, 'state', 'waiting', 'reason');
  if (waiting !== null && waiting !== '') return waiting;
  if (at(status, 'state', 'terminated') === undefined) return null;
  const reason = textAt(status, 'state', 'terminated', 'reason');
  if (reason !== null && reason !== '') return reason;
  const signal = numberAt(status, 'state', 'terminated', 'signal') ?? 0;
  return signal > 0
    ? `Signal:${signal}`
    : `ExitCode:${numberAt(status, 'state', 'terminated', 'exitCode') ?? 0}`;
}

function hasReadyCondition(pod: KubeObject): boolean {
  return listAt(pod, 'status', 'conditions').some(
    (one) => textAt(one, 'type') === 'Ready' && textAt(one, 'status') === 'True',
  );
}
