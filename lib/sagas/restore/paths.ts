/** Where a restore keeps things on a control plane: beside etcd's data, so that folders can be renamed into place. */
export const ETCD_DATA = '/var/lib/etcd';
export const RESTORE_DIR = '/var/lib/homelab-restore';
export const COPY = `${RESTORE_DIR}/snapshot.db`;
/** Made from the copy, until it is renamed into place. */
export const NEW_DATA = `${RESTORE_DIR}/new`;
/** What etcd had before, until everything is back. */
export const OLD_DATA = `${RESTORE_DIR}/old`;
/** etcd's image, mounted for a moment, and the program out of it. */
export const IMAGE_MOUNT = `${RESTORE_DIR}/image`;
export const ETCDUTL = `${RESTORE_DIR}/etcdutl`;
/** Manifests of the static pods that are stopped. */
export const STOPPED = `${RESTORE_DIR}/manifests`;
/** What stays on the machine afterwards, for whoever finds that the restore was a mistake. */
export const KEPT_DATA = '/var/lib/etcd-before-restore';
