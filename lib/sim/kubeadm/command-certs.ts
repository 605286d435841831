/** `kubeadm certs check-expiration` and `kubeadm certs renew`. */
import { rfc3339 } from '../../base/calendar.js';
import { parseKubeconfig } from '../kubeconfig.js';
import { parseCertificate, YEAR_MS, type Certificate } from '../pki.js';
import type { Sim } from '../task.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { adminClient } from './api.js';
import { fetchCluster, sayReading } from './cluster-document.js';
import type { ClusterConfig } from './config-model.js';
import { PKI_FOLDER } from './config-read.js';
import { KUBERNETES_FOLDER, KubeadmFailure, say, type Kubeadm } from './context.js';
import { notModelled, readArguments } from './flags.js';
import { renewNamed } from './renew.js';

/** Name in the table, file below its folder, and the authority's name. */
const LEAVES: readonly [string, string, string][] = [
  ['admin.conf', 'admin.conf', 'ca'],
  ['apiserver', 'apiserver.crt', 'ca'],
  ['apiserver-etcd-client', 'apiserver-etcd-client.crt', 'etcd-ca'],
  ['apiserver-kubelet-client', 'apiserver-kubelet-client.crt', 'ca'],
  ['controller-manager.conf', 'controller-manager.conf', 'ca'],
  ['etcd-healthcheck-client', 'etcd/healthcheck-client.crt', 'etcd-ca'],
  ['etcd-peer', 'etcd/peer.crt', 'etcd-ca'],
  ['etcd-server', 'etcd/server.crt', 'etcd-ca'],
  ['front-proxy-client', 'front-proxy-client.crt', 'front-proxy-ca'],
  ['scheduler.conf', 'scheduler.conf', 'ca'],
  ['super-admin.conf', 'super-admin.conf', 'ca'],
];
const AUTHORITIES: readonly [string, string][] = [
  ['ca', 'ca.crt'],
  ['etcd-ca', 'etcd/ca.crt'],
  ['front-proxy-ca', 'front-proxy-ca.crt'],
];

export function* certsCommand(kubeadm: Kubeadm, args: readonly string[]): Sim<void> {
  const [verb = '', ...rest] = args;
  if (verb === 'renew') return yield* renewCommand(kubeadm, rest);
  if (verb !== 'check-expiration') throw notModelled(kubeadm, `kubeadm certs ${verb}`.trim());
  const { flags } = readArguments(rest, ['cert-dir=', 'config=', 'kubeconfig=', 'output|o=']);
  const format = flags.get('output') ?? 'text';
  if (format !== 'text') throw notModelled(kubeadm, `kubeadm certs check-expiration -o ${format}`);
  let folder = flags.get('cert-dir') ?? PKI_FOLDER;
  if (kubeadm.call.machine.disk.isFile(`${KUBERNETES_FOLDER}/admin.conf`)) {
    folder = (yield* clusterOf(kubeadm, 'check-expiration'))?.certificatesDir ?? folder;
  }
  const leaves = LEAVES.map(([name, file, authority]) =>
    leafRow(
      kubeadm,
      name,
      file.endsWith('.conf') ? `${KUBERNETES_FOLDER}/${file}` : `${folder}/${file}`,
      authority,
    ),
  );
  printTable(kubeadm, [
    ['CERTIFICATE', 'EXPIRES', 'RESIDUAL TIME', 'CERTIFICATE AUTHORITY', 'EXTERNALLY MANAGED'],
    ...leaves,
  ]);
  say(kubeadm, '');
  const authorities = AUTHORITIES.map(([name, file]) => {
    const certificate = parseCertificate(kubeadm.call.machine.disk.read(`${folder}/${file}`) ?? '');
    return certificate === null ? missing(name, 4) : [name, ...lifetime(kubeadm, certificate), 'no'];
  });
  printTable(kubeadm, [
    ['CERTIFICATE AUTHORITY', 'EXPIRES', 'RESIDUAL TIME', 'EXTERNALLY MANAGED'],
    ...authorities,
  ]);
}

/** A cluster that does not answer is no obstacle: the defaults are taken then. */
function* clusterOf(kubeadm: Kubeadm, prefix: string): Sim<ClusterConfig | null> {
  sayReading(kubeadm, prefix);
  say(kubeadm, '');
  try {
    return yield* fetchCluster(kubeadm, adminClient(kubeadm));
  } catch (error) {
    if (!(error instanceof KubeadmFailure)) throw error;
    const words = 'Error reading configuration from the Cluster. Falling back to default configuration';
    say(kubeadm, `[${prefix}] ${words}\n`);
    return null;
  }
}

function* renewCommand(kubeadm: Kubeadm, args: readonly string[]): Sim<void> {
  const { flags, operands } = readArguments(args, ['cert-dir=', 'config=', 'kubeconfig=']);
  const [name] = operands;
  if (name !== undefined && name !== 'all' && !LEAVES.some(([leaf]) => leaf === name))
    throw new KubeadmFailure(`unknown command "${name}" for "kubeadm certs renew"`);
  if (name === undefined) throw notModelled(kubeadm, 'the help of kubeadm certs renew');
  const config = yield* clusterOf(kubeadm, 'renew');
  const folder = config?.certificatesDir ?? flags.get('cert-dir') ?? PKI_FOLDER;
  const terms = {
    certificatesDir: folder,
    clusterName: 'kubernetes',
    certificateLifetimeMs: YEAR_MS,
    ...config,
  };
  renewNamed(kubeadm, terms, name);
  if (name !== 'all') return;
  const parts = 'kube-apiserver, kube-controller-manager, kube-scheduler and etcd';
  const words = `Done renewing certificates. You must restart the ${parts}, so that they can use the new certificates.`;
  say(kubeadm, `\n${words}`);
}

function leafRow(kubeadm: Kubeadm, name: string, path: string, authority: string): string[] {
  const { disk } = kubeadm.call.machine;
  const text = disk.read(path) ?? '';
  const certificate = path.endsWith('.conf')
    ? (parseKubeconfig(kubeadm.call.world.documents, text, (at) => disk.read(at))?.client ?? null)
    : parseCertificate(text);
  return certificate === null ? missing(name, 5) : [name, ...lifetime(kubeadm, certificate), authority, 'no'];
}

function missing(name: string, columns: number): string[] {
  return [`!MISSING! ${name}`, ...Array.from({ length: columns - 1 }, () => '')];
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const YEAR_DAYS = 365;

/** `Nov 21, 2027 00:15 UTC` and what is left: years from two on, days below, as the real one prints both. */
function lifetime(kubeadm: Kubeadm, certificate: Certificate): [string, string] {
  const date = rfc3339(EPOCH_UNIX_MS + certificate.notAfterMs);
  const month = MONTHS[Number(date.slice(5, 7)) - 1] ?? '';
  const expires = `${month} ${date.slice(8, 10)}, ${date.slice(0, 4)} ${date.slice(11, 16)} UTC`;
  const leftMs = certificate.notAfterMs - kubeadm.call.machine.wallMs;
  if (leftMs < 0) return [expires, '<invalid>'];
  const hours = Math.floor(leftMs / 3_600_000);
  const days = Math.floor(hours / 24);
  if (days >= YEAR_DAYS) return [expires, `${Math.floor(days / YEAR_DAYS)}y`];
  return [expires, days > 0 ? `${days}d` : hours > 0 ? `${hours}h` : `${Math.floor(leftMs / 60_000)}m`];
}

/** Columns three spaces apart; the last one is padded to eight unless it is empty. */
function printTable(kubeadm: Kubeadm, rows: readonly (readonly string[])[]): void {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  for (const row of rows) {
    const isHead = row === head;
    const cells = row.map((cell, column) => {
      const last = column === row.length - 1;
      if (!last) return cell.padEnd((widths[column] ?? 0) + 3);
      return isHead || cell === '' ? cell : cell.padEnd(8);
    });
    say(kubeadm, cells.join(''));
  }
}
