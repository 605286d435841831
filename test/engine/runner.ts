// What a run does with steps, time, failures and people who stop it.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { BugError, UserError } from '../../lib/base/errors.js';
import type { EngineEvent } from '../../lib/engine/events.js';
import { MemoryJournal, type Journal } from '../../lib/engine/journal.js';
import type { SagaRecord } from '../../lib/engine/records.js';
import { isOpen, resultOf, type SagaResult } from '../../lib/engine/result.js';
import { runSaga, type RunOptions } from '../../lib/engine/runner.js';
import { StepError, type Saga, type Step } from '../../lib/engine/saga.js';
import { Attempt, Crash, Process, outcomeOf, type CrashPoint } from '../helpers/crash-sweep.js';
import { fullSaga, RETRY, sh, smallSaga, toyPivot, toySaga, toyStage, toyStep } from '../helpers/toy-saga.js';
import { ToyWorld, type Faults } from '../helpers/toy-world.js';

/** Fails `make` of these names, always or the first `times` times. */
function failing(names: readonly string[], times = Infinity): Faults {
  return ([program, name = ''], nth) =>
    program === 'make' && names.includes(name) && nth <= times ? 'exit' : null;
}

function run(world: ToyWorld, saga: Saga, journal: Journal<SagaRecord>, changes: Partial<RunOptions> = {}) {
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

function outcomes(result: SagaResult): Record<string, string> {
  return Object.fromEntries(result.steps.map(({ key, outcome }) => [key, outcome]));
}

function typesOf(journal: Journal<SagaRecord>, step: string): readonly string[] {
  return journal.read().flatMap((record) => ('step' in record && record.step === step ? [record.type] : []));
}

const single = (step: Step): Saga =>
  toySaga([toyStage('before', [toyStep('base')]), toyStage('one', [step])]);

async function refused(t: Test, work: Promise<unknown>, code: string, message = /./): Promise<void> {
  const error: unknown = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  t.ok(error instanceof UserError && error.code === code && error.exitCode === 2, code);
  t.match(String(error), message);
}

void t.test('a saga runs to its end, concurrently within its stages', async (t) => {
  const world = new ToyWorld();
  const journal = new MemoryJournal<SagaRecord>();
  const result = await run(world, fullSaga(), journal);
  t.equal(result.outcome, 'completed');
  t.equal(result.error, null);
  t.strictSame([...new Set(Object.values(outcomes(result)))], ['done']);
  t.strictSame(result, resultOf(journal.read()));
  const started = Object.fromEntries(result.steps.map((step) => [step.key, step.startedAtMs]));
  t.equal(started['m-1'], started['m-2'], 'two at once');
  t.equal(started['m-3'], Number(started['m-1']) + 1_010, 'the third when there is room');
  t.equal(result.durationMs, 1_010 + 2_020 + 2_010 + 1_020 + 1_010);
  t.equal(isOpen(journal.read()), false);
});

void t.test('what is done already is skipped, and not undone by a failure', async (t) => {
  const world = new ToyWorld(failing(['init-b']));
  world.files.set('network', '');
  const result = await run(world, fullSaga(), new MemoryJournal());
  t.equal(result.outcome, 'compensated');
  t.match(outcomes(result), {
    network: 'skipped',
    'm-1': 'undone',
    init: 'undone',
    commit: 'pending',
    'label-1': 'pending',
  });
  t.ok(world.files.has('network'));
});

void t.test('attempts, back-off and their count', async (t) => {
  const waits: EngineEvent[] = [];
  const observer = (event: EngineEvent): void => {
    if (event.type === 'waiting') waits.push(event);
  };
  const helped = await run(new ToyWorld(failing(['x'], 2)), single(toyStep('x')), new MemoryJournal(), {
    observer,
  });
  t.equal(helped.outcome, 'completed');
  t.equal(helped.steps[1]?.attempts, 3);
  t.match(waits, [
    { step: 'x', attempt: 2, waitMs: 2_000 },
    { step: 'x', attempt: 3, waitMs: 3_000 },
  ]);
  const failed = await run(new ToyWorld(failing(['x'])), single(toyStep('x')), new MemoryJournal());
  t.equal(failed.outcome, 'compensated');
  t.equal(failed.steps[1]?.attempts, 3);
  t.equal(failed.error?.code, 'command-failed');
});

void t.test('how errors end an attempt', async (t) => {
  const cases: readonly (readonly [string, Error, number, string])[] = [
    ['not retryable', new StepError({ code: 'x', message: 'x', remedy: 'x', retryable: false }), 1, 'x'],
    ['a person must mend it', new UserError({ code: 'u', message: 'u', remedy: 'u' }), 1, 'u'],
    ['retryable', new StepError({ code: 'r', message: 'r', remedy: 'r', retryable: true }), 3, 'r'],
  ];
  for (const [name, error, attempts, code] of cases) {
    const saga = single(toyStep('x', 'compensable', { run: () => Promise.reject(error) }));
    const result = await run(new ToyWorld(), saga, new MemoryJournal());
    t.match(
      [result.outcome, result.steps[1]?.attempts, result.error?.code],
      ['compensated', attempts, code],
      name,
    );
  }
  const unreachable = new ToyWorld(([program]) => (program === 'make' ? 'unreachable' : null));
  const result = await run(unreachable, single(toyStep('x')), new MemoryJournal());
  t.equal(result.error?.code, 'unreachable');
  t.equal(result.steps[0]?.attempts, 3);
});

void t.test('a bug ends the run, is not recorded, and leaves a journal that can be resumed', async (t) => {
  const world = new ToyWorld();
  const journal = new MemoryJournal<SagaRecord>();
  const make = (bug: boolean): Saga =>
    toySaga([
      toyStage(
        'both',
        [
          toyStep('slow'),
          toyStep('x', 'compensable', bug ? { run: () => Promise.reject(new TypeError('oops')) } : {}),
        ],
        2,
      ),
    ]);
  await t.rejects(run(world, make(true), journal), new TypeError('oops'));
  t.strictSame(typesOf(journal, 'x'), ['step.attempt', 'step.acting']);
  t.match(world.trace.at(-1), /make slow: cancelled/, 'nothing goes on in the background');
  const result = await run(world, make(false), journal, { mode: 'resume' });
  t.equal(result.outcome, 'completed');
});

void t.test('a step that takes too long is cut off, waited for and tried again', async (t) => {
  const hangs: Faults = ([program, name], nth) =>
    program === 'make' && name === 'x' && nth === 1 ? 'hang' : null;
  const world = new ToyWorld(hangs);
  const journal = new MemoryJournal<SagaRecord>();
  const result = await run(world, single(toyStep('x', 'compensable', { timeoutMs: 5_000 })), journal);
  t.equal(result.outcome, 'completed');
  t.match(
    journal.read().find((record) => record.type === 'step.failed'),
    { error: { code: 'timed-out' } },
  );
  t.ok(world.trace.includes('6010 make x: cancelled'), 'after exactly its time');
  const deaf = single(
    toyStep('y', 'compensable', {
      timeoutMs: 5_000,
      run: async (c) => {
        await c.clock.sleep(8_000);
        await sh({ ...c, signal: new AbortController().signal }, ['make', 'y']);
      },
    }),
  );
  const late = await run(new ToyWorld(), deaf, new MemoryJournal());
  t.equal(late.steps[1]?.durationMs, 9_010, 'one that does not listen is waited for, and may have succeeded');
  t.equal(late.outcome, 'completed');
});

void t.test('guards are asked before every attempt, and a no stops the step untouched', async (t) => {
  let asked = 0;
  const guards = [() => Promise.resolve((asked += 1) > 1 ? 'quorum would be lost' : null)];
  const journal = new MemoryJournal<SagaRecord>();
  const result = await run(new ToyWorld(failing(['p'])), single(toyStep('p', 'pivot', { guards })), journal);
  t.equal(asked, 2);
  t.match(result.error, { code: 'guard-refused', message: /quorum would be lost/ });
  const first = await run(
    new ToyWorld(),
    single(toyStep('p', 'pivot', { guards: [() => Promise.resolve('no')] })),
    journal.read().length > 0 ? new MemoryJournal() : journal,
  );
  t.equal(first.outcome, 'compensated', 'a pivot that never acted is not passed');
});

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

void t.test('a kill never uses up attempts', async (t) => {
  const world = new ToyWorld();
  const self = {
    provider: world.provider,
    drive: <V>(w: Promise<V>) => world.drive(w),
    reopen: () => Promise.resolve(self),
    shape: () => Promise.resolve(world.shape()),
  };
  const saga = (): Saga => single(toyStep('x', 'compensable', { retry: { ...RETRY, attempts: 1 } }));
  const attempt = new Attempt({ fresh: () => Promise.resolve(self), saga }, self);
  // The fourth operation of the first process is the `make` of x, which is the second of each later one.
  for (let i = 0; i < 5; i += 1) {
    const point: CrashPoint = { at: 'operation', n: i === 0 ? 4 : 2, sent: false };
    await t.rejects(attempt.go(i === 0 ? 'run' : 'resume', new Process(point)), new Crash('killed'));
  }
  const result = await attempt.go('resume', new Process(null));
  t.equal(result.outcome, 'completed');
  t.equal(result.steps[1]?.attempts, 6);
});

void t.test('a slow disk changes no lab time and no order', async (t) => {
  class SlowJournal extends MemoryJournal<SagaRecord> {
    #appends = 0;
    override append(records: readonly SagaRecord[]): void {
      this.#appends += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, (this.#appends * 7) % 5);
      super.append(records);
    }
  }
  const faults = failing(['m-2', 'label-1'], 1);
  const runs = [new MemoryJournal<SagaRecord>(), new SlowJournal()].map(async (journal) => {
    const world = new ToyWorld(faults);
    const result = await run(world, fullSaga(), journal);
    return { result, trace: world.trace, records: journal.read() };
  });
  const [fast, slow] = await Promise.all(runs);
  t.equal(fast?.result.outcome, 'completed');
  t.strictSame(slow, fast);
});

void t.test('one append takes all records of a turn', async (t) => {
  const sizes: number[] = [];
  const inner = new MemoryJournal<SagaRecord>();
  const journal: Journal<SagaRecord> = {
    read: () => inner.read(),
    append: (records) => {
      sizes.push(records.length);
      inner.append(records);
    },
  };
  const steps = ['a', 'b', 'c'].map((key): Step => {
    const { probe: _probe, ...step } = toyStep(key);
    return step;
  });
  await run(new ToyWorld(), toySaga([toyStage('all', steps, 3)]), journal);
  t.strictSame(sizes.slice(0, 3), [1, 4, 3], 'the plan; the start and three attempts; three acting');
});

void t.test('observers see records after they are durable, progress, and the end', async (t) => {
  const journal = new MemoryJournal<SagaRecord>();
  const seen: EngineEvent[] = [];
  const observer = (event: EngineEvent): void => {
    seen.push(event);
    if (event.type === 'recorded') t.ok(journal.read().includes(event.record));
  };
  const hello: Step['run'] = async (context) => {
    context.log('hello');
  };
  const saga = single(toyStep('x', 'compensable', { run: hello }));
  await run(new ToyWorld(), saga, journal, { observer });
  t.match(seen[0], { type: 'opened', steps: [{ key: 'base', outcome: 'pending' }, { key: 'x' }] });
  t.match(
    seen.find((event) => event.type === 'progress'),
    { step: 'x', line: 'hello', atMs: 1_020 },
  );
  t.match(seen.at(-1), { type: 'ended', outcome: 'completed' });
  t.notMatch(JSON.stringify(journal.read()), /hello/);
});

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

void t.test('a plan that breaks the rules is a bug', async (t) => {
  const wrong = toySaga([toyStage('one', [toyStep('a'), toyStep('a', 'pivot')])]);
  await t.rejects(run(new ToyWorld(), wrong, new MemoryJournal()), BugError);
});
