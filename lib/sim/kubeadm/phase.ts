/** Phases of a command: skipped by name, and named in their failures. */
import type { Sim } from '../task.js';
import { phaseFailure } from './context.js';

/** Runs one phase and names it in its failure. */
export function* phase<T>(name: string, body: () => Sim<T>): Sim<T> {
  try {
    return yield* body();
  } catch (error) {
    throw phaseFailure(name, error);
  }
}

/** Runs one phase unless it, or the phase it is a part of, is skipped. */
export function* phaseUnless(skipped: ReadonlySet<string>, name: string, body: () => Sim<void>): Sim<void> {
  const parent = name.split('/')[0] ?? name;
  if (!skipped.has(name) && !skipped.has(parent)) yield* phase(name, body);
}
