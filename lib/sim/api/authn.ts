/**
 * Who asks: client certificates, bootstrap tokens, service account tokens, or nobody. Webhooks, OIDC and
 * impersonation are not modelled.
 */
import { fromBase64, toBase64 } from '../../base/base64.js';
import { parseRfc3339 } from '../../base/calendar.js';
import type { KeySpace } from '../etcd-keyspace.js';
import type { Request } from '../network.js';
import { isInTime, parseKey, type Certificate } from '../pki.js';
import { textAt } from '../tree.js';
import { EPOCH_UNIX_MS } from '../world.js';

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

export interface Authenticator {
  readonly space: KeySpace | null;
  readonly authority: Certificate | null;
  /** Key id of the service accounts' signing key. */
  readonly serviceAccountKey: string | null;
  /** --anonymous-auth. */
  readonly anonymous: boolean;
  readonly nowMs: number;
}

/** Null for credentials that are no good: 401. */
export function authenticate(by: Authenticator, request: Request): User | null {
  const { clientCertificate, bearerToken } = request;
  if (clientCertificate !== undefined) return byCertificate(by, clientCertificate);
  if (bearerToken !== undefined) return byToken(by, bearerToken);
  return by.anonymous ? ANONYMOUS : null;
}

function byCertificate(by: Authenticator, client: Certificate): User | null {
  if (client.issuerKeyId !== by.authority?.keyId) return null;
  if (!isInTime(client, by.nowMs)) return null;
  return authenticated(client.commonName, client.organizations);
}

function byToken(by: Authenticator, token: string): User | null {
  if (by.space === null) return null;
  const account = readAccountToken(token);
  if (account !== null) {
    if (account.keyId !== by.serviceAccountKey) return null;
    if (by.space.get('serviceaccounts', `${account.namespace}/${account.name}`) === null) return null;
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`];
    return authenticated(`system:serviceaccount:${account.namespace}:${account.name}`, groups);
  }
  const match = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(token);
  if (match === null) return null;
  return byBootstrapToken(by.space, match[1] ?? '', match[2] ?? '', by.nowMs);
}

function byBootstrapToken(space: KeySpace, id: string, secret: string, nowMs: number): User | null {
  const object = space.get('secrets', `kube-system/bootstrap-token-${id}`);
  if (object?.['type'] !== 'bootstrap.kubernetes.io/token') return null;
  if (object.metadata.deletionTimestamp !== undefined) return null;
  const field = (name: string): string | null => {
    const encoded = textAt(object, 'data', name);
    return encoded === null ? null : fromBase64(encoded);
  };
  if (field('token-id') !== id || field('token-secret') !== secret) return null;
  if (field('usage-bootstrap-authentication') !== 'true') return null;
  const expiration = field('expiration');
  const expiresMs = expiration === null ? null : parseRfc3339(expiration);
  if (expiration !== null && (expiresMs === null || expiresMs - EPOCH_UNIX_MS <= nowMs)) return null;
  const extra = (field('auth-extra-groups') ?? '').split(',').filter((group) => group !== '');
  return authenticated(`system:bootstrap:${id}`, ['system:bootstrappers', ...extra]);
}

function authenticated(name: string, groups: readonly string[]): User {
  return { name, groups: [...groups, 'system:authenticated'] };
}

interface AccountToken {
  readonly namespace: string;
  readonly name: string;
  readonly keyId: string;
}

/** A pod's service account token, signed with `sa.key`. Null when the key is none. */
export function accountToken(signingKeyPem: string, namespace: string, name: string): string | null {
  const keyId = parseKey(signingKeyPem);
  if (keyId === null) return null;
  const claims: AccountToken = { namespace, name, keyId };
  return `serviceaccount:${toBase64(JSON.stringify(claims))}`;
}

function readAccountToken(token: string): AccountToken | null {
  if (!token.startsWith('serviceaccount:')) return null;
  const json = fromBase64(token.slice('serviceaccount:'.length));
  try {
    return json === null ? null : (JSON.parse(json) as AccountToken);
  } catch {
    return null; // Not a token that this world has signed.
  }
}
