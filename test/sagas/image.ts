/** The stage that builds the node image: for which labs it is there, and what its step does with what comes of it. */
import t from 'tap';
import { UserError } from '../../lib/base/errors.js';
import type { StepContext } from '../../lib/engine/saga.js';
import type { LabSpec } from '../../lib/model/lab.js';
import type { NodeImage } from '../../lib/provider/provider.js';
import { bootstrapSaga } from '../../lib/sagas/bootstrap.js';
import { buildImage } from '../../lib/sagas/bootstrap/image.js';
import { makeLab } from '../helpers/labs.js';
import { memoryPorts } from '../helpers/sim-lab.js';

const REAL = makeLab({ more: { provider: 'libvirt' } });
const NAMES = REAL.machines.map(({ name }) => name);

function stagesOf(lab: LabSpec, existing: readonly string[] = []): readonly string[] {
  return bootstrapSaga(lab, { existing, initialized: false }, memoryPorts()).stages.map(({ key }) => key);
}

t.test('real machines without a box of their own need an image, before they are made', async (t) => {
  t.strictSame(stagesOf(REAL).slice(0, 2), ['image', 'machines']);
  t.strictSame(stagesOf(REAL, NAMES.slice(1))[0], 'image', 'also for one that is missing');
  for (const stages of [
    stagesOf(REAL, NAMES),
    stagesOf({ ...REAL, box: 'debian/bookworm64' }),
    stagesOf({ ...REAL, provider: 'sim' }),
  ])
    t.equal(stages[0], 'machines');
});

interface Played {
  readonly there?: boolean;
  readonly build?: Error;
  readonly remove?: Error;
}

function contextOf(played: Played): { context: StepContext; done: string[] } {
  const done: string[] = [];
  const fail = (error: Error | undefined): void => {
    if (error !== undefined) throw error;
  };
  const image: NodeImage = {
    name: 'homelab/node',
    isThere: async () => played.there === true,
    build: async ({ onProgress }) => {
      onProgress?.('booting');
      fail(played.build);
      done.push('built');
    },
    remove: async () => {
      fail(played.remove);
      done.push('removed');
    },
  };
  const signal = new AbortController().signal;
  const log = (line: string): void => {
    done.push(`log: ${line}`);
  };
  return { context: { provider: { image }, signal, log } as unknown as StepContext, done };
}

const userError = (code: string): UserError => new UserError({ code, message: 'why', remedy: 'what to do' });

t.test('its step', async (t) => {
  const step = buildImage({
    lab: REAL,
    input: { existing: [], initialized: false },
    ports: memoryPorts(),
  });
  t.equal(await step.probe?.(contextOf({ there: true }).context), 'done');
  t.equal(await step.probe?.(contextOf({}).context), 'not-done');
  const good = contextOf({});
  await step.run(good.context);
  await step.compensate?.(good.context);
  t.strictSame(good.done, ['log: booting', 'built', 'removed']);
  await t.rejects(step.run(contextOf({ build: userError('image-failed') }).context), {
    ...{ name: 'StepError', code: 'image-failed', message: 'why', remedy: 'what to do', retryable: false },
  });
  const used = contextOf({ remove: userError('image-in-use') });
  await step.compensate?.(used.context);
  t.strictSame(used.done, ['log: the image stays: why'], 'another lab may have begun to use it');
  const broken = contextOf({ remove: userError('program-failed') });
  await t.rejects(step.compensate?.(broken.context) ?? Promise.resolve(), { code: 'program-failed' });
});
