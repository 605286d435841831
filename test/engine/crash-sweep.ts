// Kills a toy saga at every point where a process can die. The driver is helpers/crash-sweep.ts.
import t from 'tap';
import type { Saga } from '../../lib/engine/saga.js';
import { crashSweep, type SweepSubject, type SweepWorld } from '../helpers/crash-sweep.js';
import { fullSaga, has, sh, smallSaga, toySaga, toyStage, toyStep } from '../helpers/toy-saga.js';
import { ToyWorld, type Faults } from '../helpers/toy-world.js';

function toySubject(saga: () => Saga, faults?: Faults): SweepSubject {
  return { saga, fresh: () => Promise.resolve(sweepWorld(new ToyWorld(faults))) };
}

function sweepWorld(world: ToyWorld): SweepWorld {
  const self: SweepWorld = {
    provider: world.provider,
    drive: (work) => world.drive(work),
    reopen: () => Promise.resolve(self),
    shape: () => Promise.resolve(world.shape()),
  };
  return self;
}

// Some seconds on an idle machine; a busy one must not make it fail.
t.setTimeout(180_000);

void t.test('a saga killed anywhere is completed by resume and undone by abort', async (t) => {
  const { points, problems } = await crashSweep(toySubject(fullSaga));
  t.comment(`crash points: ${points}`);
  t.strictSame(problems, []);
  t.ok(points > 90, 'there are many points');
});

void t.test('so is one with failures on its way', async (t) => {
  const once: Faults = ([program, name], nth) =>
    program === 'make' && name !== 'm-2' && nth === 1 ? 'exit' : null;
  const { points, problems } = await crashSweep(toySubject(smallSaga, once));
  t.comment(`crash points: ${points}`);
  t.strictSame(problems, []);
});

void t.test('so is one whose answers are lost', async (t) => {
  const lost: Faults = ([program], nth) => (program === 'make' && nth === 1 ? 'lost' : null);
  const { points, problems } = await crashSweep(toySubject(smallSaga, lost));
  t.comment(`crash points: ${points}`);
  t.strictSame(problems, []);
});

void t.test('a saga that compensates ends compensated wherever it is killed', async (t) => {
  const broken: Faults = ([program, name]) => (program === 'make' && name === 'init-b' ? 'exit' : null);
  const { points, problems } = await crashSweep(toySubject(smallSaga, broken));
  t.comment(`crash points: ${points}`);
  t.strictSame(problems, []);
});

void t.test('the sweep sees planted differences', async (t) => {
  const planted: Record<string, { saga: () => Saga; shows: RegExp }> = {
    'a step that is not idempotent and has no probe': {
      saga: () =>
        toySaga([
          toyStage('one', [
            {
              ...toyStep('counter'),
              probe: () => Promise.resolve('not-done'),
              run: (c) => sh(c, ['count', 'counter']),
            },
          ]),
        ]),
      shows: /resume: left counter: "2", not "1"/,
    },
    'a compensation that forgets the half of a step': {
      saga: () =>
        toySaga([
          toyStage('one', [
            toyStep('two', 'compensable', {
              probe: async (c) => ((await has(c, 'two-b')) ? 'done' : 'not-done'),
              run: async (c) => {
                await sh(c, ['make', 'two-a']);
                await sh(c, ['make', 'two-b']);
              },
              compensate: (c) => sh(c, ['unmake', 'two-b']),
            }),
          ]),
        ]),
      shows: /abort: left two-a: "", not nothing/,
    },
    'a step that says it is done too early': {
      saga: () =>
        toySaga([
          toyStage('one', [
            toyStep('two', 'compensable', {
              probe: async (c) => ((await has(c, 'two-a')) ? 'done' : 'not-done'),
              run: async (c) => {
                await sh(c, ['make', 'two-a']);
                await sh(c, ['make', 'two-b']);
              },
            }),
          ]),
        ]),
      shows: /resume: left two-b: nothing, not ""/,
    },
  };
  for (const [name, { saga, shows }] of Object.entries(planted)) {
    const { problems } = await crashSweep(toySubject(saga));
    t.match(problems.join('\n'), shows, name);
  }
});
