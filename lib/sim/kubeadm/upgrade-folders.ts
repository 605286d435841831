/** Folders of an upgrade in /etc/kubernetes/tmp. The backups stay: each run leaves another copy of etcd's data. */
import { KUBERNETES_FOLDER, KubeadmFailure, MANIFESTS_FOLDER, type Kubeadm } from './context.js';

const TMP = `${KUBERNETES_FOLDER}/tmp`;

export interface UpgradeFolders {
  /** The manifests to come; removed after a success. */
  readonly upgraded: string;
  readonly oldManifests: string;
  readonly etcdData: string;
}

export function makeFolders(kubeadm: Kubeadm): UpgradeFolders {
  const folders = {
    upgraded: temporary(kubeadm, 'kubeadm-upgraded-manifests'),
    oldManifests: dated(kubeadm, 'kubeadm-backup-manifests'),
    etcdData: dated(kubeadm, 'kubeadm-backup-etcd'),
  };
  for (const folder of Object.values(folders)) makeFolder(kubeadm, folder);
  return folders;
}

export function makeFolder(kubeadm: Kubeadm, path: string): void {
  kubeadm.call.machine.disk.makeDirectories(path, 0o700);
}

/** A name that ends as Go's os.MkdirTemp ends it. */
export function temporary({ call }: Kubeadm, name: string): string {
  return `${TMP}/${name}${call.prng.int(100_000_000, 4_294_967_295)}`;
}

/** `…-2026-11-21-00-43-19`. */
function dated({ call }: Kubeadm, name: string): string {
  const stamp = call.machine.date().slice(0, 19).replace('T', '-').replaceAll(':', '-');
  return `${TMP}/${name}-${stamp}`;
}

export function manifestPath(component: string, folder = MANIFESTS_FOLDER): string {
  return `${folder}/${component}.yaml`;
}

/** Null when it was moved. */
export function moveFile({ call }: Kubeadm, from: string, to: string): string | null {
  const { disk } = call.machine;
  if (disk.isFile(to)) disk.remove(to);
  const failed = disk.rename(from, to);
  return failed === null ? null : `rename ${from} ${to}: no such file or directory`;
}

/** Copies etcd's data folder beside the other backups, as `cp -r` does it. */
export function backUpEtcd(kubeadm: Kubeadm, dataDir: string, folder: string): void {
  const { disk } = kubeadm.call.machine;
  const to = `${folder}/${dataDir.slice(dataDir.lastIndexOf('/') + 1)}`;
  const failed = disk.copyTree(dataDir, to);
  if (failed === null) return;
  const output =
    failed === 'no-space' ? `cp: error writing '${to}': No space left on device` : `cp: ${failed}`;
  throw new KubeadmFailure(`failed to back up etcd data, output: "${output}\\n": exit status 1`);
}
