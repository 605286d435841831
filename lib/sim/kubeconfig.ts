/** kubeconfig files: one cluster, one user, one context, with certificates inside, as kubeadm writes them. */
import { stringify } from 'yaml';
import { fromBase64, toBase64 } from '../base/base64.js';
import type { Documents } from './documents.js';
import { parseCertificate, parseKey, type Certificate } from './pki.js';

export interface Kubeconfig {
  /** `https://host:port`. */
  readonly server: string;
  readonly host: string;
  readonly port: number;
  readonly authority: Certificate | null;
  readonly client: Certificate | null;
  readonly token: string | null;
}

export interface KubeconfigParts {
  readonly server: string;
  readonly authorityPem: string;
  readonly user: string;
  readonly clusterName: string;
  readonly clientCertificatePem?: string;
  readonly clientKeyPem?: string;
  /** Paths instead of data: what kubelet.conf points at after its certificate rotates. */
  readonly clientCertificatePath?: string;
  readonly token?: string;
}

export function printKubeconfig(parts: KubeconfigParts): string {
  const user: Record<string, string> = {};
  if (parts.clientCertificatePem !== undefined)
    user['client-certificate-data'] = toBase64(parts.clientCertificatePem);
  if (parts.clientKeyPem !== undefined) user['client-key-data'] = toBase64(parts.clientKeyPem);
  if (parts.clientCertificatePath !== undefined) {
    user['client-certificate'] = parts.clientCertificatePath;
    user['client-key'] = parts.clientCertificatePath;
  }
  if (parts.token !== undefined) user['token'] = parts.token;
  const context = `${parts.user}@${parts.clusterName}`;
  const cluster = { 'certificate-authority-data': toBase64(parts.authorityPem), server: parts.server };
  return stringify(
    {
      apiVersion: 'v1',
      clusters: [{ cluster, name: parts.clusterName }],
      contexts: [{ context: { cluster: parts.clusterName, user: parts.user }, name: context }],
      'current-context': context,
      kind: 'Config',
      preferences: {},
      users: [{ name: parts.user, user }],
    },
    { lineWidth: 0 },
  );
}

type Tree = { readonly [key: string]: unknown };

/** Null when the text is no kubeconfig with a current context. `readFile` follows paths in it. */
export function parseKubeconfig(
  documents: Documents,
  text: string,
  readFile: (path: string) => string | null,
): Kubeconfig | null {
  const tree = asTree(documents.read(text));
  const context = named(tree['contexts'], tree['current-context'], 'context');
  const cluster = context === null ? null : named(tree['clusters'], context['cluster'], 'cluster');
  const user = context === null ? null : named(tree['users'], context['user'], 'user');
  const server = matchServer(cluster?.['server']);
  if (cluster === null || server === null) return null;
  const data = (entry: Tree | null, key: string): string | null => {
    const inline = entry?.[`${key}-data`];
    if (typeof inline === 'string') return fromBase64(inline);
    const path = entry?.[key];
    return typeof path === 'string' ? readFile(path) : null;
  };
  const clientPem = data(user, 'client-certificate');
  const keyPem = data(user, 'client-key');
  const client = clientPem === null ? null : parseCertificate(clientPem);
  const token = user?.['token'];
  return {
    server: server[0],
    host: server[1] ?? '',
    port: Number(server[2]),
    authority: parseCertificate(data(cluster, 'certificate-authority') ?? ''),
    // A certificate without its key is as good as none.
    client: client !== null && keyPem !== null && parseKey(keyPem) === client.keyId ? client : null,
    token: typeof token === 'string' ? token : null,
  };
}

function named(list: unknown, name: unknown, field: string): Tree | null {
  if (!Array.isArray(list)) return null;
  const found = (list as unknown[]).map(asTree).find((entry) => entry['name'] === name);
  return found === undefined ? null : asTree(found[field]);
}

function asTree(value: unknown): Tree {
  return value !== null && typeof value === 'object' ? (value as Tree) : {};
}

function matchServer(server: unknown): RegExpExecArray | null {
  return typeof server === 'string' ? /^https:\/\/(.+):(\d+)$/.exec(server) : null;
}
