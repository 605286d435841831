/**
 * A real lab of four machines, from nothing to nothing through the real program: three control planes and a load
 * balancer, stopped before Kubernetes. In between, what real networks, real etcd and real HAProxy do.
 */
import t from 'tap';
import type { StatusDocument } from '../../lib/cli/commands/status.js';
import type { SagaDocument } from '../../lib/cli/operation.js';
import { balancedWithout, comesToAnswer, notReady, startServers } from './helpers/load-balancer.js';
import { losePowerOfEtcd, replaceMember, startEtcd } from './helpers/etcd.js';
import { floatingAddress, pulledCable } from './helpers/floating-address.js';
import type { Shape } from './helpers/configuration.js';
import { makeLab, notPrepared } from './helpers/lab.js';
import { type } from './helpers/show.js';
import { answersPing } from './helpers/watch.js';

t.setTimeout(120 * 60_000);

const SHAPE: Shape = {
  ...{ name: 't4', subnet: '192.168.84', controlPlanes: 3, workers: 0 },
  vipProvider: 'haproxy',
  // The timers of etcd and HAProxy are stretched by it too.
  timeScale: 5,
};

void t.test('four machines, from nothing to nothing', { skip: notPrepared() }, async (t) => {
  const lab = makeLab(t, SHAPE);
  const names = lab.spec.machines.map(({ name }) => name);
  t.equal(names.length, 4);
  const states = async (): Promise<readonly string[]> => {
    const { stdout } = await type(t, lab, 'status -o json', 0);
    return (JSON.parse(stdout) as StatusDocument).machines.map(({ state }) => state);
  };
  const allAnswer = (): boolean => lab.spec.machines.every(({ address }) => answersPing(address));

  await type(t, lab, 'up --until machines', 0);
  t.strictSame(await states(), ['running', 'running', 'running', 'running']);
  t.ok(allAnswer(), 'every machine answers on the lab network');
  const uname = await type(t, lab, 'exec t4-cp-1 -- uname -n', 0);
  t.equal(uname.stdout, 't4-cp-1\n');
  const again = await type(t, lab, 'up --until machines -o json', 0);
  t.match(JSON.parse(again.stdout), { outcome: 'partial' });

  const provider = await lab.open();
  try {
    await t.test('a floating address', (t) => floatingAddress(t, lab, provider, ['t4-cp-1', 't4-cp-2']));
    await t.test('a cable', (t) => pulledCable(t, lab, provider, 't4-cp-3'));
    await t.test('etcd', (t) => startEtcd(t, lab.spec, provider));
    await t.test('HAProxy', (t) => startServers(t, lab.spec, provider));
    await t.test('HAProxy: not ready', (t) => notReady(t, lab.spec, provider));
    await t.test('etcd: a member is replaced', (t) => replaceMember(t, lab.spec, provider));
    await t.test('etcd: power is lost', (t) =>
      losePowerOfEtcd(t, lab.spec, provider, (gone) => balancedWithout(t, lab.spec, gone)),
    );
    t.ok(await comesToAnswer(lab.spec, names.slice(0, 3)), 'with their power, all are asked again');
  } finally {
    await provider.close();
  }

  await type(t, lab, 'down', 0);
  t.strictSame(await states(), ['off', 'off', 'off', 'off']);
  await type(t, lab, 'up --until machines', 0);
  t.strictSame(await states(), ['running', 'running', 'running', 'running']);
  t.ok(allAnswer(), 'every machine answers again, at the same address');
  const destroyed = await type(t, lab, 'destroy -y -o json', 0);
  t.strictSame((JSON.parse(destroyed.stdout) as SagaDocument).residue, []);
  t.strictSame(lab.leftovers(), [], 'nothing is left, and libvirt says so too');
});
