/** Sagas over the programs of helpers/toy-world.ts. */
import {
  StepError,
  type RetryPolicy,
  type Saga,
  type Stage,
  type Step,
  type StepContext,
  type StepKind,
} from '../../lib/engine/saga.js';

export const RETRY: RetryPolicy = { attempts: 3, backoffMs: 2_000, factor: 2, maxBackoffMs: 3_000 };

/** Runs `argv`; a failure is retryable unless the step says otherwise. */
export async function sh(context: StepContext, argv: readonly string[], retryable = true): Promise<void> {
  const result = await context.shell('box').run({ argv, timeoutMs: 60_000, signal: context.signal });
  if (result.kind === 'exited' && result.code === 0) return;
  const how = result.kind === 'exited' ? `exit ${result.code}` : result.kind;
  throw new StepError({
    code: 'command-failed',
    message: `${argv.join(' ')}: ${how}`,
    remedy: 'Look.',
    retryable,
  });
}

export async function has(context: StepContext, name: string): Promise<boolean> {
  const argv = ['has', name];
  const result = await context.shell('box').run({ argv, timeoutMs: 1_000, signal: context.signal });
  return result.kind === 'exited' && result.code === 0;
}

/** A step that makes the file named by its key, knows whether it is there, and removes it again. */
export function toyStep(key: string, kind: StepKind = 'compensable', changes: Partial<Step> = {}): Step {
  return {
    key,
    title: `Make ${key}`,
    kind,
    retry: RETRY,
    timeoutMs: 20_000,
    probe: async (context) => ((await has(context, key)) ? 'done' : 'not-done'),
    run: (context) => sh(context, ['make', key]),
    ...(kind === 'compensable' ? { compensate: (context: StepContext) => sh(context, ['unmake', key]) } : {}),
    ...changes,
  };
}

export function toyStage(key: string, steps: readonly Step[], concurrency = 1): Stage {
  return { key, title: `Stage ${key}`, concurrency, steps };
}

export function toySaga(stages: readonly Stage[]): Saga {
  return { name: 'toy', lab: 'stage', input: { of: 'tests' }, stages };
}

/** A step of two commands, so that a crash can fall between them. */
export function twoCommandStep(key: string): Step {
  return toyStep(key, 'compensable', {
    probe: async (context) =>
      (await has(context, `${key}-a`)) && (await has(context, `${key}-b`)) ? 'done' : 'not-done',
    run: async (context) => {
      await sh(context, ['make', `${key}-a`]);
      await sh(context, ['make', `${key}-b`]);
    },
    compensate: async (context) => {
      await sh(context, ['unmake', `${key}-b`]);
      await sh(context, ['unmake', `${key}-a`]);
    },
  });
}

/** A pivot that can tell "nothing happened" from "it may still be going on", after a process died in it. */
export function toyPivot(key: string): Step {
  return toyStep(key, 'pivot', {
    probe: async (context) => {
      if (await has(context, key)) return 'done';
      return (await has(context, `${key}.part`)) ? 'unknown' : 'not-done';
    },
  });
}

/** One of everything: a plain step, three at once, two commands, a pivot, and two steps after it. */
export function fullSaga(): Saga {
  return toySaga([
    toyStage('prepare', [toyStep('network')]),
    toyStage('machines', [toyStep('m-1'), toyStep('m-2'), toyStep('m-3')], 2),
    toyStage('init', [twoCommandStep('init')]),
    toyStage('commit', [toyPivot('commit')]),
    toyStage('after', [toyStep('label-1', 'retriable'), toyStep('label-2', 'retriable')], 2),
  ]);
}

/** Less of everything, for tests that run it hundreds of times. */
export function smallSaga(): Saga {
  return toySaga([
    toyStage('machines', [toyStep('m-1'), toyStep('m-2')], 2),
    toyStage('init', [twoCommandStep('init')]),
    toyStage('commit', [toyPivot('commit')]),
    toyStage('after', [toyStep('label', 'retriable')]),
  ]);
}
