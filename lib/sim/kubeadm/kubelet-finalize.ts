/** Phase kubelet-finalize: kubelet.conf points at the certificate file that the kubelet renews by itself. */
import { parse, stringify } from 'yaml';
import { listAt, mapAt, textAt } from '../tree.js';
import { save, KubeadmFailure, say, type Kubeadm } from './context.js';

/** Leaves the file as it is when the kubelet has no such certificate, that is when rotation is off. */
export function rotateKubeletConf(kubeadm: Kubeadm, folder: string, path: string): void {
  const { disk } = kubeadm.call.machine;
  const current = `${folder}/kubelet-client-current.pem`;
  if (!disk.isFile(current)) return;
  say(
    kubeadm,
    `[kubelet-finalize] Updating "${path}" to point to a rotatable kubelet client certificate and key`,
  );
  const text = disk.read(path);
  if (text === null)
    throw new KubeadmFailure(`could not load kubelet.conf file: open ${path}: no such file or directory`);
  const tree = mapAt(parse(text) as unknown);
  const users = listAt(tree, 'users').map((user) => ({
    name: textAt(user, 'name') ?? '',
    user: { 'client-certificate': current, 'client-key': current },
  }));
  save(kubeadm, path, stringify({ ...tree, users }, { lineWidth: 0 }), { mode: 0o600 });
}
