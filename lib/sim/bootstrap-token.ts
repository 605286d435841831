/**
 * Bootstrap tokens: their text, the Secret that holds one, and the signature by which a joining node knows that
 * cluster-info was made by somebody who knows the token. Signatures are digests here instead of HS256; what they
 * cover and how they fail is the same.
 */
import { fromBase64, toBase64 } from '../base/base64.js';
import { parseRfc3339 } from '../base/calendar.js';
import { sha256Hex } from '../base/digest.js';
import type { Prng } from '../base/prng.js';
import type { KubeObject } from './objects.js';

export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
  /** Milliseconds since 1970; null for a token that never expires. */
  readonly expiresUnixMs: number | null;
  /** Such as `signing` and `authentication`; empty for a token that only carries a lifetime. */
  readonly usages: readonly string[];
  readonly groups: readonly string[];
  readonly description: string | null;
}

export const TOKEN_GROUP = 'system:bootstrappers:kubeadm:default-node-token';
export const TOKEN_SECRET_TYPE = 'bootstrap.kubernetes.io/token';
export const TOKEN_SECRET_PREFIX = 'bootstrap-token-';
/** Key of a token's signature in ConfigMap kube-public/cluster-info, before its id. */
export const SIGNATURE_PREFIX = 'jws-kubeconfig-';

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Id and secret of `abcdef.0123456789abcdef`; null for any other text. */
export function splitToken(text: string): { readonly id: string; readonly secret: string } | null {
  const match = TOKEN.exec(text);
  return match === null ? null : { id: match[1] ?? '', secret: match[2] ?? '' };
}

export function generateToken(prng: Prng): string {
  return `${prng.text(6, ALPHABET)}.${prng.text(16, ALPHABET)}`;
}

/** The value of `jws-kubeconfig-<id>`: a detached signature of the kubeconfig in cluster-info. */
export function signClusterInfo(kubeconfig: string, tokenId: string, tokenSecret: string): string {
  const header = toBase64(`{"alg":"HS256","kid":"${tokenId}"}`).replace(/=+$/, '');
  return `${header}..${sha256Hex(`${tokenSecret}\n${kubeconfig}`)}`;
}

/** `data` of the token's Secret, base64 as the API server stores it. */
export function tokenSecretData(token: BootstrapToken, expiration: string | null): Record<string, string> {
  const data: Record<string, string> = { 'token-id': token.id, 'token-secret': token.secret };
  if (token.description !== null) data['description'] = token.description;
  if (expiration !== null) data['expiration'] = expiration;
  for (const usage of token.usages) data[`usage-bootstrap-${usage}`] = 'true';
  if (token.groups.length > 0) data['auth-extra-groups'] = token.groups.join(',');
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, toBase64(value)]));
}

/** The token in a Secret; null when the Secret holds none. */
export function readTokenSecret(secret: KubeObject): BootstrapToken | null {
  if (secret['type'] !== TOKEN_SECRET_TYPE) return null;
  const data = (secret['data'] ?? {}) as Readonly<Record<string, string>>;
  const value = (key: string): string | null => fromBase64(data[key] ?? '') || null;
  const id = value('token-id');
  const tokenSecret = value('token-secret');
  if (id === null || tokenSecret === null) return null;
  const usages = Object.keys(data)
    .filter((key) => key.startsWith('usage-bootstrap-') && value(key) === 'true')
    .map((key) => key.slice('usage-bootstrap-'.length))
    .sort();
  return {
    id,
    secret: tokenSecret,
    expiresUnixMs: parseRfc3339(value('expiration') ?? ''),
    usages,
    groups: (value('auth-extra-groups') ?? '').split(',').filter((group) => group !== ''),
    description: value('description'),
  };
}
