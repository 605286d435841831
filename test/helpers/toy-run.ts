/** Runs toy sagas in toy worlds, and reads what came of them. */
import { type Journal } from '../../lib/engine/journal.js';
import type { SagaRecord } from '../../lib/engine/records.js';
import type { SagaResult } from '../../lib/engine/result.js';
import { runSaga, type RunOptions } from '../../lib/engine/runner.js';
import type { Saga, Step } from '../../lib/engine/saga.js';
import { toySaga, toyStage, toyStep } from './toy-saga.js';
import type { ToyWorld, Faults } from './toy-world.js';

/** Fails `make` of these names, always or the first `times` times. */
export function failing(names: readonly string[], times = Infinity): Faults {
  return ([program, name = ''], nth) =>
    program === 'make' && names.includes(name) && nth <= times ? 'exit' : null;
}

export function run(
  world: ToyWorld,
  saga: Saga,
  journal: Journal<SagaRecord>,
  changes: Partial<RunOptions> = {},
) {
  const work = runSaga({
    saga,
    journal,
    provider: world.provider,
    seed: 1,
    signal: new AbortController().signal,
    observer: () => undefined,
    mode: 'run',
    ...changes,
  });
  return world.drive(work);
}

export function outcomes(result: SagaResult): Record<string, string> {
  return Object.fromEntries(result.steps.map(({ key, outcome }) => [key, outcome]));
}

export function typesOf(journal: Journal<SagaRecord>, step: string): readonly string[] {
  return journal.read().flatMap((record) => ('step' in record && record.step === step ? [record.type] : []));
}

export const single = (step: Step): Saga =>
  toySaga([toyStage('before', [toyStep('base')]), toyStage('one', [step])]);
