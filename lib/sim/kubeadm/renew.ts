/**
 * Renewal of the certificates of one node with the cluster's own authorities: same names, a new key, a new year.
 * An authority kept outside of the cluster, whose certificates kubeadm leaves alone, is not modelled.
 */
import type { Disk } from '../disk.js';
import { parseKubeconfig, printKubeconfig } from '../kubeconfig.js';
import { issueCertificate, parseCertificate, toPem, type KeyPair } from '../pki.js';
import type { ClusterConfig } from './config-model.js';
import { save, KUBERNETES_FOLDER, KubeadmFailure, say, wrapFailure, type Kubeadm } from './context.js';
import { readAuthority, writePair } from './pki-files.js';

/** What of the cluster's configuration a renewal needs. */
export type RenewalTerms = Pick<ClusterConfig, 'certificatesDir' | 'clusterName' | 'certificateLifetimeMs'>;

interface Renewal {
  /** kubeadm's name for it in its messages. */
  readonly name: string;
  /** Below the certificates' folder, without its ending; null for a kubeconfig of that name. */
  readonly file: string | null;
  readonly authority: string;
}

function certificate(name: string, file: string, authority: string): Renewal {
  return { name, file, authority };
}

function kubeconfig(name: string): Renewal {
  return { name, file: null, authority: 'ca' };
}

/** What an upgrade of a component renews before it starts the new version. */
const BY_COMPONENT: Readonly<Record<string, readonly Renewal[]>> = {
  etcd: [
    certificate('etcd-server', 'etcd/server', 'etcd/ca'),
    certificate('etcd-peer', 'etcd/peer', 'etcd/ca'),
    certificate('etcd-healthcheck-client', 'etcd/healthcheck-client', 'etcd/ca'),
  ],
  'kube-apiserver': [
    certificate('apiserver', 'apiserver', 'ca'),
    certificate('apiserver-kubelet-client', 'apiserver-kubelet-client', 'ca'),
    certificate('front-proxy-client', 'front-proxy-client', 'front-proxy-ca'),
    certificate('apiserver-etcd-client', 'apiserver-etcd-client', 'etcd/ca'),
  ],
  'kube-controller-manager': [kubeconfig('controller-manager.conf')],
  'kube-scheduler': [kubeconfig('scheduler.conf')],
};

export function renewForComponent(kubeadm: Kubeadm, cluster: RenewalTerms, component: string): void {
  for (const renewal of BY_COMPONENT[component] ?? []) {
    say(kubeadm, `[upgrade/staticpods] Renewing ${renewal.name} certificate`);
    renew(kubeadm, cluster, renewal);
  }
}

/**
 * admin.conf, and super-admin.conf where init left one; kubeadm renews both without a word. It only looks whether
 * there is something of that name: a folder, as containerd makes for a missing host path, fails the renewal.
 */
export function renewAdmins(kubeadm: Kubeadm, cluster: RenewalTerms): void {
  for (const name of ['admin.conf', 'super-admin.conf']) {
    const { disk } = kubeadm.call.machine;
    if (name !== 'admin.conf' && !disk.exists(`${KUBERNETES_FOLDER}/${name}`)) continue;
    try {
      renew(kubeadm, cluster, kubeconfig(name));
    } catch (error) {
      throw wrapFailure(`failed to upgrade the ${name} certificates`, error);
    }
  }
}

/** kubeadm's words for each certificate, in the order in which `certs renew all` goes through them. */
const LONG_NAMES: readonly (readonly [name: string, words: string])[] = [
  ['admin.conf', 'certificate embedded in the kubeconfig file for the admin to use and for kubeadm itself'],
  ['apiserver', 'certificate for serving the Kubernetes API'],
  ['apiserver-etcd-client', 'certificate the apiserver uses to access etcd'],
  ['apiserver-kubelet-client', 'certificate for the API server to connect to kubelet'],
  [
    'controller-manager.conf',
    'certificate embedded in the kubeconfig file for the controller manager to use',
  ],
  ['etcd-healthcheck-client', 'certificate for liveness probes to healthcheck etcd'],
  ['etcd-peer', 'certificate for etcd nodes to communicate with each other'],
  ['etcd-server', 'certificate for serving etcd'],
  ['front-proxy-client', 'certificate for the front proxy client'],
  ['scheduler.conf', 'certificate embedded in the kubeconfig file for the scheduler manager to use'],
  ['super-admin.conf', 'certificate embedded in the kubeconfig file for the super-admin'],
];

/** `kubeadm certs renew NAME`; `all` goes on where one is missing. */
export function renewNamed(kubeadm: Kubeadm, cluster: RenewalTerms, name: string): void {
  const known = Object.values(BY_COMPONENT).flat();
  for (const [leaf, words] of LONG_NAMES) {
    if (name !== 'all' && name !== leaf) continue;
    const renewal = known.find((one) => one.name === leaf) ?? kubeconfig(leaf);
    const path =
      renewal.file === null
        ? `${KUBERNETES_FOLDER}/${leaf}`
        : `${cluster.certificatesDir}/${renewal.file}.crt`;
    if (!kubeadm.call.machine.disk.exists(path)) {
      say(kubeadm, `MISSING! ${words}`);
      continue;
    }
    renew(kubeadm, cluster, renewal);
    say(kubeadm, `${words} renewed`);
  }
}

function renew(kubeadm: Kubeadm, cluster: RenewalTerms, renewal: Renewal): void {
  if (renewal.file === null) renewKubeconfig(kubeadm, cluster, `${KUBERNETES_FOLDER}/${renewal.name}`);
  else renewPair(kubeadm, cluster, `${cluster.certificatesDir}/${renewal.file}`, renewal.authority);
}

function renewPair(kubeadm: Kubeadm, cluster: RenewalTerms, path: string, authority: string): void {
  const { disk } = kubeadm.call.machine;
  const old = parseCertificate(disk.read(`${path}.crt`) ?? '');
  if (old === null) throw unreadable(disk, `${path}.crt`, 'existing certificate');
  const { certificatePem, keyPem } = issueAgain(kubeadm, cluster, old, authority);
  writePair(kubeadm, path, certificatePem, keyPem);
}

function renewKubeconfig(kubeadm: Kubeadm, cluster: RenewalTerms, path: string): void {
  const { disk } = kubeadm.call.machine;
  const text = disk.read(path);
  const config =
    text === null ? null : parseKubeconfig(kubeadm.call.world.documents, text, (file) => disk.read(file));
  if (config === null || config.client === null || config.authority === null)
    throw unreadable(disk, path, 'kubeConfig file');
  const pair = issueAgain(kubeadm, cluster, config.client, 'ca');
  const renewed = printKubeconfig({
    server: config.server,
    authorityPem: toPem(config.authority),
    user: config.client.commonName,
    clusterName: cluster.clusterName,
    clientCertificatePem: pair.certificatePem,
    clientKeyPem: pair.keyPem,
  });
  save(kubeadm, path, renewed, { mode: 0o600 });
}

function issueAgain(
  kubeadm: Kubeadm,
  cluster: RenewalTerms,
  old: Parameters<typeof issueCertificate>[2],
  authority: string,
): KeyPair {
  const { commonName, organizations, sans } = old;
  const { prng, machine } = kubeadm.call;
  return issueCertificate(
    prng,
    readAuthority(kubeadm, cluster.certificatesDir, authority),
    { commonName, organizations, sans },
    machine.wallMs,
    cluster.certificateLifetimeMs,
  );
}

function unreadable(disk: Disk, path: string, what: string): KubeadmFailure {
  const why = disk.isDirectory(path)
    ? `read ${path}: is a directory`
    : disk.exists(path)
      ? `error parsing ${path}`
      : `open ${path}: no such file or directory`;
  return new KubeadmFailure(`failed to load ${what} ${path}: ${why}`);
}
