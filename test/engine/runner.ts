// What a run does with steps, time, failures and people who stop it.
import t from 'tap';
import { BugError, UserError } from '../../lib/base/errors.js';
import type { EngineEvent } from '../../lib/engine/events.js';
import { MemoryJournal, type Journal } from '../../lib/engine/journal.js';
import type { SagaRecord } from '../../lib/engine/records.js';
import { isOpen, resultOf } from '../../lib/engine/result.js';
import { StepError, type Saga, type Step } from '../../lib/engine/saga.js';
import { Attempt } from '../helpers/crash-sweep.js';
import { Crash, Process, type CrashPoint } from '../helpers/killable.js';
import { fullSaga, RETRY, sh, toySaga, toyStage, toyStep } from '../helpers/toy-saga.js';
import { ToyWorld, type Faults } from '../helpers/toy-world.js';

import { failing, outcomes, run, single, typesOf } from '../helpers/toy-run.js';
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

void t.test('a plan that breaks the rules is a bug', async (t) => {
  const wrong = toySaga([toyStage('one', [toyStep('a'), toyStep('a', 'pivot')])]);
  await t.rejects(run(new ToyWorld(), wrong, new MemoryJournal()), BugError);
});
