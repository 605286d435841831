/** The node image without Packer, Vagrant or libvirt: what is asked of them, and what becomes of their answers. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import type { LabSpec } from '../../lib/model/lab.js';
import type { OpenBundle } from '../../lib/model/bundle.js';
import { hostPrograms } from '../../lib/provider/libvirt/host-program.js';
import { labFiles } from '../../lib/provider/libvirt/lab-files.js';
import { imageNameOf, openNodeImage } from '../../lib/provider/libvirt/node-image.js';
import { Packer } from '../../lib/provider/libvirt/packer.js';
import { identify } from '../../lib/provider/libvirt/process-group.js';
import { libvirtBoxes } from '../../lib/provider/libvirt/vagrant-boxes.js';
import { Virsh } from '../../lib/provider/libvirt/virsh.js';
import { WallClock } from '../../lib/provider/libvirt/wall-clock.js';
import type { NodeImage } from '../../lib/provider/provider.js';
import { fakePrograms, type FakeProgram } from '../helpers/fake-programs.js';
import { makeLab } from '../helpers/labs.js';
import { addBox, removeBox } from '../helpers/vagrant-home.js';

const VOLUME = '-VAGRANTSLASH-node-v1.31.4-';
const clock = new WallClock(0);

interface Computer {
  readonly image: NodeImage;
  readonly calls: readonly string[];
  /** The lab's folder. */
  readonly folder: string;
  /** What the build was given. */
  readonly seen: {
    variables: Record<string, unknown>;
    seed: string;
    bundle: readonly string[];
    packed: string;
  };
  /** Vagrant's. */
  readonly env: { readonly VAGRANT_HOME: string };
  readonly volumes: Map<string, string | null>;
}

interface Wanted {
  readonly packer?: string;
  readonly build?: FakeProgram;
  readonly lab?: Partial<LabSpec>;
  readonly bundle?: OpenBundle;
}

/** A computer with Packer, Vagrant and libvirt of which only the bookkeeping is there. */
function computer(root: string, wanted: Wanted = {}): Computer {
  const folder = join(root, '.homelab', 'stage');
  const lab = makeLab({
    vip: 'kube-vip',
    more: {
      provider: 'libvirt',
      driver: 'qemu',
      bundle: wanted.bundle === undefined ? null : './b',
      ...wanted.lab,
    },
  });
  const seen: Computer['seen'] = { variables: {}, seed: '', bundle: [], packed: '' };
  const env = { VAGRANT_HOME: join(root, 'vagrant') };
  const volumes = new Map<string, string | null>();
  const build: FakeProgram = (args) => {
    for (const file of args.filter((arg) => arg.startsWith('-var-file='))) {
      const variables = JSON.parse(readFileSync(file.slice('-var-file='.length), 'utf8')) as object;
      seen.variables = { ...seen.variables, ...variables };
    }
    const at = (name: string): string => String(seen.variables[name]);
    seen.seed = readFileSync(join(at('seed_directory'), 'user-data'), 'utf8');
    seen.bundle = readdirSync(at('bundle_directory'), { recursive: true, encoding: 'utf8' }).sort();
    mkdirSync(at('output_directory'));
    writeFileSync(join(at('output_directory'), 'box.img'), 'disk');
    return '==> qemu.node: Starting VM\n    qemu.node: of no interest\n';
  };
  const { run, calls } = fakePrograms({
    packer: (args, program) => {
      if (args[0] === 'version') return `Packer v${wanted.packer ?? '1.6.6'}\n`;
      return args[0] === 'build' ? (wanted.build ?? build)(args, program) : '';
    },
    'ssh-keygen': (args) => {
      const key = args[args.indexOf('-f') + 1] ?? '';
      if (args.includes('-t')) writeFileSync(key, 'private');
      return args.includes('-y') ? 'ssh-ed25519 AAAA somebody\n' : '';
    },
    tar: (args) => {
      const archive = args[args.indexOf('-cf') + 1] ?? '';
      const names = args.slice(args.indexOf(archive) + 1);
      seen.packed = names.map((name) => readFileSync(join(args[1] ?? '', name), 'utf8')).join('\n');
      writeFileSync(archive, 'box');
      return '';
    },
    vagrant: (args) => {
      const [, verb, ...rest] = args;
      if (verb === 'add') addBox(env.VAGRANT_HOME, rest[1] ?? '');
      if (verb === 'remove') removeBox(env.VAGRANT_HOME, rest[0] ?? '');
      return '';
    },
    virsh: (args) => {
      const [, , , verb, name = ''] = args;
      if (verb === 'pool-list') return ' default   active   yes\n';
      if (verb === 'vol-list') return [...volumes.keys()].map((one) => ` ${one}   /pool/${one}\n`).join('');
      if (verb === 'vol-delete') volumes.delete(name);
      const base = volumes.get(name) ?? null;
      return base === null ? '<volume/>' : `<backingStore>\n <path>/pool/${base}</path></backingStore>`;
    },
  });
  const image = openNodeImage({
    ...{ lab, run, env, clock, files: labFiles(folder), virsh: new Virsh(run, 'qemu:///system') },
    bundle: () => wanted.bundle ?? null,
  });
  if (image === null) throw new Error('the lab has a box of its own');
  return { image, calls, folder, seen, env, volumes };
}

const boxesOf = (env: Computer['env']): readonly string[] => libvirtBoxes(env).map(({ name }) => name);

t.test('a build: variables, a seed with a key of its own, a box, and nothing left over', async (t) => {
  const root = t.testdir({});
  const { image, calls, folder, seen, env } = computer(root);
  const progress: string[] = [];
  t.equal(await image.isThere(), false);
  await image.build({ onProgress: (line) => progress.push(line) });
  t.equal(await image.isThere(), true);
  t.strictSame(boxesOf(env), [image.name]);
  t.match(seen.variables, {
    base_image: join(root, 'base.qcow2'),
    accelerator: 'tcg',
    ssh_timeout: '600s',
    offline: false,
    kubernetes_version: '1.31.4',
  });
  t.match(seen.seed, /^#cloud-config\n[^]*- ssh-ed25519 AAAA homelab-build\n/);
  t.match(seen.packed, /"virtual_size":20[^]*Vagrant\.configure[^]*disk$/);
  t.strictSame(progress, ['Starting VM', `adding the box ${image.name}`]);
  t.strictSame(readdirSync(folder), ['logs'], 'the scratch folder is gone, the log stays');
  t.match(readFileSync(join(folder, 'logs/packer.log'), 'utf8'), /of no interest/);
  t.ok(
    calls.some((call) => /^packer build .* node\.pkr\.hcl$/.test(call)),
    'Packer 1.6 is given one file',
  );
  const before = calls.length;
  await image.build({});
  t.strictSame(calls.slice(before), [], 'what is there is not built again');
});

t.test('current Packer reads the whole folder and fetches its plugin', async (t) => {
  const { image, calls } = computer(t.testdir({}), { packer: '1.15.0' });
  await image.build({});
  const packer = calls.filter((call) => call.startsWith('packer'));
  t.match(packer.at(-2), 'packer init .');
  t.match(packer.at(-1), /^packer build .* \.$/);
  const old = computer(t.testdir({}), { packer: '1.5.6' });
  await t.rejects(old.image.build({}), { code: 'packer-version', message: /1\.5\.6/ });
});

t.test('a failed build says what the recipe said, and leaves its log alone', async (t) => {
  const said =
    '==> qemu.node: homelab: neither the bundle nor the base image brings runc, socat\nBuild errored\n';
  const { image, folder } = computer(t.testdir({}), { build: () => ({ code: 1, stdout: said }) });
  await t.rejects(image.build({}), {
    code: 'image-failed',
    message: /brings runc, socat$/,
    remedy: /packer\.log/,
  });
  t.strictSame(readdirSync(folder), ['logs']);
  t.equal(await image.isThere(), false);
  const plain = computer(t.testdir({}), {
    build: () => ({ code: 1, stdout: 'sudo: host homelab: unknown\n' }),
  });
  await t.rejects(plain.image.build({}), { code: 'image-failed', message: /Packer ended with\nsudo/ });
});

t.test(
  'of a bundle exactly what a node of the version needs, and another name when that changes',
  async (t) => {
    const files = [
      'v1.31.4/bin/kubeadm',
      'v1.32.0/bin/kubeadm',
      'common/cni/bridge',
      'common/manifests/cilium.yaml',
    ];
    const root = t.testdir({});
    for (const file of [...files, 'common/bin/unlisted']) {
      mkdirSync(dirname(join(root, 'b', file)), { recursive: true });
      writeFileSync(join(root, 'b', file), file);
    }
    const bundleOf = (digest: string, changed: string): OpenBundle => ({
      folder: join(root, 'b'),
      bundle: {
        ...{
          apiVersion: 'homelab/v1',
          kind: 'Bundle',
          architecture: 'amd64',
          kubernetes: ['v1.31.4', 'v1.32.0'],
        },
        files: files.map((path) => ({ path, sha256: (path === changed ? digest : 'a').repeat(64), size: 1 })),
      },
    });
    const { image, seen } = computer(root, { bundle: bundleOf('a', '') });
    await image.build({});
    t.match(seen.variables, { offline: true });
    t.strictSame(
      seen.bundle.filter((path) => files.includes(path)),
      ['common/cni/bridge', 'v1.31.4/bin/kubeadm'],
    );
    t.notOk(seen.bundle.includes('common/bin/unlisted'));
    const lab = makeLab({ more: { bundle: './b' } });
    const name = imageNameOf(lab, bundleOf('a', ''));
    t.not(imageNameOf(lab, bundleOf('b', 'common/cni/bridge')), name);
    t.equal(imageNameOf(lab, bundleOf('b', 'v1.32.0/bin/kubeadm')), name, 'another version does not matter');
  },
);

t.test('an image is removed with its volume, but not from under a machine', async (t) => {
  const { image, env, volumes } = computer(t.testdir({}));
  const volume = `${image.name.replace('/', '-VAGRANTSLASH-')}_vagrant_box_image_0_1_box.img`;
  t.match(volume, VOLUME);
  addBox(env.VAGRANT_HOME, image.name);
  volumes.set(volume, null).set('homelab_stage-cp-1.img', volume).set('other.img', 'other-base.img');
  await t.rejects(image.remove(), { code: 'image-in-use', message: /homelab_stage-cp-1\.img/ });
  t.strictSame(boxesOf(env), [image.name], 'nothing was removed');
  volumes.delete('homelab_stage-cp-1.img');
  await image.remove();
  t.strictSame(boxesOf(env), []);
  t.strictSame([...volumes.keys()], ['other.img']);
  await image.remove();
});

t.test('another recipe than the one that was compiled in is refused', async (t) => {
  const root = t.testdir({ recipe: { 'node.pkr.hcl': 'source "qemu" "node" {}\n' } });
  const { run, calls } = fakePrograms({ vagrant: () => '', packer: () => 'Packer v1.6.6\n' });
  const image = openNodeImage({
    ...{ lab: makeLab({}), run, clock, files: labFiles(join(root, 'lab')), recipe: join(root, 'recipe') },
    ...{ virsh: new Virsh(run, 'qemu:///system'), env: {}, bundle: () => null },
  });
  await t.rejects(image?.build({}) ?? Promise.resolve(), { code: 'recipe-changed' });
  t.strictSame(calls, []);
  t.equal(openNodeImage({ lab: makeLab({ more: { box: 'a/b' } }), run, clock } as never), null, 'or a box');
});

t.test('the build of a homelab that was killed is ended before the next one', async (t) => {
  const root = t.testdir({});
  const pidFile = join(root, 'packer.json');
  const stray = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
  const ended = new Promise((resolve) =>
    stray.once('exit', (_, signal) => {
      resolve(signal);
    }),
  );
  const identity = identify(stray.pid ?? 0);
  writeFileSync(pidFile, JSON.stringify(identity));
  const run = hostPrograms({ PATH: process.env['PATH'] ?? '' });
  const packer = new Packer({ run, clock, recipe: root, log: join(root, 'log'), pidFile });
  await packer.endStray();
  t.equal(await ended, 'SIGINT');
  t.notOk(existsSync(pidFile));
  writeFileSync(pidFile, JSON.stringify({ ...identity, pid: process.pid }));
  await packer.endStray();
  t.notOk(existsSync(pidFile), 'and a process that only has its number is left alone');
});

t.test('a cancelled build ends Packer with all that it started', async (t) => {
  const root = t.testdir({ bin: {} });
  // As Packer does it: the first process takes no notice of a SIGINT, and the one that works ends by it.
  const script = `#!/bin/sh
[ "$1" = version ] && { echo Packer v1.6.6; exit; }
trap '' INT
(trap 'echo interrupted >>"${root}/said"; exit 1' INT; echo '==> qemu.node: Starting VM'; while :; do sleep 0.1; done)
`;
  writeFileSync(join(root, 'bin/packer'), script, { mode: 0o755 });
  const run = hostPrograms({ PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}` });
  const pidFile = join(root, 'packer.json');
  const packer = new Packer({ run, clock, recipe: root, log: join(root, 'log'), pidFile });
  const cancel = new AbortController();
  const build = packer.build({
    ...{ variables: [], cache: join(root, 'cache'), timeScale: 1, signal: cancel.signal },
    onProgress: () => {
      t.ok(existsSync(pidFile), 'the process is known to the next homelab');
      cancel.abort();
    },
  });
  await t.rejects(build, { name: 'CancelledError' });
  t.match(readFileSync(join(root, 'said'), 'utf8'), /^interrupted\n$/, 'once, so that it clears up');
  t.notOk(existsSync(pidFile));
});
