/** The kubeconfig files that kubeadm writes, each with a client certificate of its own inside. */
import { must } from '../../base/errors.js';
import { parseKubeconfig, printKubeconfig } from '../kubeconfig.js';
import { issueCertificate, parseCertificate } from '../pki.js';
import type { ControlPlane } from './config-model.js';
import { clusterServer } from './config-read.js';
import { save, KUBERNETES_FOLDER, KubeadmFailure, say, warn, type Kubeadm } from './context.js';
import { ADMINS_GROUP, readAuthority } from './pki-files.js';

export type KubeconfigName = 'admin' | 'super-admin' | 'kubelet' | 'controller-manager' | 'scheduler';

interface KubeconfigSpec {
  readonly user: string;
  readonly organizations: readonly string[];
  /** The components of a control plane talk to their own API server, people and kubelets to the endpoint. */
  readonly local: boolean;
}

function specOf(name: KubeconfigName, plane: ControlPlane): KubeconfigSpec {
  switch (name) {
    case 'admin':
      return { user: 'kubernetes-admin', organizations: [ADMINS_GROUP], local: false };
    case 'super-admin':
      return { user: 'kubernetes-super-admin', organizations: ['system:masters'], local: false };
    case 'kubelet':
      return { user: `system:node:${plane.node.name}`, organizations: ['system:nodes'], local: false };
    case 'controller-manager':
      return { user: 'system:kube-controller-manager', organizations: [], local: true };
    case 'scheduler':
      return { user: 'system:kube-scheduler', organizations: [], local: true };
  }
}

export function writeKubeconfigs(
  kubeadm: Kubeadm,
  plane: ControlPlane,
  names: readonly KubeconfigName[],
): void {
  say(kubeadm, `[kubeconfig] Using kubeconfig folder "${KUBERNETES_FOLDER}"`);
  for (const name of names) writeKubeconfig(kubeadm, plane, name);
}

function writeKubeconfig(kubeadm: Kubeadm, plane: ControlPlane, name: KubeconfigName): void {
  const { machine, prng } = kubeadm.call;
  const path = `${KUBERNETES_FOLDER}/${name}.conf`;
  const spec = specOf(name, plane);
  const { cluster, endpoint } = plane;
  const server = spec.local
    ? `https://${endpoint.advertiseAddress}:${endpoint.bindPort}`
    : clusterServer(cluster, endpoint);
  const authority = readAuthority(kubeadm, cluster.certificatesDir, 'ca');
  const authorityPem = must(machine.disk.read(`${cluster.certificatesDir}/ca.crt`), 'ca.crt was just read');
  if (machine.disk.exists(path)) {
    checkExisting(kubeadm, path, server, authorityPem);
    say(kubeadm, `[kubeconfig] Using existing kubeconfig file: "${path}"`);
    return;
  }
  say(kubeadm, `[kubeconfig] Writing "${name}.conf" kubeconfig file`);
  const pair = issueCertificate(
    prng,
    authority,
    { commonName: spec.user, organizations: spec.organizations, sans: [] },
    machine.wallMs,
    cluster.certificateLifetimeMs,
  );
  const text = printKubeconfig({
    server,
    authorityPem,
    user: spec.user,
    clusterName: cluster.clusterName,
    clientCertificatePem: pair.certificatePem,
    clientKeyPem: pair.keyPem,
  });
  save(kubeadm, path, text, { mode: 0o600 });
}

/** A file that is there already must belong to this cluster, or the phase fails. */
function checkExisting(kubeadm: Kubeadm, path: string, server: string, authorityPem: string): void {
  const { disk } = kubeadm.call.machine;
  if (disk.isDirectory(path)) {
    throw new KubeadmFailure(
      `failed to load kubeconfig file ${path} that already exists on disk: ` +
        `error loading config file "${path}": read ${path}: is a directory`,
    );
  }
  const config = parseKubeconfig(kubeadm.call.world.documents, disk.read(path) ?? '', (at) => disk.read(at));
  if (config === null) {
    throw new KubeadmFailure(`failed to find CurrentContext in Contexts of the kubeconfig file ${path}`);
  }
  const expected = parseCertificate(authorityPem);
  if (config.authority?.keyId !== expected?.keyId) {
    throw new KubeadmFailure(`a kubeconfig file "${path}" exists already but has got the wrong CA cert`);
  }
  if (config.server !== server) {
    const difference = `expected: ${server}, got: ${config.server}`;
    const problem = `a kubeconfig file "${path}" exists already but has an unexpected API Server URL`;
    warn(kubeadm, 'kubeconfig.go:273', `${problem}: ${difference}`);
  }
}
