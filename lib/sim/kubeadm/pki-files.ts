/** The certificates and keys of a kubeadm cluster: their names, and writing the ones that are missing. */
import { issueAuthority, issueCertificate, issueKey, parseCertificate, type Certificate } from '../pki.js';
import type { ControlPlane } from './config-model.js';
import { save, KubeadmFailure, say, type Kubeadm } from './context.js';

/** The user group of admin.conf since 1.29, and of the API server's own client certificate. */
export const ADMINS_GROUP = 'kubeadm:cluster-admins';

interface LeafSpec {
  /** Name of the files without their ending, below the certificates' folder. */
  readonly name: string;
  readonly commonName: (plane: ControlPlane) => string;
  readonly organizations: readonly string[];
  readonly sans: ((plane: ControlPlane) => Sans) | null;
}

interface AuthoritySpec {
  readonly name: string;
  readonly commonName: string;
  readonly leaves: readonly LeafSpec[];
}

interface Sans {
  readonly names: readonly string[];
  readonly addresses: readonly string[];
}

function leaf(
  name: string,
  commonName: string,
  organizations: readonly string[] = [],
  sans: LeafSpec['sans'] = null,
): LeafSpec {
  return { name, commonName: () => commonName, organizations, sans };
}

const API_LEAVES = [
  leaf('apiserver', 'kube-apiserver', [], apiServerSans),
  leaf('apiserver-kubelet-client', 'kube-apiserver-kubelet-client', [ADMINS_GROUP]),
];
const ETCD_SERVER: LeafSpec = {
  ...leaf('etcd/server', '', [], (plane) => etcdSans(plane, plane.cluster.etcd.serverCertSans)),
  commonName: (plane) => plane.node.name,
};
const ETCD_PEER: LeafSpec = {
  ...leaf('etcd/peer', '', [], (plane) => etcdSans(plane, plane.cluster.etcd.peerCertSans)),
  commonName: (plane) => plane.node.name,
};
const HEALTH_CLIENT = leaf('etcd/healthcheck-client', 'kube-etcd-healthcheck-client');
const ETCD_CLIENT = leaf('apiserver-etcd-client', 'kube-apiserver-etcd-client');
const FRONT_PROXY = leaf('front-proxy-client', 'front-proxy-client');

/** In the order in which init makes them. */
export const AUTHORITIES: readonly AuthoritySpec[] = [
  { name: 'ca', commonName: 'kubernetes', leaves: API_LEAVES },
  { name: 'front-proxy-ca', commonName: 'front-proxy-ca', leaves: [FRONT_PROXY] },
  { name: 'etcd/ca', commonName: 'etcd-ca', leaves: [ETCD_SERVER, ETCD_PEER, HEALTH_CLIENT, ETCD_CLIENT] },
];

/** join makes the leaves in no fixed order, because kubeadm walks a Go map; this is an order that was seen. */
const JOIN_ORDER: readonly [string, LeafSpec][] = [
  ...API_LEAVES.map((spec): [string, LeafSpec] => ['ca', spec]),
  ...[ETCD_SERVER, ETCD_PEER, ETCD_CLIENT, HEALTH_CLIENT].map((spec): [string, LeafSpec] => [
    'etcd/ca',
    spec,
  ]),
  ['front-proxy-ca', FRONT_PROXY],
];

/** The files that a control plane shares with the ones that join it, by their key in Secret kubeadm-certs. */
export const SHARED_FILES: Readonly<Record<string, string>> = {
  'ca.crt': 'ca.crt',
  'ca.key': 'ca.key',
  'etcd-ca.crt': 'etcd/ca.crt',
  'etcd-ca.key': 'etcd/ca.key',
  'front-proxy-ca.crt': 'front-proxy-ca.crt',
  'front-proxy-ca.key': 'front-proxy-ca.key',
  'sa.key': 'sa.key',
  'sa.pub': 'sa.pub',
};

/** Phase certs of init. */
export function createCertificates(kubeadm: Kubeadm, plane: ControlPlane): void {
  const folder = plane.cluster.certificatesDir;
  say(kubeadm, `[certs] Using certificateDir folder "${folder}"`);
  for (const authority of AUTHORITIES) {
    createAuthority(kubeadm, plane, authority);
    for (const spec of authority.leaves) createLeaf(kubeadm, plane, authority.name, spec);
  }
  createServiceAccountKey(kubeadm, folder);
}

/** Phase control-plane-prepare/certs of join, after the shared files were downloaded. */
export function createJoinCertificates(kubeadm: Kubeadm, plane: ControlPlane): void {
  const folder = plane.cluster.certificatesDir;
  say(kubeadm, `[certs] Using certificateDir folder "${folder}"`);
  for (const [authority, spec] of JOIN_ORDER) createLeaf(kubeadm, plane, authority, spec);
  say(kubeadm, `[certs] Valid certificates and keys now exist in "${folder}"`);
  say(kubeadm, '[certs] Using the existing "sa" key');
}

function createAuthority(kubeadm: Kubeadm, plane: ControlPlane, spec: AuthoritySpec): void {
  const { disk } = kubeadm.call.machine;
  const path = `${plane.cluster.certificatesDir}/${spec.name}`;
  if (disk.isFile(`${path}.crt`)) {
    say(kubeadm, `[certs] Using existing ${spec.name.replace('/', '-')} certificate authority`);
    return;
  }
  say(kubeadm, `[certs] Generating "${spec.name}" certificate and key`);
  const { machine, prng } = kubeadm.call;
  const pair = issueAuthority(prng, spec.commonName, machine.wallMs, plane.cluster.authorityLifetimeMs);
  writePair(kubeadm, path, pair.certificatePem, pair.keyPem);
}

function createLeaf(kubeadm: Kubeadm, plane: ControlPlane, authority: string, spec: LeafSpec): void {
  const path = `${plane.cluster.certificatesDir}/${spec.name}`;
  if (kubeadm.call.machine.disk.isFile(`${path}.crt`)) {
    say(kubeadm, `[certs] Using existing ${spec.name.replace('/', '-')} certificate and key on disk`);
    return;
  }
  const signer = readAuthority(kubeadm, plane.cluster.certificatesDir, authority);
  say(kubeadm, `[certs] Generating "${spec.name}" certificate and key`);
  const sans = spec.sans?.(plane) ?? { names: [], addresses: [] };
  if (spec.sans !== null) {
    const names = `DNS names [${sans.names.join(' ')}] and IPs [${sans.addresses.join(' ')}]`;
    say(kubeadm, `[certs] ${spec.name} serving cert is signed for ${names}`);
  }
  const { machine, prng } = kubeadm.call;
  const pair = issueCertificate(
    prng,
    signer,
    {
      commonName: spec.commonName(plane),
      organizations: spec.organizations,
      sans: [...sans.names, ...sans.addresses],
    },
    machine.wallMs,
    plane.cluster.certificateLifetimeMs,
  );
  writePair(kubeadm, path, pair.certificatePem, pair.keyPem);
}

function createServiceAccountKey(kubeadm: Kubeadm, folder: string): void {
  const { disk } = kubeadm.call.machine;
  if (disk.isFile(`${folder}/sa.key`)) {
    say(kubeadm, '[certs] Using the existing "sa" key');
    return;
  }
  say(kubeadm, '[certs] Generating "sa" key and public key');
  const key = issueKey(kubeadm.call.prng);
  save(kubeadm, `${folder}/sa.key`, key.keyPem, { mode: 0o600 });
  save(kubeadm, `${folder}/sa.pub`, key.publicPem, { mode: 0o600 });
}

/** The authority's certificate; a `KubeadmFailure` when it or its key is not there. */
export function readAuthority(kubeadm: Kubeadm, folder: string, name: string): Certificate {
  const { disk } = kubeadm.call.machine;
  const certificate = parseCertificate(disk.read(`${folder}/${name}.crt`) ?? '');
  if (certificate !== null && disk.isFile(`${folder}/${name}.key`)) return certificate;
  const file = `${folder}/${name}.${certificate === null ? 'crt' : 'key'}`;
  const what = certificate === null ? 'certificate' : 'private key';
  throw new KubeadmFailure(
    `failure loading ${name} certificate: couldn't load the ${what} file ${file}: ` +
      `open ${file}: no such file or directory`,
  );
}

export function writePair(kubeadm: Kubeadm, path: string, certificatePem: string, keyPem: string): void {
  const { disk } = kubeadm.call.machine;
  disk.makeDirectories(path.slice(0, path.lastIndexOf('/')));
  save(kubeadm, `${path}.crt`, certificatePem, { mode: 0o644 });
  save(kubeadm, `${path}.key`, keyPem, { mode: 0o600 });
}

function apiServerSans(plane: ControlPlane): Sans {
  const { cluster, node, endpoint } = plane;
  const host = cluster.controlPlaneEndpoint?.replace(/:\d+$/, '') ?? null;
  const wanted = [
    ...[node.name, 'kubernetes', 'kubernetes.default', 'kubernetes.default.svc'],
    `kubernetes.default.svc.${cluster.dnsDomain}`,
    ...[addressInSubnet(cluster.serviceSubnet, 1), endpoint.advertiseAddress],
    ...(host === null ? [] : [host]),
    ...cluster.certSans,
  ];
  return splitSans(wanted);
}

function etcdSans(plane: ControlPlane, more: readonly string[]): Sans {
  return splitSans([
    ...[plane.node.name, 'localhost', plane.endpoint.advertiseAddress, '127.0.0.1', '::1'],
    ...more,
  ]);
}

/** Names in alphabetical order, addresses as they came, each once: as kubeadm prints them. */
function splitSans(wanted: readonly string[]): Sans {
  const isAddress = (text: string): boolean => /^[\d.]+$/.test(text) || text.includes(':');
  return {
    names: [...new Set(wanted.filter((text) => !isAddress(text)))].sort(),
    addresses: [...new Set(wanted.filter(isAddress))],
  };
}

/** The n-th address of an IPv4 range: 10.96.0.0/12 and 10 → 10.96.0.10. */
export function addressInSubnet(subnet: string, index: number): string {
  const octets = (subnet.split('/')[0] ?? '').split('.').map(Number);
  const value = octets.reduce((sum, octet) => sum * 256 + octet, 0) + index;
  return [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join('.');
}
