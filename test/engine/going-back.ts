// Pivots, compensation, interruption, and what a later process may do with a saga that is not over.
import t, { type Test } from 'tap';
import { UserError } from '../../lib/base/errors.js';
import { MemoryJournal } from '../../lib/engine/journal.js';
import type { SagaRecord } from '../../lib/engine/records.js';
import { isOpen } from '../../lib/engine/result.js';
import { type Saga } from '../../lib/engine/saga.js';
import { RETRY, sh, smallSaga, toySaga, toyStage, toyStep } from '../helpers/toy-saga.js';
import { ToyWorld, type Faults } from '../helpers/toy-world.js';

import { failing, outcomes, run, typesOf } from '../helpers/toy-run.js';
async function refused(t: Test, work: Promise<unknown>, code: string, message = /./): Promise<void> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  t.ok(error instanceof UserError && error.code === code && error.exitCode === 2, code);
  t.match(String(error), message);
}

void t.test('the failed step is undone first, then the others in reverse', async (t) => {
  const world = new ToyWorld(failing(['c']));
  const saga = toySaga([toyStage('one', [toyStep('a'), toyStep('b')]), toyStage('two', [toyStep('c')])]);
  const result = await run(world, saga, new MemoryJournal());
  const undone = world.trace.filter((line) => /unmake \w+$/.test(line)).map((line) => line.split(' ')[2]);
  t.strictSame(undone, ['c', 'b', 'a']);
  t.strictSame(world.shape(), {});
  t.equal(result.error?.code, 'command-failed');
});

void t.test('a failure lets go of its siblings before anything is undone', async (t) => {
  const world = new ToyWorld(([program, name]) => (program === 'make' && name === 'a' ? 'exit' : null));
  const slow = toyStep('b', 'compensable', {
    run: async (c) => {
      await c.clock.sleep(1_500, c.signal);
      await sh(c, ['make', 'b']);
    },
  });
  const never = toyStep('c');
  const journal = new MemoryJournal<SagaRecord>();
  const a = toyStep('a', 'compensable', { retry: { ...RETRY, attempts: 1 } });
  const result = await run(world, toySaga([toyStage('all', [a, slow, never], 2)]), journal);
  t.strictSame(outcomes(result), { a: 'undone', b: 'undone', c: 'pending' });
  t.strictSame(typesOf(journal, 'b').slice(0, 3), ['step.attempt', 'step.acting', 'step.cancelled']);
});

void t.test('after the pivot a saga only goes forward', async (t) => {
  const world = new ToyWorld(failing(['label'], 3));
  const journal = new MemoryJournal<SagaRecord>();
  const stuck = await run(world, smallSaga(), journal);
  t.equal(stuck.outcome, 'stuck');
  t.match(outcomes(stuck), { 'm-1': 'done', commit: 'done', label: 'failed' });
  await refused(
    t,
    run(world, smallSaga(), journal, { mode: 'abort' }),
    'past-pivot',
    /step commit has been done/,
  );
  await refused(t, run(world, smallSaga(), journal), 'saga-open');
  const resumed = await run(world, smallSaga(), journal, { mode: 'resume' });
  t.equal(resumed.outcome, 'completed');
  t.equal(resumed.error, null);
  await refused(t, run(world, smallSaga(), journal, { mode: 'resume' }), 'nothing-to-resume');
  await refused(t, run(world, smallSaga(), journal, { mode: 'abort' }), 'nothing-to-abort');
});

void t.test('a pivot that failed', async (t) => {
  const broken = failing(['commit']);
  const shown = await run(
    new ToyWorld(broken),
    toySaga([toyStage('p', [toyStep('commit', 'pivot')])]),
    new MemoryJournal(),
  );
  t.equal(shown.outcome, 'compensated', 'is not passed when its probe shows that nothing changed');
  const { probe: _probe, ...blind } = toyStep('commit', 'pivot');
  const journal = new MemoryJournal<SagaRecord>();
  const world = new ToyWorld(broken);
  const unknown = await run(world, toySaga([toyStage('p', [blind])]), journal);
  t.equal(unknown.outcome, 'stuck', 'counts as passed when nobody can tell');
  await refused(
    t,
    run(world, toySaga([toyStage('p', [blind])]), journal, { mode: 'abort' }),
    'past-pivot',
    /may have/,
  );
  const lost: Faults = ([program]) => (program === 'make' ? 'lost' : null);
  const once = toyStep('commit', 'pivot', { retry: { ...RETRY, attempts: 1 } });
  const happened = await run(new ToyWorld(lost), toySaga([toyStage('p', [once])]), new MemoryJournal());
  t.equal(happened.outcome, 'completed', 'is done when its probe finds it done');
});

void t.test('an undo that fails does not stop the others, and resume tries it again', async (t) => {
  const faults: Faults = ([program, name], nth) => {
    if (program === 'make' && name === 'c') return 'exit';
    return program === 'unmake' && name === 'b' && nth <= 4 ? 'exit' : null;
  };
  const world = new ToyWorld(faults);
  const saga = toySaga([toyStage('all', [toyStep('a'), toyStep('b'), toyStep('c')])]);
  const journal = new MemoryJournal<SagaRecord>();
  const stuck = await run(world, saga, journal);
  t.equal(stuck.outcome, 'stuck');
  t.strictSame(outcomes(stuck), { a: 'undone', b: 'undo-failed', c: 'undone' });
  t.match(stuck.error?.message, /cannot undo b/);
  const resumed = await run(world, saga, journal, { mode: 'resume' });
  t.equal(resumed.outcome, 'compensated');
  t.strictSame(world.shape(), {});
});

void t.test('interruption: the command is cut off and recorded, and both ways are open', async (t) => {
  for (const [mode, outcome, shape] of [
    ['resume', 'completed', { 'm-1': '', 'm-2': '', 'init-a': '', 'init-b': '', commit: '', label: '' }],
    ['abort', 'compensated', {}],
  ] as const) {
    const world = new ToyWorld();
    const journal = new MemoryJournal<SagaRecord>();
    const controller = new AbortController();
    world.at(1_500, () => {
      controller.abort();
    });
    const interrupted = await run(world, smallSaga(), journal, { signal: controller.signal });
    t.equal(interrupted.outcome, 'interrupted');
    t.equal(interrupted.durationMs, 1_500);
    t.strictSame(typesOf(journal, 'init').at(-1), 'step.cancelled');
    const went = await run(world, smallSaga(), journal, { mode });
    t.equal(went.outcome, outcome);
    t.strictSame(world.shape(), shape);
  }
  const early = new AbortController();
  early.abort();
  const nothing = await run(new ToyWorld(), smallSaga(), new MemoryJournal(), { signal: early.signal });
  t.equal(nothing.outcome, 'interrupted');
});

void t.test('until a stage, and on from there', async (t) => {
  const world = new ToyWorld();
  const journal = new MemoryJournal<SagaRecord>();
  const partial = await run(world, smallSaga(), journal, { until: 'init' });
  t.equal(partial.outcome, 'partial');
  t.equal(isOpen(journal.read()), true);
  t.match(outcomes(partial), { init: 'done', commit: 'pending' });
  await refused(t, run(world, smallSaga(), journal, { until: 'nowhere' }), 'unknown-stage', /nowhere/);
  t.equal((await run(world, smallSaga(), journal)).outcome, 'completed');
});

void t.test('a changed plan stops resume and names the step, but not abort', async (t) => {
  const start = async () => {
    const world = new ToyWorld();
    const journal = new MemoryJournal<SagaRecord>();
    await run(world, smallSaga(), journal, { until: 'init' });
    return { world, journal };
  };
  const retitled = (saga: Saga, key: string): Saga => ({
    ...saga,
    stages: saga.stages.map((stage) => ({
      ...stage,
      steps: stage.steps.map((step) => (step.key === key ? { ...step, title: 'Another' } : step)),
    })),
  });
  const { world, journal } = await start();
  await refused(
    t,
    run(world, retitled(smallSaga(), 'm-2'), journal, { mode: 'resume' }),
    'plan-changed',
    /step m-2 was/,
  );
  await refused(t, run(world, retitled(smallSaga(), 'm-2'), journal), 'plan-changed');
  const shorter = { ...smallSaga(), stages: smallSaga().stages.slice(0, 2) };
  await refused(t, run(world, shorter, journal, { mode: 'resume' }), 'plan-changed', /step commit is gone/);
  const gone = { ...smallSaga(), stages: smallSaga().stages.slice(1) };
  await refused(t, run(world, gone, journal, { mode: 'abort' }), 'compensation-gone', /step m-1/);
  const aborted = await run(world, retitled(shorter, 'm-2'), journal, { mode: 'abort' });
  t.equal(aborted.outcome, 'compensated');
  t.equal(aborted.error, null);
  t.strictSame(world.shape(), {});
});
