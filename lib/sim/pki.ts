/**
 * Certificates and keys of the simulated world. A PEM block holds the facts of a certificate as JSON instead of
 * DER: names, organisations, SANs, dates, and who signed it. Nothing is encrypted, so nothing here is a secret;
 * what is checked (issuer, name, date) is checked as Go's x509 does it.
 */
import { toBase64, fromBase64 } from '../base/base64.js';
import { sha256Hex } from '../base/digest.js';
import type { Prng } from '../base/prng.js';

export interface Certificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** DNS names and IP addresses, in the order kubeadm prints them. */
  readonly sans: readonly string[];
  readonly issuer: string;
  /** Stands for the public key. */
  readonly keyId: string;
  readonly issuerKeyId: string;
  readonly isAuthority: boolean;
  /** Lab milliseconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly serial: string;
}

export interface KeyPair {
  readonly certificate: Certificate;
  /** PEM of the certificate. */
  readonly certificatePem: string;
  /** PEM of the private key. */
  readonly keyPem: string;
}

/** The controller manager's signer dates certificates back. */
const SIGNER_BACKDATE_MS = 5 * 60_000;

export const YEAR_MS = 365 * 86_400_000;

export function issueAuthority(
  prng: Prng,
  commonName: string,
  nowMs: number,
  lifetimeMs = 10 * YEAR_MS,
): KeyPair {
  const keyId = prng.hex(64);
  const serial = prng.hex(16);
  return keyPair({
    commonName,
    organizations: [],
    sans: [commonName],
    issuer: commonName,
    keyId,
    issuerKeyId: keyId,
    isAuthority: true,
    notBeforeMs: nowMs,
    notAfterMs: nowMs + lifetimeMs,
    serial,
  });
}

export function issueCertificate(
  prng: Prng,
  authority: Certificate,
  wanted: Pick<Certificate, 'commonName' | 'organizations' | 'sans'>,
  nowMs: number,
  lifetimeMs = YEAR_MS,
): KeyPair {
  return keyPair({
    ...wanted,
    issuer: authority.commonName,
    keyId: prng.hex(64),
    issuerKeyId: authority.keyId,
    isAuthority: false,
    // kubeadm's leaves begin when their authority did, so that a clock that is a little behind does no harm.
    notBeforeMs: authority.notBeforeMs,
    notAfterMs: nowMs + lifetimeMs,
    serial: prng.hex(16),
  });
}

/** A bare key, such as the service accounts' `sa.key` and `sa.pub`. */
export function issueKey(prng: Prng): { readonly keyPem: string; readonly publicPem: string } {
  const keyId = prng.hex(64);
  return { keyPem: pem('PRIVATE KEY', { keyId }), publicPem: pem('PUBLIC KEY', { keyId }) };
}

/** The PEM block of a certificate. */
export function toPem(certificate: Certificate): string {
  return pem('CERTIFICATE', certificate);
}

export function parseCertificate(text: string): Certificate | null {
  return parsePem(text, 'CERTIFICATE') as Certificate | null;
}

/** The key id of a private key's PEM; null when it is none. */
export function parseKey(text: string): string | null {
  const parsed = parsePem(text, 'PRIVATE KEY') as { keyId?: unknown } | null;
  return typeof parsed?.keyId === 'string' ? parsed.keyId : null;
}

/** The key id of a public key's PEM; null when it is none. */
export function parsePublicKey(text: string): string | null {
  const parsed = parsePem(text, 'PUBLIC KEY') as { keyId?: unknown } | null;
  return typeof parsed?.keyId === 'string' ? parsed.keyId : null;
}

/** What kubeadm pins in `--discovery-token-ca-cert-hash`: a digest of the authority's public key. */
export function publicKeyHash(authority: Certificate): string {
  return `sha256:${sha256Hex(authority.keyId)}`;
}

export type TlsProblem = 'unknown-authority' | 'wrong-name' | 'expired' | 'not-yet-valid';

/** What a client finds wrong with a server's certificate; null when it is good for `host`. */
export function checkServer(
  server: Certificate,
  authority: Certificate,
  host: string,
  nowMs: number,
): TlsProblem | null {
  if (server.issuerKeyId !== authority.keyId) return 'unknown-authority';
  if (nowMs > server.notAfterMs) return 'expired';
  if (nowMs < server.notBeforeMs) return 'not-yet-valid';
  return server.sans.includes(host) ? null : 'wrong-name';
}

/** Go's words for a certificate that is out of its time. Both dates by the clock of who looked. */
export function dateProblem(
  certificate: Certificate,
  problem: TlsProblem,
  now: string,
  dateOf: DateOf,
): string {
  const [word, limitMs] =
    problem === 'expired' ? ['after', certificate.notAfterMs] : ['before', certificate.notBeforeMs];
  return `certificate has expired or is not yet valid: current time ${now} is ${word} ${dateOf(limitMs)}`;
}

type DateOf = (labMs: number) => string;

/** Is it in its time by a clock that says `wallMs`? */
export function isInTime(certificate: Certificate, wallMs: number): boolean {
  return wallMs >= certificate.notBeforeMs && wallMs <= certificate.notAfterMs;
}

function keyPair(certificate: Certificate): KeyPair {
  return {
    certificate,
    certificatePem: pem('CERTIFICATE', certificate),
    keyPem: pem('PRIVATE KEY', { keyId: certificate.keyId }),
  };
}

function pem(label: string, content: unknown): string {
  const body = toBase64(JSON.stringify(content)).replace(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
}

function parsePem(text: string, label: string): unknown {
  const match = new RegExp(`-----BEGIN ${label}-----\\n([\\s\\S]*?)\\n-----END ${label}-----`).exec(text);
  const json = match?.[1] === undefined ? null : fromBase64(match[1].replaceAll('\n', ''));
  if (json === null) return null;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return null; // A block that somebody edited by hand: no certificate.
  }
}

/** A certificate signing request: the wanted names and the key that the requester keeps. */
export type CertificateRequest = Pick<Certificate, 'commonName' | 'organizations' | 'sans' | 'keyId'>;

export function printRequest(request: CertificateRequest): string {
  return pem('CERTIFICATE REQUEST', request);
}

export function parseRequest(text: string): CertificateRequest | null {
  return parsePem(text, 'CERTIFICATE REQUEST') as CertificateRequest | null;
}

/** Signs a request; the PEM of the certificate. The private key stays with whoever asked. */
export function signRequest(
  prng: Prng,
  authority: Certificate,
  request: CertificateRequest,
  nowMs: number,
  lifetimeMs = YEAR_MS,
): string {
  return pem('CERTIFICATE', {
    ...request,
    issuer: authority.commonName,
    issuerKeyId: authority.keyId,
    isAuthority: false,
    notBeforeMs: nowMs - SIGNER_BACKDATE_MS,
    notAfterMs: nowMs - SIGNER_BACKDATE_MS + lifetimeMs,
    serial: prng.hex(16),
  });
}
