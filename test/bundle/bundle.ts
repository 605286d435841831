/** Bundles without a folder: the list, needs of plans, archives by their JSON files, programs, manifests. */
import t from 'tap';
import { archiveContent } from '../../lib/bundle/archive.js';
import { readBundle, writeBundle } from '../../lib/bundle/document.js';
import { programArchitecture } from '../../lib/bundle/elf.js';
import { manifestImages, offlineManifest } from '../../lib/bundle/manifest.js';
import { bundleNeeds } from '../../lib/bundle/needs.js';
import { bundleDigest, nodeFiles, placeOf, type Bundle } from '../../lib/model/bundle.js';
import { parseImage, printImage } from '../../lib/model/image-reference.js';
import { dockerFiles, image, ociFiles, program, sha256 } from '../helpers/bundle-folder.js';
import { makeLab } from '../helpers/labs.js';

const SLOW = makeLab({ vip: 'kube-vip', kubernetes: { cni: 'bridge', csi: 'none', ingress: 'none' } });
const DIGEST = sha256('x');
const FILE = { path: 'v1.31.4/bin/kubeadm', sha256: DIGEST, size: 1 };
const BUNDLE: Bundle = {
  ...{ apiVersion: 'homelab/v1', kind: 'Bundle', architecture: 'amd64', kubernetes: ['v1.31.4'] },
  files: [FILE],
};

t.test('bundle.yaml is read back as it was written', async (t) => {
  t.strictSame(readBundle('bundle.yaml', writeBundle(BUNDLE)), { bundle: BUNDLE, problems: [] });
});

t.test('what is wrong with bundle.yaml is said at its place', async (t) => {
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['kind: Bundle', 'kind: Package', /kind: "Package"/],
    ['apiVersion: homelab/v1', 'apiVersion: homelab/v2', /apiVersion/],
    ['architecture: amd64', 'architecture: sparc', /architecture/],
    ['- v1.31.4', '- 1.31', /kubernetes\[0\]/],
    ['path: v1.31.4/bin/kubeadm', 'path: ../kubeadm', /files\[0\]\.path/],
    ['path: v1.31.4/bin/kubeadm', 'path: v1.31.4/../../x', /files\[0\]\.path/],
    ['path: v1.31.4/bin/kubeadm', 'path: /etc/passwd', /files\[0\]\.path/],
    ['path: v1.31.4/bin/kubeadm', 'path: a//b', /files\[0\]\.path/],
    [`sha256: ${DIGEST}`, 'sha256: abc', /files\[0\]\.sha256/],
    ['size: 1', 'size: -1', /files\[0\]\.size/],
    ['size: 1', 'sise: 1', /files\[0\]/],
    ['files:', 'files: {', /not valid YAML/],
  ];
  const text = writeBundle(BUNDLE);
  for (const [from, to, message] of wrong) {
    t.ok(text.includes(from), `${from} is there to be replaced`);
    const { bundle, problems } = readBundle('b/bundle.yaml', text.replace(from, to));
    t.equal(bundle, null, `${to} is refused`);
    t.match(problems[0], { severity: 'error', file: 'b/bundle.yaml', message }, to);
    t.ok((problems[0]?.line ?? 0) > 0, `${to}: with its line`);
  }
  const twice = writeBundle({ ...BUNDLE, files: [FILE, FILE] });
  t.match(readBundle('bundle.yaml', twice), { bundle: null, problems: [{ code: 'bundle-file-twice' }] });
});

t.test('a place says what a file is for', async (t) => {
  t.strictSame(placeOf('v1.31.4/bin/kubelet'), { kind: 'kubernetes', version: 'v1.31.4', name: 'kubelet' });
  t.strictSame(placeOf('v1.31.4/images/a.tar'), { kind: 'image', version: 'v1.31.4', name: 'a.tar' });
  t.strictSame(placeOf('common/images/a.tar'), { kind: 'image', version: null, name: 'a.tar' });
  t.strictSame(placeOf('common/packages/a.deb'), { kind: 'package', version: null, name: 'a.deb' });
  for (const none of ['README.md', 'v1.31/bin/kubelet', 'v1.31.4/bin/helm', 'common/bin/a/b', 'common/x'])
    t.equal(placeOf(none), null, none);
});

t.test('a node gets its version and what is common, and the digest tells of nothing else', async (t) => {
  const more = ['v1.32.0/bin/kubeadm', 'common/cni/bridge', 'common/manifests/cilium.yaml', 'README'];
  const bundle = { ...BUNDLE, files: [FILE, ...more.map((path) => ({ ...FILE, path }))] };
  t.strictSame(
    nodeFiles(bundle, 'v1.31.4').map(({ path }) => path),
    [FILE.path, 'common/cni/bridge'],
  );
  const other = (path: string): Bundle => ({
    ...bundle,
    files: bundle.files.map((file) => (file.path === path ? { ...file, sha256: sha256('y') } : file)),
  });
  const digest = bundleDigest(bundle, 'v1.31.4');
  t.not(bundleDigest(other('common/cni/bridge'), 'v1.31.4'), digest);
  t.equal(bundleDigest(other('v1.32.0/bin/kubeadm'), 'v1.31.4'), digest, 'another version changes nothing');
  t.equal(bundleDigest({ ...bundle, files: [...bundle.files].reverse() }, 'v1.31.4'), digest);
});

t.test('a plan needs what its machines run', async (t) => {
  const slow = bundleNeeds(SLOW, ['v1.32.0']);
  t.strictSame(slow.versions, ['v1.31.4', 'v1.32.0']);
  const required = slow.files.filter((file) => file.required).map(({ path }) => path);
  t.strictSame(
    required,
    ['v1.31.4', 'v1.32.0'].flatMap((v) =>
      ['kubeadm', 'kubelet', 'kubectl'].map((name) => `${v}/bin/${name}`),
    ),
  );
  const optional = slow.files.filter((file) => !file.required).map(({ path }) => path);
  t.strictSame(optional, [
    ...['common/bin/etcdctl', 'common/bin/crictl', 'common/cni/bridge', 'common/cni/host-local'],
    ...['common/cni/loopback', 'common/cni/portmap'],
  ]);
  t.strictSame(
    slow.images
      .filter(({ folder }) => folder === 'common/images')
      .map(({ image, versions }) => [image, versions]),
    [
      ['registry.k8s.io/coredns/coredns:v1.11.3', ['v1.31.4', 'v1.32.0']],
      ['registry.k8s.io/pause:3.10', ['v1.31.4', 'v1.32.0']],
      ['registry.k8s.io/etcd:3.5.15-0', ['v1.31.4']],
      ['registry.k8s.io/etcd:3.5.16-0', ['v1.32.0']],
      ['ghcr.io/kube-vip/kube-vip:v1.0.4', ['v1.31.4', 'v1.32.0']],
    ],
  );
  const helm = bundleNeeds(makeLab({ vip: 'haproxy' }));
  t.strictSame(
    helm.files.filter(({ path }) => path.startsWith('common/manifests/')).map(({ path }) => path),
    ['cilium', 'longhorn', 'nginx'].map((name) => `common/manifests/${name}.yaml`),
  );
  t.notMatch(JSON.stringify(helm), /kube-vip|helm/, 'HAProxy needs no kube-vip, and a bundle no helm');
});

t.test('names of images are read as containerd keeps them', async (t) => {
  const names: Readonly<Record<string, string>> = {
    'registry.k8s.io/coredns/coredns:v1.11.3': 'registry.k8s.io/coredns/coredns:v1.11.3',
    nginx: 'docker.io/library/nginx:latest',
    'longhornio/csi-attacher:v4.8.0': 'docker.io/longhornio/csi-attacher:v4.8.0',
    'localhost:5000/a:1': 'localhost:5000/a:1',
    [`quay.io/cilium/cilium:v1.18.14@sha256:${DIGEST}`]: 'quay.io/cilium/cilium:v1.18.14',
    [`a/b@sha256:${DIGEST}`]: `docker.io/a/b@sha256:${DIGEST}`,
  };
  for (const [text, full] of Object.entries(names)) {
    const parsed = parseImage(text);
    t.equal(parsed === null ? null : printImage(parsed), full, text);
  }
  for (const none of ['', 'A:b', 'a b', 'https://x/y', 'a:', '--image'])
    t.equal(parseImage(none), null, none);
});

function parts(files: Readonly<Record<string, string>>): Parameters<typeof archiveContent>[0] {
  const texts = Object.entries(files).filter(([, text]) => text.startsWith('{') || text.startsWith('['));
  return { names: new Set(Object.keys(files)), texts: new Map(texts) };
}

t.test('an archive tells its images', async (t) => {
  const name = 'registry.k8s.io/pause:3.10';
  const images = [{ name, architectures: ['amd64'] }];
  t.strictSame(archiveContent(parts(ociFiles(name))), { images, faults: [], unnamed: [] });
  t.strictSame(archiveContent(parts(dockerFiles([name, 'pause:3']))), {
    images: [...images, { name: 'docker.io/library/pause:3', architectures: ['amd64'] }],
    ...{ faults: [], unnamed: [] },
  });
  const both = { ...dockerFiles(['other/name:1']), ...ociFiles(name) };
  t.strictSame(archiveContent(parts(both)).images, images, 'with oci-layout the index counts');

  const arm = image(name, 'arm64');
  const list = JSON.stringify({
    manifests: [
      { digest: `sha256:${sha256(arm.manifest)}`, platform: { architecture: 'arm64' } },
      { digest: `sha256:${sha256('not there')}`, platform: { architecture: 's390x' } },
      { digest: `sha256:${sha256('attestation')}`, platform: { architecture: 'unknown' } },
    ],
  });
  const nested = {
    ...ociFiles(name, 'arm64'),
    [`blobs/sha256/${sha256(list)}`]: list,
    'index.json': JSON.stringify({
      manifests: [
        {
          digest: `sha256:${sha256(list)}`,
          annotations: { 'org.opencontainers.image.ref.name': name },
        },
      ],
    }),
  };
  t.strictSame(archiveContent(parts(nested)), {
    images: [{ name, architectures: ['arm64'] }],
    ...{ faults: [], unnamed: [] },
  });
});

t.test('an archive that is not whole is told from one that is', async (t) => {
  const name = 'registry.k8s.io/pause:3.10';
  const { layer, manifest } = image(name);
  const lacking = (files: Readonly<Record<string, string>>, gone: string): readonly string[] =>
    archiveContent(parts(Object.fromEntries(Object.entries(files).filter(([path]) => path !== gone)))).faults;
  const oci = ociFiles(name);
  t.match(lacking(oci, `blobs/sha256/${sha256(layer)}`), [/it lacks blobs/]);
  t.match(lacking(oci, `blobs/sha256/${sha256(manifest)}`), [/it lacks blobs/]);
  t.match(lacking(oci, 'index.json'), [/no readable index\.json/]);
  t.match(lacking(dockerFiles([name]), 'l/layer.tar'), [/it lacks l\/layer\.tar/]);
  t.match(archiveContent(parts({ 'a.txt': 'x' })).faults, [/no readable manifest\.json/]);
  t.match(archiveContent(parts({ 'manifest.json': '[]' })).faults, [/names no image/]);
  t.match(archiveContent(parts({ ...dockerFiles([name]), 'c.json': '{' })).faults, [/no JSON/]);
  const tagOnly = oci['index.json']?.replace('io.containerd.image.name', 'org.opencontainers.image.ref.name');
  const bare = { ...oci, 'index.json': tagOnly?.replace(name, '3.10') ?? '' };
  t.strictSame(archiveContent(parts(bare)), { images: [], faults: [], unnamed: ['3.10'] });
});

t.test('a program tells its processor', async (t) => {
  t.equal(programArchitecture(program('x')), 'amd64');
  t.equal(programArchitecture(program('x', 'arm64')), 'arm64');
  t.equal(programArchitecture(program('x').fill(8, 18, 19)), 'other');
  t.equal(programArchitecture(new TextEncoder().encode('#!/bin/sh\nexec true\n')), null);
  t.equal(programArchitecture(new Uint8Array()), null);
});

const CHART = `---
# Source: chart/daemonset.yaml
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: agent }
spec:
  template:
    spec:
      initContainers:
        - { name: setup, image: "quay.io/a/init:v1@sha256:${DIGEST}", imagePullPolicy: Always }
      containers:
        - name: agent
          image: quay.io/a/agent:v1
          args: [--engine-image, longhornio/engine:v2, --other, word]
          env:
            - { name: CSI_ATTACHER_IMAGE, value: "longhornio/csi-attacher:v4" }
            - { name: MODE, value: "on" }
        - { name: loose, image: nginx }
---
apiVersion: batch/v1
kind: Job
metadata: { name: uninstall, annotations: { helm.sh/hook: pre-delete } }
spec: { template: { spec: { containers: [{ name: x, image: "a/uninstall:v1" }] } } }
---
apiVersion: batch/v1
kind: Job
metadata: { name: admission, annotations: { helm.sh/hook: "pre-install,pre-upgrade" } }
spec: { template: { spec: { containers: [{ name: x, image: "a/admission:v1" }] } } }
---
`;

t.test('the images of a manifest are found, and which of them would be pulled', async (t) => {
  const { images, pulled } = manifestImages(CHART);
  t.strictSame(images, [
    ...['a/admission:v1', 'a/uninstall:v1', 'longhornio/csi-attacher:v4', 'longhornio/engine:v2', 'nginx'],
    ...['quay.io/a/agent:v1', `quay.io/a/init:v1@sha256:${DIGEST}`],
  ]);
  t.strictSame(pulled, ['nginx', `quay.io/a/init:v1@sha256:${DIGEST}`]);
  t.throws(() => manifestImages('a: [\n'), Error);
});

t.test('a chart is made one that needs no registry', async (t) => {
  const { text, images } = offlineManifest(CHART);
  t.notMatch(images.join(), /uninstall/, 'hooks of other moments go');
  t.ok(images.includes(`quay.io/a/init:v1@sha256:${DIGEST}`), 'the digest still says what to fetch');
  t.notMatch(text, /uninstall|sha256|Always/);
  t.match(text, /image: "?quay\.io\/a\/init:v1"?, imagePullPolicy: IfNotPresent/);
  t.equal(text.split('---').length, 2, 'empty documents go');
  t.match(text, /value: "on"/, 'what YAML 1.1 would read as true stays text');
  t.strictSame(offlineManifest(text).text, text, 'done once is done');
});
