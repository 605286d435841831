/** A part of a program that is given up after a while. */
import type { Invocation } from '../process.js';
import { waitFor, type Sim } from '../task.js';

/** Runs `body` for at most `ms`; null when it was given up. */
export function* within<T>(call: Invocation, ms: number, body: Sim<T>): Sim<T | null> {
  if (ms === Infinity) return yield* body;
  const endMs = call.world.nowMs + ms;
  const task = call.world.scheduler.spawn(call.process.group, `${call.process.name}: part`, body);
  while (task.state === 'running') {
    const left = endMs - call.world.nowMs;
    if (left <= 0) {
      task.kill();
      return null;
    }
    yield* waitFor([task.ended], left);
  }
  return task.state === 'ended' ? (task.result as T) : null;
}
