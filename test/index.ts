/** The library as someone who installs the package uses it: everything from the one entry. */
import t from 'tap';
import {
  bootstrapSaga,
  createJournal,
  listJournals,
  MemoryJournal,
  mermaid,
  planLabs,
  readJournal,
  render,
  resolve,
  resultOf,
  runSaga,
  UNDO_RETRY,
  UserError,
} from '../lib/index.js';
import { memoryPorts } from './helpers/sim-lab.js';
import { toySaga, toyStage, toyStep } from './helpers/toy-saga.js';
import { ToyWorld } from './helpers/toy-world.js';

t.test('from a configuration to files, a plan and a saga', async (t) => {
  const input = { text: 'name: dev\ntopology: single\n', file: 'c.yaml' };
  const { spec } = resolve(input);
  if (spec === null) throw new Error('the configuration is wrong');
  t.match(render(spec, 'vagrantfile'), [{ path: 'Vagrantfile', content: /dev-cp-1/ }]);
  const { document } = planLabs({ labs: [input], hostMemoryMiB: 65_536, hostMemoryExplicit: false });
  t.match(document, { labs: [{ name: 'dev', machines: [{ name: 'dev-cp-1' }] }], problems: [] });
  const saga = bootstrapSaga(spec, { existing: [], initialized: false }, memoryPorts());
  t.match(mermaid(saga), /kubeadm init on dev-cp-1/);
});

t.test('a saga of another making, with its journal on disk', async (t) => {
  const folder = t.testdir({});
  const saga = toySaga([toyStage('first', [toyStep('a'), toyStep('b')])]);
  const world = new ToyWorld();
  const run = { saga, provider: world.provider, seed: 7, observer: () => undefined };
  const options = { ...run, signal: new AbortController().signal, mode: 'run' } as const;
  const journal = createJournal(folder, saga.name);
  const result = await world.drive(runSaga({ ...options, journal }));
  journal.close();
  t.equal(result.outcome, 'completed');
  t.strictSame([...world.files.keys()].sort(), ['a', 'b']);
  const [entry] = listJournals(folder);
  t.strictSame(resultOf(readJournal(entry?.path ?? '')), result, 'the journal tells the same');
  const stages = [toyStage('first', [{ ...toyStep('a'), retry: { ...UNDO_RETRY, attempts: 1 } }])];
  const refused = runSaga({
    ...options,
    saga: toySaga(stages),
    journal: new MemoryJournal(),
    until: 'second',
  });
  await t.rejects(refused, UserError);
});
