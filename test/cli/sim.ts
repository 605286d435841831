/** Time travel and the prompt: what `homelab sim` and `homelab ssh` make of a simulated lab. */
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseDuration, printMoment } from '../../lib/base/duration.js';
import { must } from '../../lib/base/errors.js';
import { complete } from '../../lib/cli/prompt/complete.js';
import { applyFilters, LineError, parseLine } from '../../lib/cli/prompt/words.js';
import type { StatusDocument } from '../../lib/cli/commands/status.js';
import type { TraceDocument } from '../../lib/cli/trace.js';
import { Disk } from '../../lib/sim/disk.js';
import { documentProblems } from '../helpers/documents.js';
import { runHomelab, type Ran } from '../helpers/fake-io.js';

const BARE = ['--cni', 'none', '--csi', 'none', '--ingress', 'none'];

/** One lab for all that only reads it. */
const cwd = t.testdir({});
const world = join(cwd, '.homelab/stage/world.jsonl');
void t.test('a lab to look back at', async (t) => {
  const up = await runHomelab(['up', '--topology', 'k8s-single', ...BARE, '--fault', '10m=cut:stage-cp-1'], {
    cwd,
  });
  t.equal(up.code, 0, up.stderr);
  t.equal((await homelab('wait 12m')).code, 0);
});

function homelab(line: string, stdin = ''): Promise<Ran> {
  return runHomelab(line.split(' '), { cwd, stdin });
}

async function documentOf<T>(line: string, schema: string): Promise<T> {
  const { code, stdout, stderr } = await homelab(`${line} -o json`);
  t.equal(code, 0, `${line}: ${stderr}`);
  const document: unknown = JSON.parse(stdout);
  t.strictSame(documentProblems(schema, document), [], `${line} prints ${schema}`);
  return document as T;
}

void t.test('moments are printed as they are read', async (t) => {
  for (const [ms, text] of [
    [29, '0.029s'],
    [84_029, '1m24.029s'],
    [3_720_000, '1h02m00.000s'],
  ] as const) {
    t.equal(printMoment(ms), text);
    t.equal(parseDuration(text), ms);
  }
  t.equal(parseDuration('1.5s'), 1_500);
  t.equal(parseDuration('1.5m'), null);
});

void t.test('sim trace shows what was done and what happened, filtered', async (t) => {
  const all = await documentOf<TraceDocument>('sim trace', 'sim-trace');
  const services = new Set(all.events.map(({ service }) => service));
  for (const service of ['operator', 'power', 'systemd', 'etcd', 'kube-apiserver', 'fault'])
    t.ok(services.has(service), service);
  const argv = 'kubeadm init --config /etc/homelab/kubeadm-init.yaml';
  t.match(
    all.events.find(({ what }) => what.startsWith('kubeadm init')),
    { machine: 'stage-cp-1', what: new RegExp(argv) },
  );
  const window = await documentOf<TraceDocument>(
    'sim trace --service power --from 9m --until 11m',
    'sim-trace',
  );
  t.match(window.events, [{ atMs: 600_000, service: 'power', what: 'off' }]);
  t.equal(window.events.length, 1);
  const wanted = all.events.filter(
    ({ service, atMs }) => service === 'power' && atMs >= 540_000 && atMs <= 660_000,
  );
  t.strictSame(window.events, wanted, 'a filter only leaves out');
  const { stdout } = await homelab('sim trace --service power --from 9m --until 11m');
  t.equal(stdout, '        AT  MACHINE     SERVICE  EVENT\n10m00.000s  stage-cp-1  power    off\n');
  t.equal((await homelab('sim trace --machine stage-cp-9')).code, 2);
});

void t.test('sim replay looks at the lab as it was, and leaves it as it is', async (t) => {
  const before = readFileSync(world, 'utf8');
  const then = await documentOf<StatusDocument>('sim replay --until 9m59s -- status', 'status');
  t.match(then, { lab: 'stage', nowMs: 599_000, machines: [{ state: 'running' }], api: { available: true } });
  const now = await documentOf<StatusDocument>('sim replay -- status', 'status');
  t.match(now, { machines: [{ state: 'off' }] });
  const nodes = await homelab('sim replay --until 9m59s -- kubectl get nodes');
  t.match(nodes.stdout, /^stage-cp-1 +NotReady +control-plane/m, nodes.stderr);
  const exec = await homelab('sim replay --until 9m59s -- exec stage-cp-1 -- systemctl is-active kubelet');
  t.strictSame({ code: exec.code, stdout: exec.stdout }, { code: 0, stdout: 'active\n' });
  t.equal(
    (await homelab('sim replay --until 5m -- machine cut -y stage-cp-1')).code,
    0,
    'also what changes things',
  );
  t.equal(readFileSync(world, 'utf8'), before, 'the lab is as it was');
  t.notMatch(readdirSync(join(cwd, '.homelab/stage')).join(' '), /replay/, 'and the copy is gone');
  t.match(await homelab('sim replay -- up'), { code: 2, stderr: /sim fork/ });
  t.match(await homelab('sim replay --until 3h'), { code: 2, stderr: /not yet to 3h/ });
});

void t.test('sim fork goes another way from any moment, under its own name', async (t) => {
  const early = await documentOf<{ atMs: number }>('sim fork --at 1m20s --lab b', 'sim-copy');
  t.equal(early.atMs, 80_000);
  t.match(await homelab('status --lab b'), { code: 0, stdout: /lab time 1m20s[^]*unfinished: bootstrap/ });
  t.match(await homelab('kubeconfig --lab b'), { code: 2, stderr: /no kubeconfig yet/ });
  const resumed = await homelab('resume --lab b');
  t.match(resumed, { code: 0, stdout: /completed: bootstrap of lab b/ }, resumed.stderr);
  t.match(await homelab('up --lab b'), { code: 0 }, 'and it is a lab like any other');
  const faulty = await homelab('sim trace --lab b --service fault');
  t.notMatch(faulty.stdout, /cut/, 'the planned fault is still to come');
  t.equal((await homelab('wait 12m --lab b')).code, 0);
  t.match((await homelab('sim trace --lab b --service fault')).stdout, /10m00\.000s +stage-cp-1 +fault +cut/);

  const late = await documentOf<{ atMs: number }>('sim fork --of stage --at 9m --lab c', 'sim-copy');
  t.equal(late.atMs, 540_000);
  t.match(await homelab('kubeconfig --lab c'), { code: 0, stdout: /^apiVersion: v1/ });
  t.match(await homelab('resume --lab c'), { code: 2, stderr: /no unfinished saga/ });
  t.match(await homelab('sim fork --of stage --lab c'), { code: 2, stderr: /there is a lab c already/ });
  t.match(await homelab('sim fork --of stage --lab C_1'), { code: 2, stderr: /host name/ });
  for (const lab of ['b', 'c']) t.equal((await homelab(`destroy --lab ${lab}`)).code, 0);
});

void t.test('a fork beside a configuration is still brought up by its name', async (t) => {
  const cwd = t.testdir({ 'config-homelab.yaml': 'name: dev\nk8s: { topology: k8s-single }\n' });
  const run = (line: string): Promise<Ran> => runHomelab(line.split(' '), { cwd });
  t.equal((await run('up --until machines')).code, 0);
  t.equal((await run('sim fork --lab b')).code, 0);
  t.match(await run('up --lab b --until prepare'), { code: 0, stdout: /dev-cp-1|lab b/ });
  t.match(await run('up --lab b --cni flannel'), { code: 2, stderr: /another configuration/ });
});

void t.test('sim seed begins the same story with another seed', async (t) => {
  const copy = await documentOf<{ seed: number }>('sim seed 7 --lab d', 'sim-copy');
  t.equal(copy.seed, 7);
  t.match(await homelab('up --lab d'), { code: 0, stderr: /seed 7/ });
  t.equal((await homelab('wait 12m --lab d')).code, 0);
  t.match((await homelab('sim trace --lab d --service fault')).stdout, /10m00\.000s +stage-cp-1 +fault +cut/);
  t.equal((await homelab('destroy --lab d')).code, 0);
});

void t.test('a world that cannot be played names why, and can be destroyed', async (t) => {
  const cwd = t.testdir({});
  const run = (line: string): Promise<Ran> => runHomelab(line.split(' '), { cwd });
  const path = join(cwd, '.homelab/stage/world.jsonl');
  await run('up --topology k8s-single --until machines');
  const whole = readFileSync(path, 'utf8');
  appendFileSync(path, '{"seq":99,"atM');
  t.equal((await run('status')).code, 0, 'a torn last line is dropped');
  const lines = whole.split('\n');
  writeFileSync(path, whole.replace(must(lines[1], 'a second line'), '{"seq":1,'));
  t.match(await run('status'), { code: 2, stderr: /world\.jsonl:2: [^]*homelab destroy/ });
  writeFileSync(path, whole.replace('"world":1', '"world":0'));
  t.match(await run('status'), { code: 2, stderr: /simulator version 0[^]*homelab destroy/ });
  writeFileSync(path, whole.replace(/"doneAtMs":(\d+)/, '"doneAtMs":1$1'));
  t.match(await run('status'), { code: 2, stderr: /plays differently[^]*homelab destroy/ });
  t.match(await run('destroy'), { code: 0, stderr: /thrown away unread/ });
  t.strictSame(readdirSync(cwd), []);
});

void t.test('a lab of real machines has no time travel', async (t) => {
  const cwd = t.testdir({});
  const run = (line: string): Promise<Ran> => runHomelab(line.split(' '), { cwd });
  await run('up --topology k8s-single --until machines');
  const path = join(cwd, '.homelab/stage/lab.json');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"provider": "sim"', '"provider": "libvirt"'));
  for (const line of ['sim trace', 'sim replay', 'sim fork --lab b', 'sim seed 2 --lab b'])
    t.match(await run(line), { code: 2, stderr: /is for simulated labs/ }, line);
  t.strictSame(readdirSync(join(cwd, '.homelab')), ['stage']);
});

void t.test('ssh runs one program a line, with grep and head as pipes', async (t) => {
  const conf = '--kubeconfig /etc/kubernetes/admin.conf';
  const typed = [
    'hostname',
    '# a comment, and an empty line',
    '',
    `kubectl ${conf} get pods -A | grep etcd | head -n 1`,
    'cat /etc/kubernetes/manifests/etcd.yaml | grep -c "image: "',
    'sudo cat /etc/hostname',
    'mkdir -p ~/.kube',
    'cp /etc/kubernetes/admin.conf ~/.kube/config',
    'kubectl get nodes -o name',
    'echo > /etc/passwd',
    'cd /etc',
    'systemctl is-active docker',
  ];
  await homelab('sim fork --at 9m --lab s');
  const { code, stdout, stderr } = await homelab('ssh stage-cp-1 --lab s', `${typed.join('\n')}\n`);
  const lines = stdout.split('\n');
  t.match(lines, [
    'stage-cp-1',
    /^kube-system +etcd-stage-cp-1 /,
    '1',
    'stage-cp-1',
    'node/stage-cp-1',
    'inactive',
  ]);
  t.match(stderr, /no redirections[^]*cd: this prompt is no shell/);
  t.equal(code, 4, "the last program's exit code");
  t.match(
    (await homelab('sim trace --lab s --service operator --from 9m')).stdout,
    /hostname/,
    'logged as exec is',
  );
  const exits = await homelab('ssh stage-cp-1 --lab s', 'exit 7\nhostname\n');
  t.strictSame(exits, { code: 7, stdout: '', stderr: '' });
  t.equal((await homelab('ssh stage-cp-9 --lab s')).code, 125);
  await homelab('machine cut -y stage-cp-1 --lab s');
  t.match(await homelab('ssh stage-cp-1 --lab s', 'hostname\n'), { code: 125, stderr: /No route to host/ });
  t.equal((await homelab('destroy --lab s')).code, 0);
});

void t.test('ssh ends when the machine is lost under it', async (t) => {
  await homelab('sim fork --at 9m --lab s');
  const ran = await homelab('ssh stage-cp-1 --lab s', 'ping -c 300 192.168.62.11\nhostname\n');
  t.match(ran, { code: 125, stderr: /connection to stage-cp-1 was lost/ });
  t.equal((await homelab('destroy --lab s')).code, 0);
});

const home = '/start';

void t.test('words of a typed line', async (t) => {
  const argv = (line: string): readonly string[] => parseLine(line, home).argv;
  t.strictSame(argv(`a  'b c' "d \\"e\\" 'f'" g\\ h '' i"j"k`), ['a', 'b c', `d "e" 'f'`, 'g h', '', 'ijk']);
  t.strictSame(argv('ls ~ ~/x a~ "~"'), ['ls', home, `${home}/x`, 'a~', '~']);
  t.strictSame(argv('x -o jsonpath={.items[0].a} a=b #c'), ['x', '-o', 'jsonpath={.items[0].a}', 'a=b']);
  t.strictSame(argv("x '*' '$HOME' '|'"), ['x', '*', '$HOME', '|']);
  for (const line of [
    'a > b',
    'a; b',
    'a && b',
    'a || b',
    'a $B',
    'a "$B"',
    'a *',
    'a `b`',
    "a 'b",
    'a | wc',
    '| a',
  ])
    t.throws(() => parseLine(line, home), LineError, line);
  const filtered = (pipe: string): unknown =>
    applyFilters('a1\nB2\nab3\n', 0, parseLine(`x ${pipe}`, '/').filters);
  t.strictSame(filtered('| grep a'), { text: 'a1\nab3\n', code: 0 });
  t.strictSame(filtered('| grep -iv b'), { text: 'a1\n', code: 0 });
  t.strictSame(filtered('| grep -c z'), { text: '0\n', code: 1 });
  t.strictSame(filtered("| grep -E 'a1|B'"), { text: 'a1\nB2\n', code: 0 });
  t.strictSame(filtered("| grep 'a1|B'"), { text: '', code: 1 }, 'letters in a basic pattern');
  t.strictSame(filtered('| head -n 1'), { text: 'a1\n', code: 0 });
  t.strictSame(filtered('| head -2 | grep B'), { text: 'B2\n', code: 0 });
});

void t.test('what Tab offers', async (t) => {
  const disk = new Disk(() => 0);
  for (const folder of ['/usr/bin', '/usr/sbin', '/etc/kubernetes', '/home/.kube'])
    disk.makeDirectories(folder);
  for (const file of [
    '/usr/bin/kubectl',
    '/usr/sbin/kubeadm',
    '/etc/kubernetes/admin.conf',
    '/home/.kube/config',
  ])
    disk.write(file, '');
  const offered = (line: string): unknown => complete(disk, '/home', ['exit'], line);
  t.strictSame(offered('kube'), [['kubeadm ', 'kubectl '], 'kube']);
  t.strictSame(offered('e'), [['exit '], 'e']);
  t.strictSame(offered('cat /etc/ku'), [['/etc/kubernetes/'], '/etc/ku']);
  t.strictSame(offered('cat /etc/kubernetes/a'), [['/etc/kubernetes/admin.conf '], '/etc/kubernetes/a']);
  t.strictSame(offered('cat .k'), [['.kube/'], '.k']);
  t.strictSame(offered('cat x | g'), [['grep '], 'g']);
});
