/** What an upgrade does with the kubelet's configuration of its own node. The kubelet reads it when it starts. */
import type { InitConfig } from './config-model.js';
import { KubeadmFailure, say, warn, type Kubeadm } from './context.js';
import { KUBELET_CONFIG, kubeletConfiguration, writeKubeletConfig } from './kubelet-files.js';
import { makeFolder, temporary } from './upgrade-folders.js';

/** Keeps the present file, and writes what the cluster holds with the defaults of this kubeadm's minor. */
export function upgradeKubeletConfig(kubeadm: Kubeadm, config: InitConfig): void {
  const { disk } = kubeadm.call.machine;
  const folder = temporary(kubeadm, 'kubeadm-kubelet-config');
  if (kubeadm.flavour === 32) {
    warn(
      kubeadm,
      'postupgrade.go:117',
      `Using temporary directory ${folder} for kubelet config. To override it set the environment variable ` +
        'KUBEADM_UPGRADE_DRYRUN_DIR',
    );
  }
  makeFolder(kubeadm, folder);
  const backup = `${folder}/config.yaml`;
  say(kubeadm, `[upgrade] Backing up kubelet config file to ${backup}`);
  const failed = disk.copyTree(KUBELET_CONFIG, backup);
  if (failed !== null) {
    const why = failed === 'no-space' ? 'No space left on device' : 'No such file or directory';
    throw new KubeadmFailure(`error backing up the kubelet config file: cp: '${KUBELET_CONFIG}': ${why}`);
  }
  writeKubeletConfig(kubeadm, kubeletConfiguration(kubeadm, config.cluster, config.kubelet));
}
