/**
 * Where generated files go on the machines. `/etc/homelab` is homelab's own folder: it is outside the
 * kubelet's manifests folder and on the same file system, so that a manifest can be renamed into place. The
 * kubelet parses every file in that folder whose name does not begin with a dot, backups included.
 */
export const HOMELAB_DIR = '/etc/homelab';
export const MANIFESTS_DIR = '/etc/kubernetes/manifests';
export const PKI_DIR = '/etc/kubernetes/pki';
export const ADMIN_CONF = '/etc/kubernetes/admin.conf';
/** Written by `kubeadm init` only, never by a join. */
export const SUPER_ADMIN_CONF = '/etc/kubernetes/super-admin.conf';

export const INIT_CONFIG = `${HOMELAB_DIR}/kubeadm-init.yaml`;
export const JOIN_CONFIG = `${HOMELAB_DIR}/kubeadm-join.yaml`;
export const RESET_CONFIG = `${HOMELAB_DIR}/kubeadm-reset.yaml`;
export const UPGRADE_CONFIG = `${HOMELAB_DIR}/kubeadm-upgrade.yaml`;

/** Where the node image keeps the repository of Kubernetes' packages. */
export const KUBERNETES_LIST = '/etc/apt/sources.list.d/kubernetes.list';

/** The running manifest, and the two variants waiting beside it. */
export const KUBE_VIP_MANIFEST = `${MANIFESTS_DIR}/kube-vip.yaml`;
export const KUBE_VIP_BOOTSTRAP = `${HOMELAB_DIR}/kube-vip-bootstrap.yaml`;
export const KUBE_VIP_STEADY = `${HOMELAB_DIR}/kube-vip.yaml`;

export const HAPROXY_CONFIG = '/etc/haproxy/haproxy.cfg';
export const HOSTS_FILE = '/etc/hosts';
export const CNI_DIR = '/etc/cni/net.d';
export const CNI_BIN_DIR = '/opt/cni/bin';
export const BRIDGE_CONFLIST = `${CNI_DIR}/10-homelab-bridge.conflist`;

/**
 * A drop-in beside the file that Vagrant's Debian support writes for the lab network's interface, so that
 * `vagrant reload`, which writes that file anew, keeps ours.
 */
export function networkDropIn(interfaceName: string): string {
  return `/etc/systemd/network/50-vagrant-${interfaceName}.network.d/homelab.conf`;
}

/** Beside the one above; real machines have it from their creation on. */
export function carrierDropInPath(interfaceName: string): string {
  return `/etc/systemd/network/50-vagrant-${interfaceName}.network.d/homelab-carrier.conf`;
}

export function addonValues(release: string): string {
  return `${HOMELAB_DIR}/addons/${release}.values.yaml`;
}

/** A bundle's manifest, copied to the machine that applies it. */
export function addonManifest(manifest: string): string {
  return `${HOMELAB_DIR}/addons/${manifest}`;
}
