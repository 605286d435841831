// etcdctl on simulated machines against what the real one printed on a real cluster, and its errors.
import t, { type Test } from 'tap';
import { etcdctl } from '../../lib/sim/commands/etcdctl.js';
import { humanBytes } from '../../lib/sim/commands/etcdctl/print.js';
import { cutMachine } from '../../lib/sim/power.js';
import type { Process } from '../../lib/sim/process.js';
import { waitFor, type Sim } from '../../lib/sim/task.js';
import { ControlPlane } from '../helpers/control-plane.js';
import { transcript } from '../helpers/transcripts.js';

const ALL = ['cp-1', 'cp-2', 'cp-3'];
const PKI = '/etc/kubernetes/pki/etcd';
const FLAGS = [
  ...['--endpoints', 'https://127.0.0.1:2379', '--cacert', `${PKI}/ca.crt`],
  ...['--cert', `${PKI}/healthcheck-client.crt`, '--key', `${PKI}/healthcheck-client.key`],
];

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

function formed(names: readonly string[] = ALL): ControlPlane {
  const lab = new ControlPlane(names);
  lab.formEtcd();
  return lab;
}

function run(lab: ControlPlane, args: readonly string[], name = 'cp-1'): Ended {
  const startMs = lab.world.nowMs;
  const process = lab.machine(name).run('etcdctl', etcdctl, args);
  const exitCode = lab.run(ended(process), 60_000);
  const stdout = process.stdout.map(String).join('');
  const stderr = process.stderr.join('');
  return { exitCode, stdout, stderr, tookMs: lab.world.nowMs - startMs };
}

function* ended(process: Process): Sim<number> {
  while (process.exitCode === null) yield* waitFor([process.exited]);
  return process.exitCode;
}

/** Leaves out what differs from run to run: ids, their order, durations, sizes, indices, times, addresses in memory. */
function scrub(text: string): string {
  return text
    .replace(/-?-{2,}/g, '--')
    .replace(/\b[0-9a-f]{14,16}\b/g, 'ID')
    .replace(/\b\d{17,20}\b/g, 'ID')
    .replace(/"(revision|raft_term|dbSize|raftIndex|raftTerm|raftAppliedIndex|dbSizeInUse)":\d+/g, '"$1":N')
    .replace(/\b\d+(\.\d+)?(ms|s)\b/g, 'TOOK')
    .replace(/\b\d+(\.\d+)? [kM]B\b/g, 'SIZE')
    .replace(/"ts":"[^"]*"/g, '"ts":"T"')
    .replace(/0xc[0-9a-f]+/g, '0xc')
    .replace(/"logger":"[^"]*"/g, '"logger":"L"')
    .replace(/ +/g, ' ')
    .replace(/(?<=\| )\d+(?= \|)/g, 'N');
}

/** Rows and JSON elements in an order of their own: members are listed by id, endpoints as they answer. */
function sorted(text: string): string {
  return scrub(text)
    .split('\n')
    .map((line) => (line.startsWith('[') || line.startsWith('{"header"') ? sortElements(line) : line))
    .sort()
    .join('\n');
}

function sortElements(line: string): string {
  return line
    .split(/(?<=\}),(?=\{)/)
    .map((part) => part.replace(/^.*?\[\{|[[\]{}]/g, ''))
    .sort()
    .join(';');
}

function compare(t: Test, lab: ControlPlane, name: string): void {
  const real = transcript(name);
  const simulated = run(lab, real.argv.slice(1));
  t.equal(simulated.exitCode, real.exitCode, `${name}: exit code`);
  t.equal(sorted(simulated.stdout), sorted(real.stdout), `${name}: stdout`);
  t.equal(scrub(simulated.stderr), scrub(real.stderr), `${name}: stderr`);
}

t.test('what the real etcdctl printed of a whole cluster', async (t) => {
  const lab = formed(['cp-1', 'cp-2']);
  compare(t, lab, '025-etcd-member-list-2');
  const whole = formed();
  for (const name of ['035-etcd-member-list-table', '036-etcd-member-list-simple', '037-etcd-status-json'])
    compare(t, whole, name);
  for (const name of ['039-etcd-health-json', '040-etcd-health-table', '041-etcd-health-simple'])
    compare(t, whole, name);
});

t.test('what it printed with one member down, and without a quorum', async (t) => {
  const lab = formed();
  cutMachine(lab.machine('cp-2'));
  lab.pass(5_000);
  for (const name of [
    '063-etcd-health-1down-json',
    '064-etcd-status-1down-json',
    '065-etcd-status-1down-table',
  ])
    compare(t, lab, name);
  cutMachine(lab.machine('cp-3'));
  lab.pass(5_000);
  for (const name of ['076-q-etcd-health', '077-q-etcd-status', '079-q-etcd-member-list'])
    compare(t, lab, name);
  t.ok(run(lab, [...FLAGS, 'member', 'list']).tookMs >= 5_000, 'it gives up after its command time-out');
});

t.test('members are added, promoted and removed by hexadecimal ids', async (t) => {
  const lab = formed(['cp-1', 'cp-2']);
  const urls = '--peer-urls=https://192.168.62.13:2380';
  const added = run(lab, [...FLAGS, 'member', 'add', 'cp-3', urls, '--learner']);
  t.match(added.stdout, /^Member +([0-9a-f]+) added as learner to cluster +[0-9a-f]+\n\nETCD_NAME="cp-3"\n/);
  const id = /Member +([0-9a-f]+) added/.exec(added.stdout)?.[1] ?? '';
  t.match(
    run(lab, [...FLAGS, 'member', 'list']).stdout,
    `${id}, unstarted, , https://192.168.62.13:2380, , true\n`,
  );
  const promoted = run(lab, [...FLAGS, 'member', 'promote', id]);
  t.equal(promoted.exitCode, 1);
  t.match(
    promoted.stderr,
    /Error: etcdserver: can only promote a learner member which is in sync with leader\n$/,
  );
  t.match(
    run(lab, [...FLAGS, 'member', 'remove', id]).stdout,
    new RegExp(`^Member +${id} removed from cluster `),
  );
  const bad = run(lab, [...FLAGS, 'member', 'remove', 'xyz']);
  t.match(bad, { exitCode: 128, stderr: /expecting ID in Hex\n$/ });
});

t.test('ids stay exact in JSON, beyond what a floating-point number holds', async (t) => {
  const lab = formed();
  const { stdout } = run(lab, [...FLAGS, 'member', 'list', '-w', 'json']);
  const ids = [...stdout.matchAll(/"ID":(\d+)/g)].map((match) => BigInt(match[1] ?? '0').toString(16));
  t.strictSame(
    ids,
    lab.cluster.members.map((member) => member.id),
  );
  t.ok(ids.some((id) => BigInt(`0x${id}`) > BigInt(Number.MAX_SAFE_INTEGER)));
});

t.test('snapshots, leadership, alarms', async (t) => {
  const lab = formed();
  lab.machine('cp-1').disk.makeDirectories('/root');
  t.equal(run(lab, [...FLAGS, 'snapshot', 'save', '/root/s.db']).stdout, 'Snapshot saved at /root/s.db\n');
  t.match(run(lab, ['snapshot', 'status', '/root/s.db', '-w', 'table']).stdout, '|   HASH   | REVISION |');
  t.equal(run(lab, [...FLAGS, 'alarm', 'list']).stdout, '');
  const leader = lab.cluster.effectiveLeader();
  const heir = lab.cluster.voters.find((member) => member.id !== leader?.id);
  const where = leader?.machine.name ?? '';
  t.match(run(lab, [...FLAGS, 'move-leader', heir?.id ?? ''], where).stdout, `to ${heir?.id}\n`);
  t.equal(lab.cluster.effectiveLeader()?.id, heir?.id);
});

t.test('errors: certificates, ports, flags', async (t) => {
  const lab = formed(['cp-1']);
  t.match(run(lab, ['--cacert', '/none', 'member', 'list']), {
    exitCode: 128,
    stderr: 'Error: open /none: no such file or directory\n',
  });
  const bare = run(lab, [
    '--endpoints',
    'https://127.0.0.1:2379',
    '--cacert',
    `${PKI}/ca.crt`,
    'member',
    'list',
  ]);
  t.match(bare, { exitCode: 1, stderr: /Error: context deadline exceeded\n$/ }, 'no client certificate');
  t.match(run(lab, ['--endpoints', 'https://127.0.0.1:9', 'member', 'list']).stderr, 'connection refused');
  t.match(run(lab, ['--what', 'member', 'list']), { exitCode: 1, stderr: 'Error: unknown flag: --what\n' });
  t.match(run(lab, ['get', 'key']), { exitCode: 128, stderr: /does not model/ });
  t.strictSame([999, 20_480, 2_306_048, 25_600_000].map(humanBytes), ['999 B', '20 kB', '2.3 MB', '26 MB']);
});
