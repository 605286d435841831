// Random plans with random failures, and random kills.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { MemoryJournal } from '../../lib/engine/journal.js';
import type { SagaRecord } from '../../lib/engine/records.js';
import { resultOf } from '../../lib/engine/result.js';
import { type Saga } from '../../lib/engine/saga.js';
import { Attempt, outcomeOf } from '../helpers/crash-sweep.js';
import { Process, type CrashPoint } from '../helpers/killable.js';
import { RETRY, toyPivot, toySaga, toyStage, toyStep } from '../helpers/toy-saga.js';
import { ToyWorld, type Faults } from '../helpers/toy-world.js';

import { outcomes, run } from '../helpers/toy-run.js';
interface RandomStep {
  readonly fails: 'never' | 'once' | 'always' | 'lost';
  readonly undoFails: 'never' | 'once' | 'always';
  readonly attempts: number;
}

const randomStep: fc.Arbitrary<RandomStep> = fc.record({
  fails: fc.constantFrom('never', 'never', 'never', 'once', 'always', 'lost'),
  undoFails: fc.constantFrom('never', 'never', 'once', 'always'),
  attempts: fc.integer({ min: 2, max: 3 }),
});
const randomStage = fc.record({
  steps: fc.array(randomStep, { minLength: 1, maxLength: 3 }),
  concurrency: fc.integer({ min: 1, max: 3 }),
});
const randomPlan = fc.record({
  before: fc.array(randomStage, { maxLength: 2 }),
  pivot: fc.option(randomStep),
  after: fc.array(randomStage, { maxLength: 1 }),
});
type RandomPlan = typeof randomPlan extends fc.Arbitrary<infer P> ? P : never;

/** The plan, and its failures: functions of the step alone, so that they come again however often one is killed. */
function realise({ before, pivot, after }: RandomPlan): { saga: Saga; faults: Faults } {
  const steps = new Map<string, RandomStep>();
  const stage =
    (prefix: string, kind: 'compensable' | 'retriable') => (given: RandomPlan['before'][number], i: number) =>
      toyStage(
        `${prefix}-${i}`,
        given.steps.map((step, j) => {
          const key = `${prefix}-${i}-${j}`;
          steps.set(key, step);
          return toyStep(key, kind, { retry: { ...RETRY, attempts: step.attempts } });
        }),
        given.concurrency,
      );
  const middle = pivot === null ? [] : [toyStage('pivot', [toyPivot('commit')])];
  if (pivot !== null) steps.set('commit', pivot);
  const saga = toySaga([
    ...before.map(stage('before', 'compensable')),
    ...middle,
    ...(pivot === null && before.length > 0 ? [] : after.map(stage('after', 'retriable'))),
  ]);
  const faults: Faults = ([program, name = ''], nth) => {
    const step = steps.get(name);
    const fails = program === 'make' ? step?.fails : program === 'unmake' ? step?.undoFails : 'never';
    if (fails === 'always' || (fails === 'once' && nth === 1)) return 'exit';
    return fails === 'lost' && nth === 1 ? 'lost' : null;
  };
  return { saga, faults };
}

function worldFor(faults: Faults) {
  const world = new ToyWorld(faults);
  const self = {
    provider: world.provider,
    drive: <Value>(work: Promise<Value>) => world.drive(work),
    reopen: () => Promise.resolve(self),
    shape: () => Promise.resolve(world.shape()),
  };
  return { world, self };
}

void t.test('random plans with random failures', async () => {
  await fc.assert(
    fc.asyncProperty(randomPlan, async (plan) => {
      const { saga, faults } = realise(plan);
      const journal = new MemoryJournal<SagaRecord>();
      const world = new ToyWorld(faults);
      const result = await run(world, saga, journal);
      const values = outcomes(result);
      const touched = journal.read().flatMap((r) => (r.type === 'step.acting' ? [r.step] : []));
      const compensable = [...new Set(touched)].filter((key) => key.startsWith('before'));
      if (result.outcome === 'completed') assert.ok(Object.values(values).every((value) => value === 'done'));
      if (result.outcome === 'compensated') assert.ok(compensable.every((key) => values[key] === 'undone'));
      if (result.outcome === 'stuck')
        assert.ok(Object.values(values).some((value) => value.endsWith('failed')));
      assert.ok(['completed', 'compensated', 'stuck'].includes(result.outcome));
      assert.equal(result.error === null, result.outcome === 'completed');
      for (const step of saga.stages.flatMap((stage) => stage.steps)) {
        const attempts = result.steps.find(({ key }) => key === step.key)?.attempts ?? 0;
        assert.ok(attempts <= step.retry.attempts, 'at most the allowed attempts');
      }
      const done = journal.read().flatMap((r) => (r.type === 'step.done' ? [r.step] : []));
      const undone = journal
        .read()
        .flatMap((r) => (r.type === 'undo.attempt' && r.attempt === 1 ? [r.step] : []));
      const failed = journal.read().find((r) => r.type === 'step.failed' && values[r.step] !== 'done');
      if (undone.length > 0) {
        assert.ok(!done.includes('commit'), 'nothing is undone after the pivot');
        assert.deepEqual(
          undone.filter((key) => done.includes(key)),
          done.filter((key) => undone.includes(key)).toReversed(),
        );
        assert.ok(failed !== undefined);
      }
    }),
    { numRuns: 60, seed: 7 },
  );
});

void t.test('killed at random, again and again, it ends as the one that was never killed', async () => {
  const point: fc.Arbitrary<CrashPoint> = fc.oneof(
    fc.record({
      at: fc.constant('append' as const),
      n: fc.integer({ min: 1, max: 12 }),
      whole: fc.integer({ min: 0, max: 2 }),
      torn: fc.boolean(),
    }),
    fc.record({
      at: fc.constant('operation' as const),
      n: fc.integer({ min: 1, max: 15 }),
      sent: fc.boolean(),
    }),
  );
  await fc.assert(
    fc.asyncProperty(randomPlan, fc.array(point, { minLength: 1, maxLength: 4 }), async (plan, points) => {
      const { saga, faults } = realise(plan);
      const subject = (self: ReturnType<typeof worldFor>['self']) => ({
        fresh: () => Promise.resolve(self),
        saga: () => saga,
      });
      const calm = worldFor(faults).self;
      const expected = await outcomeOf(new Attempt(subject(calm), calm).go('run', new Process(null)));
      const { self } = worldFor(faults);
      const attempt = new Attempt(subject(self), self);
      let end = '';
      for (const crash of [...points, null]) {
        end = await outcomeOf(attempt.go(attempt.isEmpty() ? 'run' : 'resume', new Process(crash)));
        if (end !== 'Crash: killed') break;
      }
      if (end === 'nothing-to-resume') end = resultOf(attempt.records()).outcome;
      assert.deepEqual(attempt.runTwice, []);
      assert.equal(end, expected);
      assert.deepEqual(await self.shape(), await calm.shape());
    }),
    { numRuns: 80, seed: 11 },
  );
});
