// The foundations of the simulated world: order of events, tasks that can be ended, power, the network and ARP.
import t from 'tap';
import { EventQueue } from '../../lib/sim/queue.js';
import { Scheduler, Signal, TaskGroup, idleTicks, sleep, waitFor, type Sim } from '../../lib/sim/task.js';
import { World } from '../../lib/sim/world.js';
import { createMachine, cutMachine, haltMachine, pauseMachine, resumeMachine } from '../../lib/sim/power.js';
import type { Machine } from '../../lib/sim/machine.js';

function scheduler(): { scheduler: Scheduler; group: TaskGroup } {
  return { scheduler: new Scheduler(new EventQueue()), group: new TaskGroup() };
}

function world(seed = 1): World {
  return new World({
    seed,
    timeScale: 1,
    interfaceName: 'eth1',
    prefixLength: 24,
    hostAddress: '192.168.62.1',
    programs: new Map(),
    containers: new Map(),
  });
}

function make(w: World, name: string, address: string): Machine {
  const options = { name, role: 'worker', cpus: 2, memoryMiB: 2048, address, prefixLength: 24 } as const;
  const image = { kubernetesVersion: 'v1.31.4', kubeVipVersion: 'v1.0.4' };
  w.scheduler.spawn(w.group, name, createMachine(w, options, image));
  w.scheduler.runUntil(w.nowMs + 300_000);
  return w.machine(name);
}

function run<T>(w: World, body: Sim<T>, ms = 600_000): T {
  const task = w.scheduler.spawn(w.group, 'test', body);
  w.scheduler.runUntil(w.nowMs + ms);
  t.equal(task.state, 'ended', 'the activity came to its end');
  return task.result as T;
}

t.test('events run by time, then rank, then order of insertion', async (t) => {
  const queue = new EventQueue();
  const order: string[] = [];
  queue.push(5, 1, () => order.push('outside at 5'));
  queue.push(5, 0, () => order.push('first at 5'));
  queue.push(5, 0, () => order.push('second at 5'));
  queue.push(1, 1, () => order.push('outside at 1'));
  const cancelled = queue.push(2, 0, () => order.push('never'));
  cancelled.run = null;
  for (let event = queue.pop(); event !== null; event = queue.pop()) event.run?.();
  t.strictSame(order, ['outside at 1', 'first at 5', 'second at 5', 'outside at 5']);
});

t.test('a task waits for a signal or for time, and can be ended at any yield', async (t) => {
  const { scheduler: s, group } = scheduler();
  const bell = new Signal('bell');
  const heard: string[] = [];
  function* listen(): Sim<void> {
    heard.push((yield* waitFor([bell], 100)) === bell ? 'bell' : 'time');
    heard.push((yield* waitFor([bell], 100)) === bell ? 'bell' : 'time');
    yield* sleep(1_000);
    heard.push('never');
  }
  const task = s.spawn(group, 'listener', listen());
  s.after(50, () => {
    bell.fire();
  });
  s.runUntil(500);
  t.strictSame(heard, ['bell', 'time']);
  group.killAll();
  s.runUntil(5_000);
  t.equal(task.state, 'killed');
  t.strictSame(heard, ['bell', 'time']);
});

t.test('idle ticks cost nothing and resume at the tick after the signal', async (t) => {
  const { scheduler: s, group } = scheduler();
  const change = new Signal('change');
  let resumed = [0, 0];
  function* renew(): Sim<void> {
    yield* sleep(250);
    const last = yield* idleTicks(s, 1_000, [change]);
    resumed = [last, s.nowMs];
  }
  s.spawn(group, 'renew', renew());
  s.after(86_400_000, () => {
    change.fire();
  });
  let events = 0;
  while (s.runNext()) events += 1;
  t.strictSame(resumed, [86_399_250, 86_400_250]);
  t.ok(events < 10, `${events} events for a whole day`);
});

t.test('a suspended machine keeps what was left of its timers', async (t) => {
  const { scheduler: s, group } = scheduler();
  let doneMs = 0;
  function* work(): Sim<void> {
    yield* sleep(1_000);
    doneMs = s.nowMs;
  }
  s.spawn(group, 'work', work());
  s.runUntil(400);
  group.freeze();
  s.runUntil(10_000);
  t.equal(doneMs, 0);
  group.thaw();
  s.runUntil(20_000);
  t.equal(doneMs, 10_600);
});

t.test('power, network and address resolution', async (t) => {
  const w = world();
  const a = make(w, 'a', '192.168.62.11');
  const b = make(w, 'b', '192.168.62.12');
  t.equal(a.power, 'running');
  t.equal(typeof run(w, w.network.ping(w.host, '192.168.62.11', 1_000)), 'number');
  t.equal(run(w, w.network.ping(w.host, '192.168.62.99', 1_000)), null);

  // A floating address moves with an announcement, and stays lost without one until the entry is probed.
  w.network.addAddress(a, '192.168.62.5', 32);
  t.equal(typeof run(w, w.network.ping(w.host, '192.168.62.5', 1_000)), 'number');
  w.network.removeAddress(a, '192.168.62.5');
  w.network.addAddress(b, '192.168.62.5', 32);
  t.equal(w.host.arp.get('192.168.62.5')?.mac, a.labNic.mac);
  t.equal(
    run(w, w.network.ping(w.host, '192.168.62.5', 1_000), 1_500),
    null,
    'silent: the entry points at a',
  );
  w.network.announce(b, '192.168.62.5');
  t.equal(typeof run(w, w.network.ping(w.host, '192.168.62.5', 1_000)), 'number');

  // Nobody listens, nobody has the address, nobody is there any more.
  const ask = { method: 'GET', path: '/livez' };
  t.equal(run(w, w.network.exchange(a, '192.168.62.12', 6443, ask, 10_000)).kind, 'refused');
  t.equal(run(w, w.network.exchange(a, '192.168.62.99', 6443, ask, 10_000)).kind, 'no-route');
  cutMachine(b);
  t.equal(b.labNic.addresses.size, 0);
  t.equal(run(w, w.network.exchange(a, '192.168.62.12', 6443, ask, 2_000), 2_500).kind, 'dial-timeout');

  pauseMachine(a);
  t.equal(run(w, w.network.ping(w.host, '192.168.62.11', 1_000)), null);
  resumeMachine(a);
  t.equal(typeof run(w, w.network.ping(w.host, '192.168.62.11', 1_000)), 'number');
  a.disk.write('/root/note', 'kept');
  run(w, haltMachine(a));
  t.equal(a.power, 'off');
  t.equal(a.disk.read('/root/note'), 'kept');
});

t.test('TCP sends again what was lost: a SYN, and a request on its way', async (t) => {
  const w = world();
  const [a, b] = [make(w, 'a', '192.168.62.11'), make(w, 'b', '192.168.62.12')];
  b.run(
    'server',
    function* serve(call) {
      const listener = { port: 80, address: null, certificate: () => null };
      call.process.listen({
        ...listener,
        *serve() {
          yield* sleep(500);
          return { status: 200, body: 'ok' };
        },
      });
      for (;;) yield* waitFor([call.process.terminate]);
    },
    [],
  );
  const ask = { method: 'GET', path: '/' };
  /** How a request ends, and after how long, when the cable of `b` is pulled and plugged in again. */
  const asked = (pullMs: number, plugMs: number, timeoutMs: number): [string, number] => {
    run(w, w.network.ping(a, '192.168.62.12', 1_000), 2_000);
    const startMs = w.nowMs;
    if (pullMs === 0) w.network.setLink(b, false);
    else
      w.scheduler.after(pullMs, () => {
        w.network.setLink(b, false);
      });
    w.scheduler.after(plugMs, () => {
      w.network.setLink(b, true);
    });
    function* timed(): Sim<[string, number]> {
      const { kind } = yield* w.network.exchange(a, '192.168.62.12', 80, ask, timeoutMs);
      return [kind, w.nowMs - startMs];
    }
    return run(w, timed(), 60_000);
  };
  // SYNs go out at 0, 1 and 3 seconds; the answer takes half a second and a millisecond each way.
  t.strictSame(asked(0, 1_500, 10_000), ['response', 3_502]);
  t.strictSame(asked(0, 900, 10_000), ['response', 1_502]);
  t.strictSame(asked(0, 2_500, 2_000), ['dial-timeout', 2_000]);
  // Pulled at 0.1 s: the segment is sent again 0.2, 0.6 and 1.4 seconds after that.
  t.strictSame(asked(100, 250, 10_000), ['response', 502]);
  t.strictSame(asked(100, 600, 10_000), ['response', 701]);
  t.strictSame(asked(100, 900, 10_000), ['response', 1_501]);
  t.strictSame(asked(100, 2_500, 2_000), ['timeout', 2_000]);
});
