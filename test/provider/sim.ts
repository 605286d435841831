// The simulated provider: the contract, and what is its own: the log, its replay, dropped sessions, planned faults.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import type { MachineSpec } from '../../lib/model/lab.js';
import type { WorldRecord } from '../../lib/provider/sim/world-log.js';
import type { TraceEvent } from '../../lib/sim/world.js';
import { conformance } from '../helpers/conformance.js';
import { UnsupportedError, type Observation, type Provider } from '../../lib/provider/provider.js';
import type { SimProvider } from '../../lib/provider/sim/sim-provider.js';
import { observeWorld } from '../../lib/sim/observe.js';
import { bootstrapOnSim, labOf, memoryLog, openSim } from '../helpers/sim-lab.js';

const lab = labOf({ cni: 'none', csi: 'none', ingress: 'none' });
const two: readonly MachineSpec[] = lab.machines.slice(0, 2);
const first = must(two[0], 'a lab has a machine').name;
const SHORT = { timeoutMs: 60_000 };

void conformance(t, 'sim', async () => ({ provider: openSim(lab), machines: two }));

void t.test('powers that a host does not have are refused, and counted apart', async (t) => {
  const without = (power: () => Promise<void>): Provider =>
    new Proxy<Provider>(openSim(lab), {
      get: (provider, name) => {
        if (name === 'supported') return [];
        if (['pause', 'resume', 'link', 'disk'].includes(String(name))) return power;
        const value: unknown = Reflect.get(provider, name);
        return typeof value === 'function' ? (value.bind(provider) as unknown) : value;
      },
    });
  const refusing = without(() => Promise.reject(new UnsupportedError('sim', 'this')));
  const { refused } = await conformance(t, 'refusing', async () => ({ provider: refusing, machines: two }));
  t.strictSame(refused, ['pause', 'link', 'disk']);
});

void t.test('a world that is opened again is the world that was closed', async (t) => {
  const log = memoryLog();
  const events: TraceEvent[] = [];
  const before = openSim(lab, { log, onTrace: (event) => events.push(event) });
  await before.create(two, {});
  await before.shell(first).writeFile('/root/note', 'kept', SHORT);
  await before.clock.sleep(12_345);
  await before.power(first, 'cut');
  const replayed: TraceEvent[] = [];
  const after = openSim(lab, { log, onTrace: (event) => replayed.push(event) });
  t.equal(after.clock.nowMs(), before.clock.nowMs());
  t.strictSame(replayed, events);
  t.strictSame(await after.machines(), await before.machines());
  await after.power(first, 'start');
  t.equal(
    new TextDecoder().decode((await after.shell(first).readFile('/root/note', SHORT)) ?? undefined),
    'kept',
  );
});

void t.test(
  'copies of one past go different ways under different names, and the same way under one',
  async (t) => {
    const log = memoryLog();
    await openSim(lab, { log }).create(two, {});
    const records = log.read();
    const future = async (refork?: string): Promise<readonly number[]> => {
      const copy = openSim(lab, { log: memoryLog(records), ...(refork === undefined ? {} : { refork }) });
      const times: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        await copy.power(first, 'reboot');
        times.push(copy.clock.nowMs());
      }
      return times;
    };
    t.strictSame(await future('run 1'), await future('run 1'));
    t.notSame(await future('run 1'), await future('run 2'));
    t.notSame(await future('run 1'), await future());
  },
);

void t.test('a slowed disk is slow in the world that is opened again, too', async (t) => {
  const log = memoryLog();
  const before = openSim(lab, { log });
  await before.create(two, {});
  await before.disk(first, { latencyMs: 700 });
  t.equal(openSim(lab, { log }).world.machine(first).disk.flushMs, 700);
});

void t.test('an operation without its end is a dropped session: it goes on, unheard', async (t) => {
  const log = memoryLog();
  const before = openSim(lab, { log });
  await before.create(two, {});
  await before.shell(first).run({ argv: ['mkdir', '/root/made'], ...SHORT });
  const records = log.read();
  const last = must(records.at(-1), 'the log has records');
  t.ok('doneAtMs' in last);
  const after = openSim(lab, { log: memoryLog(records.slice(0, -1)) });
  t.ok(after.clock.nowMs() < before.clock.nowMs(), 'its end had not come when the process died');
  await after.clock.sleep(5_000);
  const made = await after.shell(first).run({ argv: ['test', '-d', '/root/made'], ...SHORT });
  t.match(made, { kind: 'exited', code: 0 });
});

void t.test('a planned fault comes at its time, also in a world that was opened again', async (t) => {
  const log = memoryLog();
  const before = openSim(lab, { log });
  await before.create(two, {});
  const dueMs = before.clock.nowMs() + 20_000;
  await before.planFault({ dueMs, machine: first, action: 'cut' });
  const after = openSim(lab, { log });
  t.ok(after.clock.nowMs() < dueMs, 'a fault to come does not move the clock');
  await after.clock.sleep(19_000);
  t.match(await after.machines(), [{ name: first, state: 'running' }, { state: 'running' }]);
  await after.clock.sleep(2_000);
  t.match(await after.machines(), [{ name: first, state: 'off' }, { state: 'running' }]);
});

void t.test('a fault and an operation of the same moment meet in the same order again', async (t) => {
  const log = memoryLog();
  const before = openSim(lab, { log });
  await before.create(two, {});
  await before.planFault({ dueMs: before.clock.nowMs() + 20_000, machine: first, action: 'cut' });
  await before.clock.sleep(20_000);
  await t.rejects(before.shell(first).run({ argv: ['true'], ...SHORT }), { message: /No route to host/ });
  t.equal(openSim(lab, { log }).clock.nowMs(), before.clock.nowMs(), 'played without a difference');
});

void t.test('the world of another simulator is refused', async (t) => {
  const records = openedRecords();
  const [header, ...rest] = records;
  const other = { ...header, world: 999 } as unknown as WorldRecord;
  t.throws(() => openSim(lab, { log: memoryLog([other, ...rest]) }), { code: 'world-version' });
});

void t.test('looking leaves no record and draws nothing', async (t) => {
  const log = memoryLog();
  const provider = openSim(lab, { log });
  await provider.create(two, {});
  const records = log.read().length;
  const nowMs = provider.clock.nowMs();
  for (let i = 0; i < 50; i += 1) await provider.observe();
  await provider.machines();
  await provider.residue();
  t.equal(log.read().length, records);
  t.equal(provider.clock.nowMs(), nowMs);
  const looked = await provider.shell(first).run({ argv: ['uname', '-r'], ...SHORT });
  const unlooked = openSim(lab, { log: memoryLog(log.read().slice(0, records)) });
  t.strictSame(await unlooked.shell(first).run({ argv: ['uname', '-r'], ...SHORT }), looked);
  t.equal(unlooked.clock.nowMs(), provider.clock.nowMs());
});

void t.test('an unknown machine is refused by name', async (t) => {
  const provider = openSim(lab);
  await t.rejects(provider.shell('stage-cp-9').run({ argv: ['true'], ...SHORT }), {
    code: 'no-such-machine',
  });
});

function openedRecords(): readonly WorldRecord[] {
  const log = memoryLog();
  openSim(lab, { log });
  return log.read();
}

/** What is done to a lab while somebody looks on. */
async function disturb(provider: SimProvider): Promise<void> {
  const { clock } = provider;
  const run = async (machine: string, ...argv: readonly string[]): Promise<void> => {
    await provider.shell(machine).run({ argv, ...SHORT });
  };
  await provider.pause('stage-cp-1');
  await clock.sleep(30_000);
  await provider.resume('stage-cp-1');
  await clock.sleep(30_000);
  await provider.link('stage-cp-2', 'down');
  await clock.sleep(30_000);
  await provider.link('stage-cp-2', 'up');
  await run('stage-cp-3', 'kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf', 'cordon', 'stage-w-1');
  await run('stage-cp-1', 'rm', '/etc/kubernetes/manifests/kube-apiserver.yaml');
  await run('stage-cp-1', 'tc', 'qdisc', 'add', 'dev', 'eth1', 'root', 'netem', 'loss', '100%');
  await clock.sleep(60_000);
  await provider.power('stage-cp-3', 'cut');
  await clock.sleep(60_000);
  await provider.power('stage-cp-3', 'start');
  await clock.sleep(60_000);
  await provider.destroy(['stage-w-1']);
  await clock.sleep(400_000);
}

for (const vip of ['kube-vip', 'haproxy']) {
  void t.test(`who watches is told of each change at its event, with ${vip}`, async (t) => {
    const ha = labOf({ cni: 'flannel', csi: 'none', ingress: 'none', workers: '1', 'vip-provider': vip });
    const provider = openSim(ha);
    const { endpoint } = ha;
    const address = { address: endpoint.address, port: endpoint.port, vip: ha.vip?.address ?? null };
    const sight = (seen: Observation): string => JSON.stringify({ ...seen, atMs: 0 });
    const told: Observation[] = [];
    const watching = provider.watch((seen) => told.push(seen));
    t.equal(told.length, 1, 'it is told at once');
    let missed = '';
    provider.world.scheduler.onlookers.add(() => {
      const seen = observeWorld(provider.world, address);
      const last = must(told.at(-1), 'something was told');
      if (missed === '' && sight(seen) !== sight(last)) missed = `${seen.atMs} ms: ${sight(seen)}`;
    });
    await bootstrapOnSim(ha, { provider });
    await disturb(provider);
    t.equal(missed, '', 'every look after every event sees what was told last');
    t.equal(
      told.findIndex((seen, i) => i > 0 && sight(seen) === sight(must(told[i - 1], 'there is one before'))),
      -1,
      'and nothing is told twice',
    );
    const count = told.length;
    await watching.stop();
    await provider.power('stage-cp-1', 'cut');
    t.equal(told.length, count, 'nothing is told any more once it stopped');
    const unwatched = openSim(ha);
    await bootstrapOnSim(ha, { provider: unwatched });
    await disturb(unwatched);
    await unwatched.power('stage-cp-1', 'cut');
    t.equal(unwatched.world.scheduler.ran, provider.world.scheduler.ran, 'watching costs no event');
    t.equal(unwatched.clock.nowMs(), provider.clock.nowMs());
  });
}
