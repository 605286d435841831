/** The real program killed in the middle of making real machines; then on, back, or away with all of it. */
import t, { type Test } from 'tap';
import type { StatusDocument } from '../../lib/cli/commands/status.js';
import type { SagaDocument } from '../../lib/cli/operation.js';
import { makeLab, notPrepared, type TestLab } from './helpers/lab.js';
import { virsh } from './helpers/programs.js';
import { show, type } from './helpers/show.js';
import { waitUntil } from './helpers/watch.js';

t.setTimeout(120 * 60_000);

const SHAPE = { name: 't2', subnet: '192.168.82', controlPlanes: 1, workers: 1 } as const;
const UP = 'up --until machines';

/** Moments in the life of `vagrant up`, as libvirt sees them. */
const MOMENTS = {
  'its first network is there': () => virsh('net-list', '--name').stdout.includes('homelab-t2'),
  'a disk is there': () => virsh('vol-list', 'default').stdout.includes('homelab_t2-cp-1'),
  'a machine boots': () => virsh('list', '--name').stdout.includes('homelab_t2-'),
} as const;

async function killedWhen(t: Test, lab: TestLab, moment: keyof typeof MOMENTS): Promise<void> {
  const started = lab.start(UP);
  const seen = await waitUntil(MOMENTS[moment], 600, 100);
  t.ok(seen !== null && started.child.kill('SIGKILL'), `killed when ${moment}`);
  show(t, UP, await started.ended, seen ?? NaN);
}

async function isUp(t: Test, lab: TestLab): Promise<void> {
  const status = JSON.parse((await type(t, lab, 'status -o json', 0)).stdout) as StatusDocument;
  t.match(status.machines, [
    { name: 't2-cp-1', state: 'running' },
    { name: 't2-w-1', state: 'running' },
  ]);
  for (const { name } of lab.spec.machines) {
    t.equal((await type(t, lab, `exec ${name} -- hostname`, 0)).stdout, `${name}\n`);
  }
}

async function isGone(t: Test, lab: TestLab): Promise<void> {
  const { stdout } = await type(t, lab, 'destroy -y -o json', 0);
  t.strictSame((JSON.parse(stdout) as SagaDocument).residue, []);
  t.strictSame(lab.leftovers(), [], 'nothing is left, and libvirt says so too');
}

void t.test('kill -9 again and again, then resume', { skip: notPrepared() }, async (t) => {
  const lab = makeLab(t, SHAPE);
  await killedWhen(t, lab, 'a disk is there');
  const resumed = lab.start('resume');
  const seen = await waitUntil(MOMENTS['a machine boots'], 600, 100);
  t.ok(seen !== null && resumed.child.kill('SIGKILL'), 'and the resume is killed when a machine boots');
  show(t, 'resume', await resumed.ended, seen ?? NaN);
  const { stdout } = await type(t, lab, 'resume -o json', 0);
  t.match(JSON.parse(stdout), { outcome: 'partial' }, 'it comes to where up was to stop');
  await isUp(t, lab);
  await isGone(t, lab);
});

void t.test('kill -9, then abort', { skip: notPrepared() }, async (t) => {
  const lab = makeLab(t, SHAPE);
  await killedWhen(t, lab, 'a machine boots');
  const { stdout } = await type(t, lab, 'abort -o json', 0);
  t.match(JSON.parse(stdout), { outcome: 'compensated', residue: [] });
  const left = lab.leftovers().filter((what) => what !== 'folder .homelab');
  t.strictSame(left, [], 'only the lab’s own folder is left, with its journal');
  await isGone(t, lab);
});

void t.test('kill -9, then destroy', { skip: notPrepared() }, async (t) => {
  const lab = makeLab(t, SHAPE);
  await killedWhen(t, lab, 'its first network is there');
  await isGone(t, lab);
});
