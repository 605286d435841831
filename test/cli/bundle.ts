/** `homelab bundle verify|index` and `up --bundle` on folders that tests fill: every fault is named with its file. */
import {
  appendFileSync,
  existsSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { bundleNeeds } from '../../lib/bundle/needs.js';
import type { BundleDocument } from '../../lib/cli/commands/bundle.js';
import { makeLab } from '../helpers/labs.js';
import { dockerFiles, fill, ociFiles, pack, program, write } from '../helpers/bundle-folder.js';
import { documentProblems } from '../helpers/documents.js';
import { runHomelab, type Ran } from '../helpers/fake-io.js';

const FLAGS = ['--topology', 'k8s-single', '--cni', 'bridge', '--csi', 'none', '--ingress', 'none'];
const LAB = makeLab({ kubernetes: { cni: 'bridge', csi: 'none', ingress: 'none' } });

async function homelab(cwd: string, ...args: readonly string[]): Promise<Ran> {
  return runHomelab([...args, '-o', 'json'], { cwd });
}

async function report(t: Test, cwd: string, ...args: readonly string[]): Promise<BundleDocument & Ran> {
  const ran = await homelab(cwd, ...args);
  const document = JSON.parse(ran.stdout) as BundleDocument;
  t.strictSame(documentProblems('bundle-report', document), [], 'fits bundle-report.schema.json');
  t.equal(ran.code, document.ok ? 0 : 2, 'the exit code says whether it is good');
  return { ...document, ...ran };
}

/** A folder `b` in a new working directory, with all that the lab of FLAGS needs, indexed. */
async function bundleFor(t: Test): Promise<string> {
  const cwd = t.testdir({});
  await fill(join(cwd, 'b'), bundleNeeds(LAB));
  const { problems, ok } = await report(t, cwd, 'bundle', 'index', 'b');
  t.strictSame({ problems, ok }, { problems: [], ok: true }, 'the index finds nothing wrong');
  return cwd;
}

function codes({ problems }: BundleDocument): readonly string[] {
  return problems.map(({ code, file }) => `${code} ${file ?? ''}`);
}

t.test('a folder filled by hand is listed and found good', async (t) => {
  const cwd = await bundleFor(t);
  const verified = await report(t, cwd, 'bundle', 'verify', 'b', ...FLAGS);
  t.strictSame(codes(verified), []);
  t.strictSame([verified.architecture, verified.kubernetes], ['amd64', ['v1.31.4']]);
  t.ok(verified.images.includes('registry.k8s.io/kube-apiserver:v1.31.4'));
  const files = verified.files.map(({ path }) => path);
  t.strictSame(files, [...files].sort());
  const text = await runHomelab(['bundle', 'verify', 'b', ...FLAGS], { cwd });
  t.match(text, {
    code: 0,
    stdout: /^b: 16 files, 1 MiB, amd64, Kubernetes v1\.31\.4\n[^]*Good: for lab stage/,
  });
});

t.test('every fault of the folder is named with its file, and nothing is changed', async (t) => {
  const cwd = await bundleFor(t);
  const at = (path: string): string => join(cwd, 'b', path);
  const list = readFileSync(at('bundle.yaml'), 'utf8');
  appendFileSync(at('v1.31.4/bin/kubelet'), 'x');
  const kubectl = readFileSync(at('v1.31.4/bin/kubectl'));
  writeFileSync(at('v1.31.4/bin/kubectl'), kubectl.fill(7, 64, 65));
  truncateSync(at('v1.31.4/images/0.tar'), 700);
  rmSync(at('common/cni/portmap'));
  rmSync(at('common/bin/crictl'));
  symlinkSync('etcdctl', at('common/bin/crictl'));
  write(join(cwd, 'b'), { 'notes.txt': 'hello' });
  const verified = await report(t, cwd, 'bundle', 'verify', 'b', ...FLAGS);
  t.strictSame(codes(verified), [
    'bundle-file-missing b/common/bin/crictl',
    'bundle-file-missing b/common/cni/portmap',
    'bundle-file-altered b/v1.31.4/bin/kubectl',
    'bundle-file-altered b/v1.31.4/bin/kubelet',
    'bundle-file-altered b/v1.31.4/images/0.tar',
    'bundle-file-unlisted b/notes.txt',
    'bundle-image-missing b/v1.31.4/images/',
  ]);
  t.match(verified.problems[3], { message: /its size/, expected: '83 bytes', found: '84 bytes' });
  t.match(verified.problems[2], { message: /SHA-256/, expected: /^[0-9a-f]{64}$/ });
  for (const { file } of verified.problems)
    t.ok(verified.stderr.includes(file ?? ''), `${file ?? ''} is named`);
  t.equal(readFileSync(at('bundle.yaml'), 'utf8'), list);
});

t.test('what the plan misses is named, and more for other plans', async (t) => {
  const cwd = await bundleFor(t);
  const ha = await report(t, cwd, 'bundle', 'verify', 'b', '--cni', 'flannel', '--csi', 'none');
  t.strictSame(codes(ha), [
    'bundle-need-missing b/common/manifests/flannel.yaml',
    'bundle-need-missing b/common/manifests/nginx.yaml',
    'bundle-image-missing b/common/images/',
  ]);
  t.match(ha.problems[2], { message: /ghcr\.io\/kube-vip\/kube-vip:v1\.0\.4/ });
  const next = await report(t, cwd, 'bundle', 'verify', 'b', ...FLAGS, '--upgrade-to', '1.32.0');
  t.match(codes(next)[0], 'bundle-version-missing b/v1.32.0/');
  t.equal(codes(next).filter((code) => code.startsWith('bundle-image-missing b/v1.32.0/')).length, 4);
  const etcd = next.problems.find(({ code }) => code === 'bundle-image-other-tag');
  t.match(etcd, { severity: 'warning', expected: /etcd:3\.5\.16-0/, found: /etcd:3\.5\.15-0/ });
  const unknown = await homelab(cwd, 'bundle', 'verify', 'b', '--upgrade-to', 'v1.9.0');
  t.match(unknown, { code: 2, stdout: /unknown-version/ });
});

t.test('a manifest must find its images, under their tags and without a registry', async (t) => {
  const cwd = await bundleFor(t);
  const digest = 'a'.repeat(64);
  const pod = (image: string, policy: string): string =>
    `kind: Pod\nspec: { containers: [{ name: x, image: "${image}", imagePullPolicy: ${policy} }] }\n`;
  const manifest = [
    pod('registry.k8s.io/pause:3.10', 'IfNotPresent'),
    pod('registry.k8s.io/pause:3.10', 'Always'),
    pod('docker.io/flannel/flannel:v1', 'IfNotPresent'),
    pod(`registry.k8s.io/pause:3.10@sha256:${digest}`, 'IfNotPresent'),
  ];
  write(join(cwd, 'b'), { 'common/manifests/flannel.yaml': manifest.join('---\n') });
  t.ok((await report(t, cwd, 'bundle', 'index', 'b')).ok);
  const flags = FLAGS.map((flag) => (flag === 'bridge' ? 'flannel' : flag));
  const verified = await report(t, cwd, 'bundle', 'verify', 'b', ...flags);
  t.match(
    verified.problems.map(({ code, message }) => `${code}: ${message}`),
    [
      /bundle-image-missing: .*flannel\/flannel:v1/,
      /bundle-image-pulled: .*pause:3\.10/,
      /bundle-image-by-digest: .*@sha256/,
    ],
  );
  t.strictSame(
    codes(await report(t, cwd, 'bundle', 'verify', 'b', ...FLAGS)),
    [],
    'a lab without it does not care',
  );
});

t.test('index refuses what no list should vouch for', async (t) => {
  const cwd = await bundleFor(t);
  const before = readFileSync(join(cwd, 'b/bundle.yaml'), 'utf8');
  const damaged = { ...ociFiles('a/b:1') };
  const blob = Object.keys(damaged).find((name) => damaged[name]?.startsWith('layer')) ?? '';
  await pack(join(cwd, 'b'), 'common/images/damaged.tar', { ...damaged, [blob]: 'another layer' });
  await pack(join(cwd, 'b'), 'common/images/foreign.tar', dockerFiles(['a/c:1'], 'arm64'));
  await pack(join(cwd, 'b'), 'common/images/packed.tar', dockerFiles(['a/d:1']), true);
  write(join(cwd, 'b'), {
    'common/images/text.tar': 'this is no archive at all',
    'common/cni/vlan': program('vlan', 'arm64'),
    'v1.31.4/bin/kubeadm': '#!/bin/sh\n',
    'common/manifests/x.yaml': 'a: [',
  });
  const indexed = await report(t, cwd, 'bundle', 'index', 'b');
  t.strictSame(codes(indexed), [
    'bundle-architecture b/common/cni/vlan',
    'bundle-archive-unreadable b/common/images/damaged.tar',
    'bundle-architecture b/common/images/foreign.tar',
    'bundle-archive-unreadable b/common/images/text.tar',
    'bundle-manifest-unreadable b/common/manifests/x.yaml',
    'bundle-program-odd b/v1.31.4/bin/kubeadm',
  ]);
  t.ok(indexed.images.includes('docker.io/a/d:1'), 'a compressed archive is read');
  t.equal(readFileSync(join(cwd, 'b/bundle.yaml'), 'utf8'), before);
});

t.test('a folder without programs must be told its processor', async (t) => {
  const cwd = t.testdir({ b: { 'v1.32.0': { bin: { kubeadm: '#!/bin/sh\n' } } } });
  t.match(await homelab(cwd, 'bundle', 'index', 'b'), { code: 2, stdout: /bundle-architecture-unknown/ });
  t.match(await homelab(cwd, 'bundle', 'index', 'c'), { code: 2, stdout: /no-bundle/ });
  t.match(await homelab(cwd, 'bundle', 'verify', 'b'), { code: 2, stdout: /no-bundle/ });
  t.notOk(existsSync(join(cwd, 'b/bundle.yaml')));
  const indexed = await report(t, cwd, 'bundle', 'index', 'b', '--architecture', 'arm64');
  t.strictSame([indexed.architecture, indexed.kubernetes], ['arm64', ['v1.32.0']]);
});

t.test('up verifies the bundle of its lab first, and only uses what is listed', async (t) => {
  const cwd = await bundleFor(t);
  const up = ['up', ...FLAGS, '--bundle', './b'];
  rmSync(join(cwd, 'b/v1.31.4/bin/kubelet'));
  const refused = await homelab(cwd, ...up);
  t.match(refused, { code: 2, stdout: /bad-bundle/, stderr: /b\/v1\.31\.4\/bin\/kubelet/ });
  t.notOk(existsSync(join(cwd, '.homelab')), 'and nothing was begun');
  t.match(await homelab(cwd, ...up.slice(0, -1), './typo'), { code: 2, stdout: /no-bundle/ });

  await fill(join(cwd, 'b'), bundleNeeds(LAB));
  t.ok((await report(t, cwd, 'bundle', 'index', 'b')).ok);
  t.equal((await homelab(cwd, ...up, '--until', 'machines')).code, 0);
  write(join(cwd, 'b'), { 'common/cni/bridge': program('altered') });
  t.match(await homelab(cwd, 'resume'), { code: 2, stderr: /b\/common\/cni\/bridge/ }, 'so does resume');
  t.equal((await homelab(cwd, 'abort')).code, 0, 'going back needs no bundle');
});

t.test('an add-on comes from the bundle', async (t) => {
  const cwd = t.testdir({});
  const flannel = makeLab({ kubernetes: { cni: 'flannel', csi: 'none', ingress: 'none' } });
  await fill(join(cwd, 'b'), bundleNeeds(flannel));
  write(join(cwd, 'b'), { 'common/manifests/flannel.yaml': FLANNEL });
  await pack(
    join(cwd, 'b'),
    'common/images/flannel.tar',
    dockerFiles(['ghcr.io/flannel-io/flannel:v0.27.4']),
  );
  t.ok((await report(t, cwd, 'bundle', 'index', 'b')).ok);
  const flags = FLAGS.map((flag) => (flag === 'bridge' ? 'flannel' : flag));
  t.equal((await homelab(cwd, 'up', ...flags, '--bundle', './b')).code, 0);
  const applied = await runHomelab(['kubectl', 'get', 'daemonsets', '-A'], { cwd });
  t.match(applied.stdout, /kube-flannel/);
});

const FLANNEL = `apiVersion: v1
kind: Namespace
metadata: { name: kube-flannel }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: kube-flannel-ds, namespace: kube-flannel, labels: { app: flannel } }
spec:
  selector: { matchLabels: { app: flannel } }
  template:
    metadata: { labels: { app: flannel } }
    spec:
      hostNetwork: true
      tolerations: [{ operator: Exists }]
      containers:
        - name: kube-flannel
          image: ghcr.io/flannel-io/flannel:v0.27.4
          args: [--ip-masq, --kube-subnet-mgr, --iface=eth1]
`;
