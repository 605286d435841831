/** The commands that need no lab: version, init, plan, render, doctor. */
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve as resolvePath } from 'node:path';
import t from 'tap';
import type { PlanDocument } from '../../lib/config/plan.js';
import { resolve } from '../../lib/config/resolve.js';
import type { RenderDocument } from '../../lib/cli/commands/render.js';
import type { DoctorDocument } from '../../lib/cli/doctor.js';
import { outputPath } from '../../lib/generate/file.js';
import { render } from '../../lib/generate/render.js';
import { documentProblems } from '../helpers/documents.js';
import { runHomelab } from '../helpers/fake-io.js';
import { packageRoot } from '../helpers/package-root.js';
import { SEED_CONFIG } from '../helpers/seed-config.js';
import { addBox } from '../helpers/vagrant-home.js';

/** Parses the only document on standard output and checks it against its schema. */
function checked(
  t: { strictSame(a: unknown, b: unknown, m: string): boolean },
  name: string,
  text: string,
): unknown {
  const document: unknown = JSON.parse(text);
  t.strictSame(documentProblems(name, document), [], `fits ${name}.schema.json`);
  return document;
}

t.test('version', async (t) => {
  const cwd = t.testdir({});
  const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  const plain = await runHomelab(['version'], { cwd, nodeVersion: '22.1.0' });
  t.strictSame(plain, { code: 0, stdout: `homelab ${version}\nNode 22.1.0\n`, stderr: '' });
  t.strictSame(await runHomelab(['--version'], { cwd, nodeVersion: '22.1.0' }), plain);
  t.strictSame(await runHomelab(['-V'], { cwd, nodeVersion: '22.1.0' }), plain);
  const json = await runHomelab(['version', '-o', 'json'], { cwd, nodeVersion: '22.1.0' });
  t.strictSame(checked(t, 'version', json.stdout), { homelab: version, node: '22.1.0' });
});

t.test('init writes a configuration whose schema an editor finds, and never over another', async (t) => {
  const cwd = t.testdir({});
  const { code, stdout, stderr } = await runHomelab(['init'], { cwd });
  t.equal(code, 0);
  t.equal(stdout, 'config-homelab.yaml\n');
  t.match(stderr, /homelab plan\n.*homelab up\n/);
  const path = join(cwd, 'config-homelab.yaml');
  const text = readFileSync(path, 'utf8');
  t.strictSame(resolve({ text, file: 'config-homelab.yaml' }).problems, [], 'it resolves');
  const [, schema = ''] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
  t.notMatch(schema, /^\//, 'no path of this computer');
  t.equal(
    readFileSync(resolvePath(dirname(path), schema), 'utf8'),
    readFileSync(join(packageRoot(), 'schemas/config.schema.json'), 'utf8'),
    'the schema that is shipped',
  );

  const again = await runHomelab(['init', '--topology', 'k8s-single'], { cwd });
  t.equal(again.code, 2);
  t.match(again.stderr, /already[^]*--force/);
  t.equal(readFileSync(path, 'utf8'), text, 'nothing was written');
  t.equal((await runHomelab(['init', '--topology', 'k8s-single', '--force', '-q'], { cwd })).stderr, '');
  t.match(readFileSync(path, 'utf8'), /^ {2}topology: k8s-single$/m);
  t.notOk(existsSync(`${path}.new`), 'nothing half-written is left');
});

t.test('init in another place, with a name and a provider', async (t) => {
  const cwd = t.testdir({ file: '' });
  const line = 'init -f labs/dev.yaml --lab dev --provider libvirt --topology k8s-multi -o json';
  const { stdout, stderr } = await runHomelab(line.split(' '), { cwd });
  const wanted = { config: 'labs/dev.yaml', schema: 'labs/.homelab/config.schema.json' };
  t.strictSame(checked(t, 'init', stdout), wanted);
  t.match(stderr, /homelab up -f labs\/dev\.yaml/);
  const { spec } = resolve({ text: readFileSync(join(cwd, wanted.config), 'utf8'), file: wanted.config });
  t.match(spec, { name: 'dev', provider: 'libvirt', topology: 'k8s-multi' });
  t.ok(existsSync(join(cwd, wanted.schema)));
  t.equal((await runHomelab(['plan', '-f', wanted.config], { cwd })).code, 0);
  const bad = await runHomelab(['init', '-f', 'new.yaml', '--lab', 'Dev_1'], { cwd });
  t.equal(bad.code, 2);
  t.match(bad.stderr, /--lab Dev_1[^]*host name/);
  t.notOk(existsSync(join(cwd, 'new.yaml')));
  const blocked = await runHomelab(['init', '-f', 'file/c.yaml', '-o', 'json'], { cwd });
  t.match(checked(t, 'error', blocked.stdout), { error: { code: 'unwritable-file' } });
});

t.test('plan of the first configuration, alone and with others', async (t) => {
  const cwd = t.testdir({ 'config-homelab.yaml': SEED_CONFIG });
  const plain = await runHomelab(['plan'], { cwd });
  t.equal(plain.code, 0);
  t.equal(plain.stderr, '');
  t.match(plain.stdout, /stage-w-3 +worker +2 +8 GB +192\.168\.62\.23/);
  t.match(plain.stdout, /fits, 25 GB to spare/);

  const both = 'plan --with k8s-multi --with k8s-single --host-memory 128GiB -o json';
  const three = await runHomelab(both.split(' '), { cwd });
  const document = checked(t, 'plan', three.stdout) as PlanDocument;
  t.equal(three.code, 0);
  t.strictSame(
    document.labs.map(({ topology }) => topology),
    ['k8s-ha', 'k8s-multi', 'k8s-single'],
  );
  t.match(document.host, { memoryMiB: 131_072, fits: true });
  t.match(three.stderr, /note:[^]*next free network/);
  t.equal((await runHomelab([...both.split(' '), '-q'], { cwd })).stderr, '', '--quiet silences notes');
});

t.test('plan says what does not fit and what is wrong', async (t) => {
  const cwd = t.testdir({
    'config-homelab.yaml': SEED_CONFIG,
    'bad.yaml': 'nmae: x\nk8s:\n  version: v1.2\n',
    'mine.yaml': 'name: tiny\nkind: single\ncontrol_planes:\n  count: 1\n  cpus: 2\n  memory: 2GiB\n',
  });
  const small = await runHomelab(['plan', '--host-memory', '16GiB', '-q', '-o', 'json'], { cwd });
  const document = checked(t, 'plan', small.stdout) as PlanDocument;
  t.equal(small.code, 2);
  t.match(small.stderr, /^error:/, '--quiet does not silence errors');
  t.match(document.problems, [{ code: 'host-too-small', severity: 'error' }]);
  const own = await runHomelab(['plan'], { cwd, hostMemoryMiB: 16_384 });
  t.equal(own.code, 0, 'a simulated lab does not mind this computer');
  t.match(own.stderr, /^note:/);

  const bad = await runHomelab(['plan', '-f', 'bad.yaml'], { cwd });
  t.equal(bad.code, 2);
  t.equal(bad.stdout, '');
  t.match(bad.stderr, /bad\.yaml:1:1: error: [^]*name[^]*bad\.yaml:3:12: error: [^]*2 problems/);
  const json = await runHomelab(['plan', '-f', 'bad.yaml', '-o', 'json'], { cwd });
  t.equal(json.code, 2);
  const refused = checked(t, 'plan', json.stdout) as PlanDocument;
  t.strictSame(refused.labs, []);
  t.match(refused.problems, [{ code: 'unknown-key', file: 'bad.yaml', line: 1 }, { line: 3 }]);

  const mine = await runHomelab(['plan', '--with', './mine.yaml', '--with', './none.yaml', '-o', 'json'], {
    cwd,
  });
  t.equal(mine.code, 2);
  t.match(checked(t, 'plan', mine.stdout), {
    labs: [{ name: 'stage' }, { name: 'stage-mine', topology: 'tiny' }],
    problems: [{ severity: 'note' }, { code: 'unknown-topology', severity: 'error' }],
  });
  t.match(mine.stderr, /--with \.\/none\.yaml: /, 'the option that was typed is named');
  const lots = await runHomelab(['plan', '--host-memory', '64GB'], { cwd });
  t.equal(lots.code, 2);
  t.match(lots.stderr, /64GB is no size\n.*64GiB/);
});

t.test('render prints one file as it is and several with headers', async (t) => {
  const cwd = t.testdir({ 'config-homelab.yaml': SEED_CONFIG });
  const { spec } = resolve({ text: SEED_CONFIG, file: 'c.yaml' });
  if (spec === null) throw new Error('the first configuration is wrong');
  const [vagrantfile] = render(spec, 'vagrantfile');
  t.equal((await runHomelab(['render', 'vagrantfile'], { cwd })).stdout, vagrantfile?.content);
  const hosts = (await runHomelab(['render', 'hosts'], { cwd })).stdout;
  t.match(hosts, /^# ==> stage-cp-1:\/etc\/hosts \(0644\)\n/);
  t.equal(hosts.match(/^# ==> /gm)?.length, 6);
  const all = checked(
    t,
    'render',
    (await runHomelab(['render', '-o', 'json'], { cwd })).stdout,
  ) as RenderDocument;
  t.strictSame(
    all.files.map(({ mode, ...file }) => ({ ...file, mode: parseInt(mode, 8) })),
    render(spec),
  );
  const none = await runHomelab(['render', 'haproxy'], { cwd });
  t.strictSame(none, { code: 0, stdout: '', stderr: 'This lab has no haproxy files.\n' });
  const near = await runHomelab(['render', 'kubevip'], { cwd });
  t.equal(near.code, 2);
  t.match(near.stderr, /did you mean kube-vip\?\n.*vagrantfile/);
});

t.test('render --out writes every file with its mode and lists it', async (t) => {
  const cwd = t.testdir({ 'config-homelab.yaml': SEED_CONFIG });
  const { spec } = resolve({ text: SEED_CONFIG, file: 'c.yaml' });
  if (spec === null) throw new Error('the first configuration is wrong');
  const { code, stdout } = await runHomelab(['render', '--out', 'out'], { cwd });
  t.equal(code, 0);
  const files = render(spec);
  t.strictSame(
    stdout.trimEnd().split('\n'),
    files.map((file) => join('out', outputPath(file))),
  );
  for (const file of files) {
    const path = join(cwd, 'out', outputPath(file));
    t.equal(readFileSync(path, 'utf8'), file.content, path);
    t.equal(statSync(path).mode & 0o777, file.mode, `${path}: mode`);
  }
  const count = readdirSync(join(cwd, 'out'), { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  t.equal(count.length, files.length, 'and nothing else');
});

t.test('doctor of the simulator', async (t) => {
  const cwd = t.testdir({});
  const good = await runHomelab(['doctor'], { cwd });
  t.equal(good.code, 0);
  t.match(good.stdout, /^ok +Node 20\.19\.0$[^]*Ready for lab stage on sim\.\n$/m);
  const old = await runHomelab(['doctor', '-o', 'json'], {
    cwd,
    nodeVersion: '20.18.3',
    availableMemoryMiB: 100,
  });
  t.equal(old.code, 2);
  const document = checked(t, 'doctor', old.stdout) as DoctorDocument;
  t.match(document, {
    ok: false,
    findings: [
      { code: 'node', severity: 'error', expected: '>=20.19', found: '20.18.3' },
      { code: 'folder', severity: 'ok', remedy: null },
      { code: 'memory', severity: 'warning', found: '100 MiB' },
    ],
  });
  const { engines } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  t.equal(document.findings[0]?.expected, engines.node, 'the range is that of package.json');
  const elsewhere = await runHomelab(['doctor', '-f', 'none/c.yaml'], { cwd });
  t.equal(elsewhere.code, 2);
});

t.test('doctor of libvirt asks the programs on PATH', async (t) => {
  const script = (body: string): string => `#!/bin/sh\n${body}\n`;
  const cwd = t.testdir({
    bin: {
      vagrant: script('[ "$1" = --version ] && echo Vagrant 2.4.1'),
      ssh: script('[ "$1" = -V ] && echo OpenSSH_9.2p1 >&2'),
      packer: script('echo no licence >&2; exit 3'),
      virsh: script('[ "$1" = --version ] && echo 9.0.0 && exit; echo "error: no daemon" >&2; exit 1'),
    },
    'config-homelab.yaml': 'provider: libvirt\nvos:\n  driver: qemu\n',
  });
  for (const name of readdirSync(join(cwd, 'bin'))) chmodSync(join(cwd, 'bin', name), 0o755);
  // Nothing of this computer is asked but for what is looked up beside PATH.
  const env = { PATH: join(cwd, 'bin') };
  const { code, stdout, stderr } = await runHomelab(['doctor', '-o', 'json'], { cwd, env });
  const { findings, ok, provider } = checked(t, 'doctor', stdout) as DoctorDocument;
  t.equal(code, 2, stderr);
  t.equal(ok, false);
  t.equal(provider, 'libvirt');
  const of = (code: string): unknown => findings.find((one) => one.code === code);
  t.match(of('vagrant'), { severity: 'ok', found: 'Vagrant 2.4.1' });
  t.match(of('vagrant-libvirt'), { severity: 'error', remedy: /vagrant plugin/ });
  t.match(of('ssh'), { severity: 'ok', found: 'OpenSSH_9.2p1' });
  t.match(of('virsh'), { severity: 'ok' });
  t.match(of('libvirt'), {
    severity: 'error',
    message: /no daemon/,
    remedy: /systemctl enable --now libvirtd/,
  });
  t.match(of('kvm'), { severity: 'warning', message: /software emulation/, remedy: /--time-scale 10/ });
});

t.test(
  'image: refused without real machines; otherwise what Vagrant has, with its box and its schema',
  async (t) => {
    const virsh = '#!/bin/sh\n';
    const cwd = t.testdir({ bin: { virsh } });
    chmodSync(join(cwd, 'bin/virsh'), 0o755);
    const env = { PATH: `${join(cwd, 'bin')}:/usr/bin:/bin`, VAGRANT_HOME: join(cwd, 'vagrant') };
    for (const name of ['homelab/node-v1.31.4-0', 'debian12']) addBox(env.VAGRANT_HOME, name);
    addBox(env.VAGRANT_HOME, 'homelab/node-v1.30.0-0', 'virtualbox');
    const refused = await runHomelab(['image', 'build', '-o', 'json'], { cwd, env });
    t.equal(refused.code, 2);
    t.match(checked(t, 'error', refused.stdout), {
      error: { code: 'no-image', remedy: /--provider libvirt/ },
    });
    const own = ['image', 'build', '--provider', 'libvirt', '--box', 'debian12'];
    t.match(await runHomelab(own, { cwd, env }), { code: 2, stderr: /a box of your own, debian12/ });
    const listed = await runHomelab(['image', 'list', '-o', 'json'], { cwd, env });
    t.strictSame(checked(t, 'image-list', listed.stdout), { images: [{ name: 'homelab/node-v1.31.4-0' }] });
    t.match(await runHomelab(['image', 'remove', 'debian12'], { cwd, env }), {
      code: 2,
      stderr: /no image that homelab/,
    });
    const gone = await runHomelab(['image', 'remove', 'homelab/node-v1.31.4-9', '-o', 'json'], { cwd, env });
    t.match(checked(t, 'image', gone.stdout), { image: 'homelab/node-v1.31.4-9', changed: false });
  },
);
