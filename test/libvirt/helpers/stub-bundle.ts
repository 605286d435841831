/**
 * A bundle in the right shape with nothing of Kubernetes in it: programs that tell their version and no more, and one
 * archive that containerd really imports, an empty image under all the names that kubeadm would ask for. What the node
 * image is beside Kubernetes is then real.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { must } from '../../../lib/base/errors.js';
import { kubeadmImages, parseVersion } from '../../../lib/model/version.js';

/** Every image of a control plane of this version, by its full name. */
export function imageNames(version: string): readonly string[] {
  const { etcd, coredns, pause } = must(kubeadmImages(must(parseVersion(version), version)), version);
  const programs = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'];
  return [
    ...programs.map((name) => `registry.k8s.io/${name}:${version}`),
    ...[`registry.k8s.io/coredns/coredns:${coredns}`, `registry.k8s.io/pause:${pause}`],
    `registry.k8s.io/etcd:${etcd}`,
  ];
}

/** Writes everything but bundle.yaml, which is for `homelab bundle index` to write. */
export function writeStubBundle(folder: string, version: string): void {
  const program = (name: string, text: string): void => {
    const path = join(folder, version, 'bin', name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  };
  const list = imageNames(version).map((name) => `echo ${name}`);
  program(
    'kubeadm',
    [`case "$1 $2" in`, `  "version -o") echo ${version} ;;`, `  "config images") ${list.join('; ')} ;;`]
      .concat(['  *) echo "no such kubeadm" >&2; exit 1 ;;', 'esac'])
      .join('\n'),
  );
  program('kubelet', `echo "Kubernetes ${version}"\n[ "$1" = --version ]`);
  program('kubectl', `echo "Client Version: ${version}"`);
  writeArchive(join(folder, version, 'images', 'all.tar'), imageNames(version));
}

/** As `docker save` writes it. */
function writeArchive(path: string, names: readonly string[]): void {
  mkdirSync(dirname(path), { recursive: true });
  const work = mkdtempSync(`${path}.`);
  const tar = (archive: string, files: readonly string[]): void => {
    const { status, stderr } = spawnSync('tar', ['-C', work, '-cf', archive, ...files], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`tar: ${stderr}`);
  };
  writeFileSync(join(work, 'empty'), '');
  tar(join(work, 'layer.tar'), ['empty']);
  const layer = createHash('sha256')
    .update(readFileSync(join(work, 'layer.tar')))
    .digest('hex');
  const config = {
    ...{ architecture: 'amd64', os: 'linux', config: {}, history: [] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
  };
  writeFileSync(join(work, 'config.json'), JSON.stringify(config));
  const manifest = [{ Config: 'config.json', RepoTags: names, Layers: ['layer.tar'] }];
  writeFileSync(join(work, 'manifest.json'), JSON.stringify(manifest));
  tar(path, ['manifest.json', 'config.json', 'layer.tar']);
  rmSync(work, { recursive: true });
}
