// The cluster brought back to a copy of etcd, on the simulator: what is there again, and what a kill or a fault costs.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import { controlPlanes } from '../../lib/model/lab.js';
import { takeSnapshot } from '../../lib/sagas/etcd-snapshot.js';
import { KEPT_DATA, RESTORE_DIR } from '../../lib/sagas/restore/paths.js';
import { restoreSaga, type RestoreInput } from '../../lib/sagas/restore.js';
import { commandsOf } from '../helpers/bootstrap-runs.js';
import { commitNumber, SMALL } from '../helpers/bootstrap-sweep.js';
import { crashSweep } from '../helpers/crash-sweep.js';
import { memoryPorts, runOnSim } from '../helpers/sim-lab.js';
import { simSubject } from '../helpers/sim-sweep.js';
import { contextOf, openLab, upLab, type Opened } from '../helpers/upgrade-runs.js';

t.setTimeout(300_000);

interface Copied extends Opened {
  readonly input: RestoreInput;
}

/** A lab with a copy of etcd, and one ConfigMap that is gone since and one that is new. */
async function copied(overrides = SMALL): Promise<Copied> {
  const opened = openLab(await upLab(overrides));
  const { lab, provider, files } = opened;
  await kubectl(opened, 'create configmap before');
  const { name, sha256 } = await takeSnapshot(contextOf(provider), lab, memoryPorts(files).folder, '0001-x');
  await kubectl(opened, 'create configmap after');
  await kubectl(opened, 'delete configmap before');
  await provider.clock.sleep(60_000);
  return { ...opened, input: { snapshot: name, sha256, wasWhole: true, token: 'restored-1' } };
}

async function kubectl({ provider }: Pick<Opened, 'provider'>, line: string): Promise<string> {
  const argv = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf', ...line.split(' ')];
  const ended = await provider.shell('stage-cp-1').run({ argv, timeoutMs: 60_000 });
  if (ended.kind !== 'exited') throw new Error(`${line}: ${ended.kind}`);
  return new TextDecoder().decode(ended.code === 0 ? ended.stdout : ended.stderr);
}

void t.test('etcd 3.6 is restored by the etcdutl of its own image', async (t) => {
  const opened = await copied({ ...SMALL, topology: 'k8s-multi', 'kubernetes-version': 'v1.34.1' });
  const { lab, provider, files, input, log } = opened;
  const gone = await provider.shell('stage-cp-1').run({
    ...{
      argv: ['etcdctl', 'snapshot', 'restore', '/none.db', '--data-dir', '/var/lib/r'],
      timeoutMs: 60_000,
    },
  });
  t.match(gone, { kind: 'exited', code: 1 }, 'etcdctl does not know how any more');
  const result = await runOnSim(restoreSaga(lab, input, memoryPorts(files)), { provider });
  t.match(result, { outcome: 'completed', error: null });
  t.equal(await kubectl(opened, 'get configmap before -o name'), 'configmap/before\n');
  t.equal(commandsOf(log, '/var/lib/homelab-restore/etcdutl', 'snapshot', 'restore').length, 1);
  t.notOk(provider.world.machine('stage-cp-1').disk.exists(RESTORE_DIR));
});

void t.test('all is as in the copy, on the same three members', async (t) => {
  const opened = await copied();
  const { lab, provider, files, input } = opened;
  const result = await runOnSim(restoreSaga(lab, input, memoryPorts(files)), { provider });
  t.match(result, { outcome: 'completed', error: null });
  t.equal(await kubectl(opened, 'get configmap before -o name'), 'configmap/before\n');
  t.match(await kubectl(opened, 'get configmap after'), /"after" not found/);
  const seen = await provider.observe();
  t.equal(seen.etcd.members?.filter(({ healthy, learner }) => healthy && !learner).length, 3);
  t.ok(seen.nodes?.every(({ ready }) => ready));
  t.equal(seen.vipHolders?.length, 1);
  for (const { name } of controlPlanes(lab)) {
    const { disk } = provider.world.machine(name);
    t.ok(disk.isDirectory(KEPT_DATA), 'the data of before is kept');
    t.notOk(disk.exists(RESTORE_DIR), 'and nothing else');
  }
  await kubectl(opened, 'create configmap later');
  const twice = await runOnSim(restoreSaga(lab, { ...input, token: 'restored-2' }, memoryPorts(files)), {
    provider,
  });
  t.equal(twice.outcome, 'completed', 'again');
  t.match(await kubectl(opened, 'get configmap later'), /not found/);
});

void t.test(
  'a damaged copy and a control plane that is off are refused before anything is touched',
  async (t) => {
    const { lab, provider, files, input } = await copied();
    const run = () => runOnSim(restoreSaga(lab, input, memoryPorts(files)), { provider });
    const path = `snapshots/${input.snapshot}.db`;
    const whole = must(files.get(path), 'there is a copy');
    files.set(path, `${whole.slice(0, -8)}AAAA${whole.slice(-4)}`);
    t.match(await run(), { outcome: 'compensated', error: { code: 'no-snapshot', message: /damaged/ } });
    files.set(path, whole);
    await provider.power('stage-cp-2', 'cut');
    t.match(await run(), {
      outcome: 'compensated',
      error: { code: 'restore-preflight', message: /^stage-cp-2 is off: every control plane gets the copy/ },
    });
    t.notOk(provider.world.machine('stage-cp-1').disk.exists(RESTORE_DIR));
  },
);

void t.test('a failure before etcd starts takes everything back', async (t) => {
  const { lab, provider, files, input, ...opened } = await copied();
  const saga = restoreSaga(lab, input, memoryPorts(files));
  const stages = saga.stages.map((stage) =>
    stage.key === 'start'
      ? { ...stage, steps: stage.steps.map((step) => ({ ...step, guards: [never] })) }
      : stage,
  );
  const result = await runOnSim({ ...saga, stages }, { provider });
  t.equal(result.outcome, 'compensated');
  await provider.clock.sleep(120_000);
  t.equal(await kubectl({ ...opened, provider }, 'get configmap after -o name'), 'configmap/after\n');
  const seen = await provider.observe();
  t.ok(seen.etcd.members?.every(({ healthy }) => healthy));
  t.notOk(provider.world.machine('stage-cp-3').disk.exists(RESTORE_DIR));
});

const never = async (): Promise<string> => 'not today';

void t.test('killed anywhere', async (t) => {
  const { lab, files, input, log } = await copied();
  const saga = () => restoreSaga(lab, input, memoryPorts(new Map(files)));
  const stride = process.env['HOMELAB_SWEEP'] === 'all' ? 4 : 23;
  const offset = commitNumber() % stride;
  const { points, problems } = await crashSweep(simSubject(lab, saga, log.read()), (all) =>
    all.filter((_, i) => i % stride === offset),
  );
  t.comment(`crash points swept: ${points} (every ${stride}, from ${offset})`);
  t.strictSame(problems, []);
  t.ok(points > 5);
});
