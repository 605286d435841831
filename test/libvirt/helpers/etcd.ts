/**
 * Real etcd, Debian's 3.4, on three control planes, with the timers that homelab generates, looked at and changed by
 * the very functions of the sagas: members, health, removal, and a quorum that goes and comes with power.
 */
import type { Test } from 'tap';
import { must } from '../../../lib/base/errors.js';
import type { StepContext } from '../../../lib/engine/saga.js';
import { etcdTimers } from '../../../lib/generate/timing.js';
import { controlPlanes, type LabSpec, type MachineSpec } from '../../../lib/model/lab.js';
import type { Provider } from '../../../lib/provider/provider.js';
import { etcdctlArgv, etcdHealthy, etcdMembers, removeEtcdMember } from '../../../lib/sagas/etcd.js';
import { isOf } from '../../../lib/sagas/membership.js';
import { placeCertificates, PKI } from './certificates.js';
import { on, put, stepContext } from './machine.js';
import { waitUntil } from './watch.js';

const UNIT = 'etcd-test.service';
/** Elections on software emulation, the boots of machines among them. */
const PATIENCE_S = 300;

export async function startEtcd(t: Test, lab: LabSpec, provider: Provider): Promise<void> {
  const members = controlPlanes(lab);
  await placeCertificates(provider, members);
  await Promise.all(members.map((member) => startMember(lab, provider, member, members, 'new')));
  const first = must(members[0], 'a lab has a control plane').name;
  const context = stepContext(provider);
  const healthyMs = await waitUntil(() => isHealthy(context, lab, first), PATIENCE_S);
  t.ok(healthyMs !== null, `three members are healthy after ${seconds(healthyMs)}`);
  const found = (await etcdMembers(context, lab, first)) ?? [];
  t.equal(found.length, 3);
  for (const machine of members) {
    const own = found.filter((member) => isOf(member, machine));
    t.match(own, [{ name: machine.name, peerUrls: [`https://${machine.address}:2380`], learner: false }]);
    t.match(own[0]?.id, /^[0-9a-f]{12,16}$/, 'an id of 64 bits, in hexadecimal');
  }
}

/** One member is lost, then the second and with it the quorum; with their power both come back. */
export async function losePowerOfEtcd(
  t: Test,
  lab: LabSpec,
  provider: Provider,
  whileGone: (names: readonly string[]) => Promise<void>,
): Promise<void> {
  const [first = '', second = '', third = ''] = controlPlanes(lab).map(({ name }) => name);
  await provider.power(third, 'cut');
  const writesMs = await waitUntil(() => writes(provider, first, 'one'), PATIENCE_S);
  t.ok(writesMs !== null, `two of three still write, after ${seconds(writesMs)}`);
  t.notOk(await isHealthy(stepContext(provider), lab, first), 'and the sagas see that a member is gone');
  await whileGone([third]);
  await provider.power(second, 'cut');
  t.notOk(await writes(provider, first, 'two'), 'one of three does not');
  // Not asked for the members: etcd 3.4 tells them from what it knows itself, later ones only with a quorum.
  const read = await provider.shell(first).run({ argv: etcdctlArgv('get', 'key'), timeoutMs: 60_000 });
  t.match(read, { kind: 'exited', code: 1 }, 'nor does it answer a read');
  await Promise.all([second, third].map((name) => provider.power(name, 'start')));
  const backMs = await waitUntil(() => isHealthy(stepContext(provider), lab, first), PATIENCE_S);
  t.ok(backMs !== null, `all are healthy ${seconds(backMs)} after their power was back`);
  // What was acknowledged is there. What was not may be there too: a leader that lost its quorum had it in its log.
  const kept = await on(provider, third, ...etcdctlArgv('get', 'key', '--print-value-only'));
  t.match(kept, /^(one|two)\n$/, 'no acknowledged write is lost');
}

/** As when a control plane is taken out of a cluster for good, and another joins in its place. */
export async function replaceMember(t: Test, lab: LabSpec, provider: Provider): Promise<void> {
  const context = stepContext(provider);
  const members = controlPlanes(lab);
  const first = must(members[0], 'three members').name;
  const third = must(members[2], 'three members');
  const before = (await etcdMembers(context, lab, first)) ?? [];
  const leaving = must(
    before.find((member) => isOf(member, third)),
    'the third is a member',
  );
  await removeEtcdMember(context, lab, first, leaving.id);
  t.equal((await etcdMembers(context, lab, first))?.length, 2, 'the member is gone');
  await on(provider, third.name, 'systemctl', 'disable', '--now', UNIT);
  await on(provider, third.name, 'rm', '-rf', '/var/lib/etcd-test');
  const peer = `https://${third.address}:2380`;
  await on(provider, first, ...etcdctlArgv('member', 'add', third.name, `--peer-urls=${peer}`));
  const added = (await etcdMembers(context, lab, first)) ?? [];
  const unnamed = added.find((member) => isOf(member, third));
  t.match(unnamed, { name: '', peerUrls: [peer] }, 'added and not started, it has an address and no name');
  await startMember(lab, provider, third, members, 'existing');
  const healthyMs = await waitUntil(() => isHealthy(context, lab, first), PATIENCE_S);
  t.ok(healthyMs !== null, `three members again after ${seconds(healthyMs)}`);
}

async function isHealthy(context: StepContext, lab: LabSpec, machine: string): Promise<boolean> {
  const members = await etcdMembers(context, lab, machine);
  return members !== null && (await etcdHealthy(context, lab, machine, members));
}

async function writes(provider: Provider, machine: string, value: string): Promise<boolean> {
  const argv = etcdctlArgv('put', 'key', value);
  const ended = await provider.shell(machine).run({ argv, timeoutMs: 60_000 });
  return ended.kind === 'exited' && ended.code === 0;
}

async function startMember(
  lab: LabSpec,
  provider: Provider,
  machine: MachineSpec,
  members: readonly MachineSpec[],
  state: 'new' | 'existing',
): Promise<void> {
  const { heartbeatMs, electionMs } = etcdTimers(lab);
  const { name, address } = machine;
  const cluster = members.map((member) => `${member.name}=https://${member.address}:2380`).join(',');
  const flags = [
    ...[`--name=${name}`, '--data-dir=/var/lib/etcd-test', `--initial-cluster=${cluster}`],
    ...[`--initial-cluster-state=${state}`, `--initial-advertise-peer-urls=https://${address}:2380`],
    ...[`--listen-peer-urls=https://${address}:2380`, `--advertise-client-urls=https://${address}:2379`],
    ...[`--listen-client-urls=https://127.0.0.1:2379,https://${address}:2379`, '--client-cert-auth=true'],
    ...[`--trusted-ca-file=${PKI}/ca.crt`, `--cert-file=${PKI}/server.crt`, `--key-file=${PKI}/server.key`],
    ...[`--peer-trusted-ca-file=${PKI}/ca.crt`, '--peer-client-cert-auth=true'],
    ...[`--peer-cert-file=${PKI}/peer.crt`, `--peer-key-file=${PKI}/peer.key`],
    ...[`--heartbeat-interval=${heartbeatMs}`, `--election-timeout=${electionMs}`],
  ];
  const unit = [
    ...['[Unit]', 'After=network-online.target', '', '[Service]', 'Type=exec'],
    ...[`ExecStart=/usr/bin/etcd ${flags.join(' ')}`, 'Restart=always', 'RestartSec=2', ''],
    ...['[Install]', 'WantedBy=multi-user.target', ''],
  ];
  await put(provider, name, `/etc/systemd/system/${UNIT}`, unit.join('\n'));
  await on(provider, name, 'systemctl', 'enable', '--now', '--quiet', UNIT);
}

function seconds(ms: number | null): string {
  return ms === null ? 'never' : `${(ms / 1_000).toFixed(1)} s`;
}
