/** `homelab bundle create` against publishers in this process: what is whole, cut, altered, gone, elsewhere. */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { arch } from 'node:os';
import { join } from 'node:path';
import { create } from 'tar';
import t, { type Test } from 'tap';
import { archiveDownloads, helmDownload, publishedDigest } from '../../lib/bundle/downloads.js';
import { bundleNeeds } from '../../lib/bundle/needs.js';
import { fetchBundle } from '../../lib/cli/bundle/create.js';
import type { BundleDocument } from '../../lib/cli/commands/bundle.js';
import { Session } from '../../lib/cli/session.js';
import { addonReleases } from '../../lib/generate/addons.js';
import type { LabSpec } from '../../lib/model/lab.js';
import { image, program, sha256, write } from '../helpers/bundle-folder.js';
import { documentProblems } from '../helpers/documents.js';
import { fakeIo, runHomelab, type Ran } from '../helpers/fake-io.js';
import { makeLab } from '../helpers/labs.js';
import { Publisher } from '../helpers/publisher.js';

const FLAGS = ['--topology', 'k8s-single', '--cni', 'bridge', '--csi', 'none', '--ingress', 'none'];
const LAB = makeLab({ controlPlanes: 1, kubernetes: { cni: 'bridge', csi: 'none', ingress: 'none' } });
const HOSTS = [
  'dl.k8s.io',
  'github.com',
  'get.helm.sh',
  'registry.k8s.io',
  'quay.io',
  'registry-1.docker.io',
];
const KUBEADM = 'https://dl.k8s.io/release/v1.31.4/bin/linux/amd64/kubeadm';

/** Publishes what LAB needs; images of registry.k8s.io want a token, as that registry's mirrors do. */
async function published(t: Test): Promise<Publisher> {
  const publisher = await Publisher.start();
  t.teardown(() => publisher.stop());
  publisher.putPrograms('v1.31.4');
  for (const { image: name } of bundleNeeds(LAB).images) {
    const [, repository = ''] = /^[^/]+\/(.+):/.exec(name) ?? [];
    publisher.putImage(name, 'amd64', `for repository:${repository}:pull`);
  }
  return publisher;
}

/** A folder with the tools that are known by digests, which no test can publish, and its working directory. */
async function begun(t: Test): Promise<string> {
  const cwd = t.testdir({});
  for (const { path } of archiveDownloads(LAB, 'amd64').flatMap(({ members }) => members))
    write(join(cwd, 'b'), { [path]: program(path) });
  await runHomelab(['bundle', 'index', 'b'], { cwd });
  return cwd;
}

function createIn(cwd: string, publisher: Publisher, ...more: readonly string[]): Promise<Ran> {
  const mirrors = HOSTS.flatMap((host) => ['--mirror', `${host}=${publisher.base}/${host}`]);
  const args = ['bundle', 'create', 'b', ...FLAGS, '--architecture', 'amd64', ...mirrors, ...more];
  return runHomelab([...args, '-o', 'json'], { cwd });
}

t.test('what a plan needs is fetched, listed and verified; a second time everything is kept', async (t) => {
  const publisher = await published(t);
  const cwd = await begun(t);
  const ran = await createIn(cwd, publisher);
  const document = JSON.parse(ran.stdout) as BundleDocument;
  t.strictSame(documentProblems('bundle-report', document), [], ran.stderr);
  t.match(document, { ok: true, architecture: 'amd64', kubernetes: ['v1.31.4'], problems: [] });
  t.strictSame(
    document.images,
    bundleNeeds(LAB)
      .images.map((need) => need.image)
      .sort(),
  );
  t.equal(statSync(join(cwd, 'b/v1.31.4/bin/kubeadm')).mode & 0o777, 0o755);
  t.notOk(existsSync(join(cwd, 'b/.create')), 'nothing unfinished stays');
  t.match(ran.stderr, /fetched.*v1\.31\.4\/bin\/kubeadm/);
  t.match((await runHomelab(['bundle', 'verify', 'b', ...FLAGS], { cwd })).code, 0);

  const archive = readFileSync(join(cwd, 'b/common/images/registry.k8s.io_pause_3.10.tar'));
  publisher.asked.length = 0;
  const again = await createIn(cwd, publisher);
  t.equal(again.code, 0);
  t.notMatch(again.stderr, /fetched/);
  t.strictSame(
    publisher.asked.filter((path) => !path.endsWith('.sha256')),
    [],
    'only digests are asked for',
  );
  rmSync(join(cwd, 'b/common/images/registry.k8s.io_pause_3.10.tar'));
  t.equal((await createIn(cwd, publisher)).code, 0);
  t.ok(
    readFileSync(join(cwd, 'b/common/images/registry.k8s.io_pause_3.10.tar')).equals(archive),
    'an image makes the same archive each time',
  );
});

t.test('a broken download is gone on with, in the same run and in the next', async (t) => {
  const publisher = await published(t);
  const cwd = await begun(t);
  const whole = publisher.routes.get('/dl.k8s.io/release/v1.31.4/bin/linux/amd64/kubeadm')?.body ?? '';
  publisher.put(KUBEADM, { body: whole, cutAt: 20_000 });
  const ran = await createIn(cwd, publisher);
  t.equal(ran.code, 0, ran.stderr);
  const resumed = publisher.asked.filter((line) => /kubeadm bytes=\d+-/.test(line));
  t.equal(resumed.length, 1, 'asked for the rest');
  t.match(ran.stderr, /kubeadm: .*; trying again/);
  t.equal(sha256(readFileSync(join(cwd, 'b/v1.31.4/bin/kubeadm'))), sha256(whole));

  // As a run that was killed leaves it: the beginning of the file, and once the beginning of another one.
  for (const [before, expected] of [
    [whole.slice(0, 9000), 1],
    ['something else altogether', 2],
    [whole, 1],
  ] as const) {
    rmSync(join(cwd, 'b/v1.31.4/bin/kubeadm'));
    write(cwd, { 'b/.create/v1.31.4_bin_kubeadm.part': before });
    publisher.asked.length = 0;
    t.equal((await createIn(cwd, publisher)).code, 0);
    t.equal(publisher.asked.filter((line) => /kubeadm(?: bytes|$)/.test(line)).length, expected);
    t.equal(sha256(readFileSync(join(cwd, 'b/v1.31.4/bin/kubeadm'))), sha256(whole));
  }
});

t.test('redirects are followed', async (t) => {
  const publisher = await published(t);
  const cwd = await begun(t);
  const { layer } = image('registry.k8s.io/pause:3.10');
  const blob = `https://registry.k8s.io/v2/pause/blobs/sha256:${sha256(layer)}`;
  publisher.put('https://elsewhere/layer', layer);
  publisher.put(blob, { status: 307, headers: { location: `${publisher.base}/elsewhere/layer` } });
  const ran = await createIn(cwd, publisher);
  t.equal(ran.code, 0, ran.stderr);
  t.ok(publisher.asked.includes('/elsewhere/layer'));
});

t.test('what is altered, gone or odd stops with its address, and is not listed', async (t) => {
  const { manifest, layer } = image('registry.k8s.io/pause:3.10');
  const pause = 'https://registry.k8s.io/v2/pause';
  const faults: readonly (readonly [string, Parameters<Publisher['put']>[1], string, RegExp])[] = [
    [KUBEADM, program('another'), 'download-altered', /kubeadm: its SHA-256 is/],
    [`${KUBEADM}.sha256`, '<html>', 'download-odd', /no SHA-256/],
    [KUBEADM, { status: 404 }, 'download-failed', /kubeadm: HTTP 404/],
    [KUBEADM, { status: 503 }, 'download-failed', /kubeadm: HTTP 503/],
    [`${pause}/blobs/sha256:${sha256(layer)}`, 'another layer', 'download-altered', /pause\/blobs/],
    [`${pause}/manifests/sha256:${sha256(manifest)}`, '{}', 'download-odd', /its digest is/],
    [`${pause}/manifests/3.10`, '{"manifests":[]}', 'download-odd', /no image for linux\/amd64/],
    [`${pause}/manifests/3.10`, 'hello', 'download-odd', /no JSON/],
    [`${pause}/manifests/3.10`, '{}', 'download-odd', /no manifest of an image/],
    [`${pause}/manifests/3.10`, { status: 401 }, 'download-failed', /HTTP 401/],
  ];
  for (const [url, route, code, message] of faults) {
    const publisher = await published(t);
    const cwd = await begun(t);
    const list = readFileSync(join(cwd, 'b/bundle.yaml'), 'utf8');
    publisher.put(url, route);
    const ran = await createIn(cwd, publisher);
    t.equal(ran.code, 2, `${code} ${String(message)}`);
    const { error } = JSON.parse(ran.stdout) as { error: { code: string; message: string } };
    t.match(error, { code, message });
    t.equal(readFileSync(join(cwd, 'b/bundle.yaml'), 'utf8'), list, 'the list is as it was');
    t.notOk(existsSync(join(cwd, 'b/v1.31.4/bin/kubeadm')) && url.startsWith(KUBEADM), 'no wrong file stays');
  }
});

t.test('digests that homelab knows are not taken from the publisher', async (t) => {
  const publisher = await published(t);
  const cwd = t.testdir({});
  const [crictl] = archiveDownloads(LAB, 'amd64').filter(({ url }) => url.includes('crictl'));
  publisher.put(crictl?.url ?? '', 'not the published one');
  publisher.put(`${crictl?.url ?? ''}.sha256`, sha256('not the published one'));
  for (const { url } of archiveDownloads(LAB, 'amd64')) if (url !== crictl?.url) publisher.put(url, 'x');
  const ran = await createIn(cwd, publisher);
  t.match(ran, { code: 2, stdout: /download-/ });
  t.notOk(existsSync(join(cwd, 'b/common/bin/crictl')));
});

async function tarball(t: Test, files: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const folder = t.testdir({ out: {} });
  write(folder, files);
  await create(
    { cwd: folder, file: join(folder, 'out.tgz'), gzip: true, portable: true },
    Object.keys(files),
  );
  return readFileSync(join(folder, 'out.tgz'));
}

const CHART = `apiVersion: apps/v1
kind: DaemonSet
metadata: { name: kube-flannel-ds, namespace: kube-flannel }
spec:
  template:
    spec:
      containers:
        - { name: kube-flannel, image: "quay.io/flannel/flannel:v1@sha256:MANIFEST", imagePullPolicy: Always }
---
kind: Job
metadata: { name: gone, annotations: { helm.sh/hook: pre-delete } }
spec: { containers: [{ name: x, image: "quay.io/gone/gone:v1" }] }
`;

t.test('charts become manifests that need no registry, and tools come out of their archives', async (t) => {
  const flannel: LabSpec = makeLab({
    controlPlanes: 1,
    kubernetes: { cni: 'flannel', csi: 'none', ingress: 'none' },
  });
  const publisher = await published(t);
  const archives = [];
  for (const download of archiveDownloads(flannel, 'amd64')) {
    const names = download.members.map(({ name }) => [name, new TextDecoder().decode(program(name))]);
    const body = await tarball(t, Object.fromEntries(names) as Record<string, string>);
    publisher.put(download.url, body);
    archives.push({ ...download, checksum: { sha256: sha256(body) } });
  }
  const helm = helmDownload('linux', arch() === 'arm64' ? 'arm64' : 'amd64');
  const packed = await tarball(t, { [helm.members[0]?.name ?? '']: '#!/bin/sh\nexec cat "$3"\n' });
  publisher.put(helm.url, packed);
  publisher.put(`${helm.url}.sha256sum`, `${sha256(packed)}  ${helm.url.split('/').at(-1) ?? ''}\n`);
  const name = 'quay.io/flannel/flannel:v1';
  publisher.putImage(name, 'amd64');
  const { manifest } = image(name);
  publisher.put(`https://quay.io/v2/flannel/flannel/manifests/sha256:${sha256(manifest)}`, manifest);
  const [release] = addonReleases(flannel);
  const chart = CHART.replace('MANIFEST', sha256(manifest));
  const index = {
    entries: {
      flannel: [{ version: release?.version, digest: sha256(chart), urls: ['charts/flannel.tgz'] }],
    },
  };
  publisher.put(`${release?.repo ?? ''}index.yaml`, JSON.stringify(index));
  publisher.put(`${release?.repo ?? ''}charts/flannel.tgz`, chart);

  const cwd = t.testdir({});
  const { io, written } = fakeIo([], { cwd, env: { PATH: process.env['PATH'] } });
  const folder = join(cwd, 'b');
  const mirrors = new Map(
    [...HOSTS, 'flannel-io.github.io'].map((host) => [host, `${publisher.base}/${host}`]),
  );
  await fetchBundle(new Session(io, {}), {
    ...{ folder, shown: 'b', lab: flannel, versions: [], architecture: 'amd64', mirrors, archives },
  });
  t.match(written.stderr, /fetched .*common\/bin\/crictl/);
  const text = readFileSync(join(folder, 'common/manifests/flannel.yaml'), 'utf8');
  t.match(text, /^apiVersion: v1\nkind: Namespace\nmetadata:\n {2}name: kube-flannel\n---\n/);
  t.match(text, /image: "quay\.io\/flannel\/flannel:v1", imagePullPolicy: IfNotPresent/);
  t.notMatch(text, /gone|sha256/);
  t.equal(statSync(join(folder, 'common/cni/portmap')).mode & 0o777, 0o755);
  await runHomelab(['bundle', 'index', 'b'], { cwd });
  const flags = FLAGS.map((flag) => (flag === 'bridge' ? 'flannel' : flag));
  const verified = await runHomelab(['bundle', 'verify', 'b', ...flags, '-o', 'json'], { cwd });
  t.strictSame((JSON.parse(verified.stdout) as BundleDocument).problems, [], 'and the plan misses nothing');
});

t.test('a published digest is read in the forms in which publishers write it', async (t) => {
  const digest = sha256('x');
  t.equal(publishedDigest(`${digest}\n`, 'https://a/b'), digest);
  t.equal(publishedDigest(`${sha256('y')}  c\n${digest}  b\n`, 'https://a/b'), digest);
  t.equal(publishedDigest(`${digest} *build/b\n`, 'https://a/b'), digest);
  t.equal(publishedDigest(`${digest}  c\n`, 'https://a/b'), null);
  t.equal(publishedDigest('', 'https://a/b'), null);
});

t.test('usage: mirrors, and folders of another processor', async (t) => {
  const publisher = await published(t);
  const cwd = await begun(t);
  t.match(await runHomelab(['bundle', 'create', 'b', '--mirror', 'x'], { cwd }), {
    code: 2,
    stderr: /HOST=http/,
  });
  const other = await createIn(cwd, publisher, '--architecture', 'arm64');
  t.match(other, { code: 2, stdout: /"bundle-architecture"/ });
  t.strictSame(publisher.asked, []);
});
