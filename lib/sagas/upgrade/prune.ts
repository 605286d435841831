/**
 * Every run of kubeadm leaves a copy of etcd's data and of the manifests in /etc/kubernetes/tmp, 125 MB at least. The
 * newest of each kind stays, the others go.
 */
import type { Step } from '../../engine/saga.js';
import type { MachineSpec } from '../../model/lab.js';
import { must, run } from '../remote.js';
import { minutes, patient, seconds } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { TYPICAL } from './typical.js';

const TMP = '/etc/kubernetes/tmp';
/** Manifests to come, left by a run that did not end; the others are backups. */
const LEFT = 'kubeadm-upgraded-manifests';
const KINDS = ['kubeadm-backup-etcd', 'kubeadm-backup-manifests', 'kubeadm-kubelet-config', LEFT];

export function pruneBackups({ lab }: Upgrade, { name }: MachineSpec): Step {
  return {
    key: `prune:${name}`,
    title: `Old backups of kubeadm on ${name}`,
    kind: 'retriable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 5),
    typicalMs: TYPICAL.prune,
    commands: [`rm -rf ${TMP}/...`],
    run: async (context) => {
      const listed = await run(context, name, ['ls', '-1', TMP], { timeoutMs: seconds(lab, 30) });
      const folders = listed.stdout.split('\n').filter((line) => line !== '');
      if (folders.length === 0) return;
      const argv = ['stat', '-c', '%Y %n', ...folders.map((folder) => `${TMP}/${folder}`)];
      const dated = await must(context, name, argv, { timeoutMs: seconds(lab, 30) });
      const old = outdated(dated);
      if (old.length > 0) await must(context, name, ['rm', '-rf', ...old], { timeoutMs: minutes(lab, 2) });
    },
  };
}

/** Of lines `<unix seconds> <path>` the paths that are not the newest of their kind. Foreign ones are left alone. */
export function outdated(dated: string): readonly string[] {
  const entries = dated
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({
      at: Number(line.slice(0, line.indexOf(' '))),
      path: line.slice(line.indexOf(' ') + 1),
    }));
  return KINDS.flatMap((kind) => {
    const own = entries.filter(({ path }) => path.startsWith(`${TMP}/${kind}`));
    const newestFirst = own.sort((a, b) => b.at - a.at || (a.path < b.path ? 1 : -1));
    return newestFirst.slice(kind === LEFT ? 0 : 1).map(({ path }) => path);
  });
}
