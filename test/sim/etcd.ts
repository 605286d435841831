// Simulated etcd: elections, quorum, membership rules, data directories.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import type { EtcdNode } from '../../lib/sim/etcd-node.js';
import { propose, readIndex, type EtcdResult } from '../../lib/sim/etcd-requests.js';
import { cutMachine, pauseMachine, resumeMachine, startMachine } from '../../lib/sim/power.js';
import type { Sim } from '../../lib/sim/task.js';
import { ControlPlane } from '../helpers/control-plane.js';

const ALL = ['cp-1', 'cp-2', 'cp-3'];

function formed(seed = 1, names: readonly string[] = ALL): ControlPlane {
  const lab = new ControlPlane(names, seed);
  lab.formEtcd();
  return lab;
}

function node(lab: ControlPlane, name: string): EtcdNode {
  return must(
    [...lab.cluster.nodes.values()].find((one) => one.machine.name === name),
    `no etcd on ${name}`,
  );
}

function leader(lab: ControlPlane): EtcdNode {
  return must(lab.cluster.effectiveLeader(), 'no leader');
}

function followers(lab: ControlPlane): EtcdNode[] {
  return [...lab.cluster.nodes.values()].filter((one) => !one.isLeader);
}

function elections(lab: ControlPlane): number[] {
  return lab.trace.filter((event) => event.what === 'leader elected').map((event) => event.atMs);
}

/** One write through a member, with the time it took. */
function* write(through: EtcdNode): Sim<EtcdResult<number> & { readonly tookMs: number }> {
  const { cluster } = through;
  const startMs = cluster.world.nowMs;
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'probe', namespace: 'default' } };
  const result = yield* propose(through, () => {
    cluster.space.put('configmaps', 'default/probe', object);
    return cluster.space.revision;
  });
  return { ...result, tookMs: cluster.world.nowMs - startMs };
}

t.test('members join as learners, one at a time, and count once they are promoted', async (t) => {
  const lab = new ControlPlane(ALL);
  lab.startEtcd('cp-1', { initial: ['cp-1'] });
  lab.pass(12_000);
  const urlOf = (name: string): string[] => [`https://${lab.machine(name).options.address}:2380`];
  const first = lab.ask('cp-1', 'Cluster/MemberAdd', { peerUrls: urlOf('cp-2'), isLearner: true });
  t.equal(first.ok, true);
  const added = first.ok ? first.value.member : null;
  t.equal(added?.name, '', 'not started yet');
  const again = lab.ask('cp-1', 'Cluster/MemberAdd', { peerUrls: urlOf('cp-2'), isLearner: true });
  t.match(again, { error: 'etcdserver: Peer URLs already exists' });
  const second = lab.ask('cp-1', 'Cluster/MemberAdd', { peerUrls: urlOf('cp-3'), isLearner: true });
  t.match(second, { error: 'etcdserver: too many learner members in cluster' });
  const id = added?.id ?? '';
  const early = lab.ask('cp-1', 'Cluster/MemberPromote', { id });
  t.match(early, { error: 'etcdserver: can only promote a learner member which is in sync with leader' });
  lab.startEtcd('cp-2', { initial: ['cp-1', 'cp-2'], state: 'existing' });
  lab.pass(25_000);
  t.match(lab.ask('cp-2', 'Cluster/MemberList'), { error: 'etcdserver: rpc not supported for learner' });
  t.equal(lab.cluster.voters.length, 1, 'a learner does not vote');
  t.equal(lab.ask('cp-1', 'Cluster/MemberPromote', { id }).ok, true);
  t.equal(lab.cluster.voters.length, 2);
  t.match(lab.ask('cp-1', 'Cluster/MemberPromote', { id }), {
    error: 'etcdserver: can only promote a learner member',
  });
  const list = lab.ask('cp-2', 'Cluster/MemberList');
  t.strictSame(list.ok ? list.value.members.map((member) => member.name).sort() : list, ['cp-1', 'cp-2']);
  t.match(lab.ask('cp-1', 'Cluster/MemberRemove', { id: 'abc' }), { error: 'etcdserver: member not found' });
});

t.test('strict reconfiguration refuses what would endanger the quorum', async (t) => {
  const lab = formed();
  const [a, b] = followers(lab);
  const alive = must(a, 'a follower');
  const dead = must(b, 'another follower');
  const through = leader(lab).machine.name;
  cutMachine(dead.machine);
  lab.pass(1_000);
  const peerUrls = ['https://192.168.62.14:2380'];
  t.match(lab.ask(through, 'Cluster/MemberAdd', { peerUrls, isLearner: true }), {
    error: 'etcdserver: unhealthy cluster',
  });
  t.match(
    lab.ask(through, 'Cluster/MemberRemove', { id: alive.id }),
    { error: 'etcdserver: unhealthy cluster' },
    'removing a live voter would leave one of two',
  );
  t.equal(lab.ask(through, 'Cluster/MemberRemove', { id: dead.id }).ok, true, 'the dead one may go');
  t.equal(lab.ask(through, 'Cluster/MemberAdd', { peerUrls, isLearner: false }).ok, true);
  t.match(
    lab.ask(through, 'Cluster/MemberAdd', { peerUrls: ['https://192.168.62.15:2380'], isLearner: false }),
    { error: 'etcdserver: re-configuration failed due to not enough started members' },
    'two of four would have started',
  );
  lab.pass(10_000);
  t.equal(lab.cluster.effectiveLeader() === null, false, 'two of three voters are up');
});

t.test('the last voter cannot be removed', async (t) => {
  const lab = formed(1, ['cp-1']);
  const { id } = node(lab, 'cp-1');
  t.match(lab.ask('cp-1', 'Cluster/MemberRemove', { id }), {
    error: 'etcdserver: re-configuration failed due to not enough started members',
  });
});

t.test('a lost leader is replaced after an election timeout; writes in between time out', async (t) => {
  const lab = formed();
  const old = leader(lab);
  const [survivor] = followers(lab);
  const other = must(survivor, 'a follower');
  const lostMs = lab.world.nowMs;
  const { term } = lab.cluster;
  cutMachine(old.machine);
  const early = lab.run(write(other));
  t.match(early, {
    ok: false,
    error: 'etcdserver: request timed out, possibly due to previous leader failure',
    tookMs: 7_000,
  });
  t.equal(lab.cluster.term, term + 1);
  const electedMs = must(elections(lab).at(-1), 'an election') - lostMs;
  t.ok(electedMs >= 850 && electedMs <= 2_000, `elected after ${electedMs} ms`);
  const late = lab.run(write(other));
  t.equal(late.ok, true);
  t.ok(late.tookMs < 20);
});

t.test('elections over many seeds take one to two election timeouts', async (t) => {
  const times: number[] = [];
  for (let seed = 1; seed <= 60; seed += 1) {
    const lab = formed(seed);
    lab.pass(seed * 37);
    const lostMs = lab.world.nowMs;
    cutMachine(leader(lab).machine);
    lab.pass(5_000);
    times.push(must(elections(lab).at(-1), 'an election') - lostMs);
  }
  times.sort((a, b) => a - b);
  t.ok((times[0] ?? 0) >= 850 && (times.at(-1) ?? 0) <= 2_100, `${times[0]}..${times.at(-1)} ms`);
  const median = times[30] ?? 0;
  t.ok(median >= 1_000 && median <= 1_500, `median ${median} ms`);
});

t.test('without a quorum nothing is written or read, and all is well when it returns', async (t) => {
  const lab = formed();
  const last = leader(lab);
  const dead = followers(lab);
  for (const one of dead) cutMachine(one.machine);
  lab.pass(10_000);
  t.equal(lab.cluster.effectiveLeader(), null);
  t.equal(last.lead, null, 'check-quorum made the leader step down');
  t.match(lab.run(write(last)), { ok: false, error: 'etcdserver: request timed out', tookMs: 7_000 });
  t.equal(lab.run(readIndex(last)), 'etcdserver: request timed out');
  const name = last.machine.name;
  const status = lab.ask(name, 'Maintenance/Status');
  t.match(status, { ok: true, value: { leader: null, errors: ['etcdserver: no leader'] } });
  t.match(lab.ask(name, 'Maintenance/Snapshot'), { ok: true }, 'a snapshot needs no quorum');
  t.equal(lab.ask(name, 'Cluster/MemberList', {}, 5_000).ok, false);
  const [back] = dead;
  const machine = must(back, 'a machine').machine;
  lab.run(startMachine(machine));
  lab.startEtcd(machine.name, { initial: ALL, state: 'existing' });
  lab.pass(12_000);
  t.equal(lab.run(write(last)).ok, true);
  t.equal(lab.cluster.positionOf(node(lab, machine.name).id), lab.cluster.index);
});

t.test('a leader in the minority steps down, the majority goes on, and the healed one follows', async (t) => {
  const lab = formed();
  const old = leader(lab);
  const others = followers(lab);
  for (const one of others) lab.world.network.separate(old.machine, one.machine, true);
  const stuck = lab.run(write(old));
  t.equal(stuck.ok, false, 'the old leader cannot commit');
  const first = must(others[0], 'a follower');
  t.equal(lab.run(write(first)).ok, true, 'the majority can');
  t.equal(old.lead, null);
  const { revision } = lab.cluster.space;
  for (const one of others) lab.world.network.separate(old.machine, one.machine, false);
  lab.pass(5_000);
  t.equal(old.lead, leader(lab).id);
  t.equal(old.synced, true);
  t.equal(lab.cluster.space.revision, revision, 'what the old leader had not committed is gone');
});

t.test('a follower that hears the others but not the leader does not disturb them', async (t) => {
  const lab = formed();
  const old = leader(lab);
  const cut = must(followers(lab)[0], 'a follower');
  const before = elections(lab).length;
  lab.world.network.separate(old.machine, cut.machine, true);
  lab.pass(60_000);
  t.equal(elections(lab).length, before, 'pre-votes are refused while the others hear their leader');
  t.equal(leader(lab), old);
  t.equal(cut.lead, null);
});

t.test('a suspended leader is replaced and follows when it wakes', async (t) => {
  const lab = formed();
  const old = leader(lab);
  pauseMachine(old.machine);
  lab.pass(10_000);
  t.not(leader(lab), old);
  resumeMachine(old.machine);
  lab.pass(5_000);
  t.equal(old.isLeader, false);
  t.equal(old.lead, leader(lab).id);
});

t.test('a leader that is told to stop hands over at once', async (t) => {
  const lab = formed();
  const old = leader(lab);
  old.process.kill('SIGTERM');
  lab.pass(100);
  t.equal(old.process.running, false);
  t.equal(lab.run(write(leader(lab))).ok, true);
});

t.test('an idle day costs no events', async (t) => {
  const lab = formed();
  lab.pass(10_000);
  const { scheduler } = lab.world;
  let events = 0;
  const endMs = lab.world.nowMs + 86_400_000;
  for (let next = scheduler.nextAtMs(); next !== null && next <= endMs; next = scheduler.nextAtMs()) {
    scheduler.runNext();
    events += 1;
  }
  t.equal(events, 0);
  cutMachine(must(followers(lab)[0], 'a follower').machine);
  cutMachine(must(followers(lab)[0], 'a follower').machine);
  lab.pass(10_000);
  t.equal(scheduler.nextAtMs(), null, 'nor does a day without a quorum');
});

t.test('data directories: kept, lost, removed', async (t) => {
  const lab = formed();
  const victim = must(followers(lab)[0], 'a follower');
  const { name, disk } = victim.machine;
  victim.process.kill('SIGKILL');
  lab.pass(1_000);
  t.ok(disk.isFile('/var/lib/etcd/member/snap/db'));
  lab.startEtcd(name, { initial: ALL, state: 'existing' });
  lab.pass(12_000);
  t.equal(node(lab, name).id, victim.id, 'the same member with its data');
  t.equal(node(lab, name).ready, true);
  node(lab, name).process.kill('SIGKILL');
  disk.removeTree('/var/lib/etcd/member');
  const empty = lab.startEtcd(name, { initial: ALL, state: 'existing' });
  lab.pass(12_000);
  t.equal(empty.exitCode, 1);
  t.match(empty.stderr.join(''), `member ${victim.id} has already been bootstrapped`);
  const through = leader(lab).machine.name;
  const removed = must(followers(lab)[0], 'the other follower');
  lab.pass(6_000);
  t.equal(lab.ask(through, 'Cluster/MemberRemove', { id: victim.id }).ok, true);
  t.equal(lab.ask(through, 'Cluster/MemberRemove', { id: removed.id }).ok, true, 'two live voters, one goes');
  lab.pass(3_000);
  t.equal(removed.process.exitCode, 0, 'a removed member ends');
  t.equal(lab.run(write(leader(lab))).ok, true);
});

t.test('a member without the right certificates is not heard', async (t) => {
  const lab = formed(1, ['cp-1']);
  const machine = lab.machine('cp-1');
  const ask = { method: 'POST', path: '/etcdserverpb.Cluster/MemberList', body: {} };
  t.equal(lab.run(lab.world.network.exchange(machine, '127.0.0.1', 2379, ask, 5_000)).kind, 'reset');
  const health = { method: 'GET', path: '/health' };
  const answer = lab.run(lab.world.network.exchange(machine, '127.0.0.1', 2381, health, 5_000));
  t.match(answer, { status: 200, body: '{"health":"true","reason":""}' });
});
