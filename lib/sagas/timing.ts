/** Times and retries of steps, stretched by how slow the lab's machines are. All in lab milliseconds. */
import type { RetryPolicy, StepContext } from '../engine/saga.js';
import type { LabSpec } from '../model/lab.js';

export function seconds(lab: LabSpec, count: number): number {
  return Math.round(count * 1_000 * lab.timeScale);
}

export function minutes(lab: LabSpec, count: number): number {
  return seconds(lab, count * 60);
}

/**
 * For steps that talk to machines. The waits add up to about four and a half minutes, so that a machine whose
 * power comes back within that time does not fail the saga.
 */
export function patient(lab: LabSpec): RetryPolicy {
  return { attempts: 5, backoffMs: seconds(lab, 15), factor: 2, maxBackoffMs: minutes(lab, 2) };
}

/** For steps in which a second attempt rarely helps. */
export function brief(lab: LabSpec): RetryPolicy {
  return { attempts: 2, backoffMs: seconds(lab, 5), factor: 2, maxBackoffMs: seconds(lab, 30) };
}

/** Asks again every `everyMs` until the answer is not null, or null when `timeoutMs` went by. */
export async function poll<T>(
  context: StepContext,
  times: { readonly timeoutMs: number; readonly everyMs: number },
  ask: () => Promise<T | null>,
): Promise<T | null> {
  const { clock, signal } = context;
  const deadlineMs = clock.nowMs() + times.timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (clock.nowMs() + times.everyMs > deadlineMs) return null;
    await clock.sleep(times.everyMs, signal);
  }
}
