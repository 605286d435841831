// The floating address: client-go's election against a store that always answers, and kube-vip on a whole cluster.
import t from 'tap';
import { ApiClient } from '../../lib/sim/api-client.js';
import { LeaderElector } from '../../lib/sim/leader-election.js';
import type { Machine } from '../../lib/sim/machine.js';
import { cutMachine, pauseMachine, resumeMachine, startMachine } from '../../lib/sim/power.js';
import type { Program } from '../../lib/sim/process.js';
import { World } from '../../lib/sim/world.js';
import { Cluster } from '../helpers/cluster.js';
import { initConfig, KubeadmLab, VIP } from '../helpers/kubeadm-lab.js';
import { LeaseStore } from '../helpers/lease-store.js';

const PORT = 6443;

interface Timers {
  readonly leaseMs: number;
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

function world(seed: number): World {
  return new World({
    ...{ seed, timeScale: 1, interfaceName: 'eth1', prefixLength: 24, hostAddress: '192.168.62.1' },
    ...{ programs: new Map(), containers: new Map() },
  });
}

function running(w: World, name: string, address: string): Machine {
  const machine = w.addMachine({
    name,
    role: 'control-plane',
    cpus: 2,
    memoryMiB: 2_048,
    address,
    prefixLength: 24,
  });
  machine.setPower('running');
  w.network.addAddress(machine, address, 24);
  return machine;
}

/** A candidate as a program: leads while it can, and tells when it wins and loses. */
function candidate(timers: Timers, tell: (name: string, what: 'won' | 'lost') => void): Program {
  return function* run(call) {
    const host = '192.168.62.2';
    const config = {
      server: `https://${host}:${PORT}`,
      host,
      port: PORT,
      authority: null,
      client: null,
      token: null,
    };
    const elector = new LeaderElector({
      client: new ApiClient({ machine: call.machine, config }),
      ...{ process: call.process, namespace: 'kube-system', name: 'lock', identity: call.machine.name },
      ...{ ...timers, requestTimeoutMs: timers.renewDeadlineMs, prng: call.prng, log: () => undefined },
    });
    for (;;) {
      yield* elector.acquire();
      tell(call.machine.name, 'won');
      yield* elector.renew();
      tell(call.machine.name, 'lost');
    }
  };
}

t.test('an undisturbed election schedules nothing', async (t) => {
  const w = world(7);
  new LeaseStore(running(w, 'store', '192.168.62.2'), PORT);
  const timers = { leaseMs: 5_000, renewDeadlineMs: 3_000, retryMs: 1_000 };
  const told: string[] = [];
  const program = candidate(timers, (name, what) => told.push(`${name} ${what}`));
  for (let index = 0; index < 3; index += 1)
    running(w, `cp-${index}`, `192.168.62.${11 + index}`).run('c', program, []);
  w.scheduler.runUntil(60_000);
  let events = 0;
  while ((w.scheduler.nextAtMs() ?? Infinity) <= 86_400_000) {
    w.scheduler.runNext();
    events += 1;
  }
  t.equal(told.length, 1, 'one winner');
  t.ok(events < 10, `${events} events in a day`);
});

t.test('a suspended holder loses the Lease and finds out when it goes on', async (t) => {
  const w = world(3);
  new LeaseStore(running(w, 'store', '192.168.62.2'), PORT);
  const timers = { leaseMs: 5_000, renewDeadlineMs: 3_000, retryMs: 1_000 };
  const told: string[] = [];
  const program = candidate(timers, (name, what) => told.push(`${name} ${what}`));
  for (let index = 0; index < 2; index += 1)
    running(w, `cp-${index}`, `192.168.62.${11 + index}`).run('c', program, []);
  w.scheduler.runUntil(30_000);
  const first = (told[0] ?? '').split(' ')[0] ?? '';
  const other = first === 'cp-0' ? 'cp-1' : 'cp-0';
  pauseMachine(w.machine(first));
  w.scheduler.runUntil(60_000);
  t.strictSame(told, [`${first} won`, `${other} won`]);
  resumeMachine(w.machine(first));
  w.scheduler.runUntil(90_000);
  t.strictSame(told.slice(2), [`${first} lost`]);
});

function holders(lab: KubeadmLab): string[] {
  return [...lab.world.machines.values()]
    .filter((one) => one.labNic.addresses.has(VIP))
    .map((one) => one.name);
}

t.test('a whole cluster: the address moves, goes without quorum, and comes back', async (t) => {
  const lab = new KubeadmLab({ controlPlanes: 3, seed: 2 });
  t.equal(lab.initFirst().code, 0);
  lab.pass(30_000);
  for (const name of ['cp-2', 'cp-3']) {
    lab.placeKubeVip(name, '/etc/kubernetes/admin.conf');
    t.equal(lab.join(name).code, 0, `${name} joined`);
    lab.pass(10_000);
  }
  t.strictSame(holders(lab), ['cp-1']);
  cutMachine(lab.machine('cp-1'));
  lab.pass(20_000);
  const [second = ''] = holders(lab);
  t.equal(holders(lab).length, 1, 'one of the two others took it');
  lab.world.scheduler.spawn(lab.world.group, 'start', startMachine(lab.machine('cp-1')));
  lab.pass(200_000);
  t.strictSame(holders(lab), [second], 'it stays where it is when the first comes back');

  const third = second === 'cp-2' ? 'cp-3' : 'cp-2';
  cutMachine(lab.machine('cp-1'));
  cutMachine(lab.machine(third));
  lab.pass(2_500);
  t.strictSame(holders(lab), [second], 'it keeps the address until it gives up');
  lab.pass(57_500);
  t.strictSame(holders(lab), [], 'without quorum nobody holds it');
  lab.world.scheduler.spawn(lab.world.group, 'start', startMachine(lab.machine('cp-1')));
  lab.pass(400_000);
  t.equal(holders(lab).length, 1, 'two of three hold it again');
});

t.test('a clean stop among several hands the address over within seconds', async (t) => {
  const lab = Cluster.up({ controlPlanes: 2, seed: 6 });
  t.strictSame(holders(lab), ['cp-1']);
  lab.machine('cp-1').disk.remove('/etc/kubernetes/manifests/kube-vip.yaml');
  const startMs = lab.world.nowMs;
  while (holders(lab).join() !== 'cp-2' && lab.world.nowMs < startMs + 20_000) lab.pass(100);
  const tookMs = lab.world.nowMs - startMs;
  t.ok(tookMs <= 5_500, `cp-2 alone held it after ${tookMs} ms`);
});

t.test('a changed manifest on the only control plane leaves no gap', async (t) => {
  const lab = new KubeadmLab({ seed: 4 });
  lab.initFirst();
  const startMs = lab.world.nowMs;
  let gapMs = 0;
  for (let step = 0; step < 300; step += 1) {
    lab.pass(100);
    if (holders(lab).length === 0) gapMs += 100;
  }
  t.ok(gapMs <= 300, `${gapMs} ms without the address in ${lab.world.nowMs - startMs} ms`);
  const started =
    lab.machine('cp-1').containers.containers.find((one) => one.name === 'kube-vip')?.startedMs ?? 0;
  const tookMs = started - startMs;
  t.ok(tookMs >= 10_000 && tookMs <= 20_000, `the new container ran after ${tookMs} ms`);
});

t.test('admin.conf before its role exists: kube-vip asks for ever and holds nothing', async (t) => {
  const lab = new KubeadmLab({ seed: 5 });
  lab.placeKubeVip('cp-1', '/etc/kubernetes/admin.conf');
  lab.write('cp-1', '/root/init.yaml', initConfig('v1.31.4'));
  const result = lab.kubeadm('cp-1', 'init', '--config', '/root/init.yaml', '--upload-certs');
  t.equal(result.code, 1);
  t.strictSame(holders(lab), []);
  const log =
    lab
      .machine('cp-1')
      .disk.all()
      .find(([path]) => /kube-vip-cp-1_.*\.log$/.test(path))?.[0] ?? '';
  t.match(lab.machine('cp-1').disk.read(log), /leases\.coordination\.k8s\.io "plndr-cp-lock" is forbidden/);
});
