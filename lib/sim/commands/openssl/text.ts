/** Certificates of the simulated world in OpenSSL's words. */
import { rfc3339 } from '../../../base/calendar.js';
import { sha256Hex } from '../../../base/digest.js';
import type { Certificate } from '../../pki.js';
import { EPOCH_UNIX_MS } from '../../world.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Jan  1 00:00:30 2026 GMT`. */
export function longDate(labMs: number): string {
  const [, year = '', month = '1', day = '1', time = ''] =
    /^(\d+)-(\d\d)-(\d\d)T(.{8})/.exec(rfc3339(EPOCH_UNIX_MS + labMs)) ?? [];
  return `${MONTHS[Number(month) - 1] ?? ''} ${String(Number(day)).padStart(2)} ${time} ${year} GMT`;
}

/** `O = system:masters, CN = kubernetes-admin`. */
export function subjectText(certificate: Certificate): string {
  return [...certificate.organizations.map((name) => `O = ${name}`), `CN = ${certificate.commonName}`].join(
    ', ',
  );
}

/** `DNS:kubernetes, IP Address:10.96.0.1`. */
export function sansText(certificate: Certificate): string {
  return certificate.sans
    .map((name) => (/^[\d.]+$|:/.test(name) ? `IP Address:${name}` : `DNS:${name}`))
    .join(', ');
}

export function fingerprint(certificate: Certificate): string {
  const hex = sha256Hex(`${certificate.keyId}/${certificate.serial}`).toUpperCase();
  return hex.replace(/..(?!$)/g, '$&:');
}

/** `openssl x509 -text`, without the key's and the signature's bytes, which the simulated world does not have. */
export function certificateText(certificate: Certificate): string {
  const usage = certificate.isAuthority
    ? 'Digital Signature, Key Encipherment, Certificate Sign'
    : 'Digital Signature, Key Encipherment';
  const lines = [
    'Certificate:',
    '    Data:',
    '        Version: 3 (0x2)',
    '        Serial Number:',
    `            ${certificate.serial.replace(/..(?!$)/g, '$&:')}`,
    '        Signature Algorithm: sha256WithRSAEncryption',
    `        Issuer: CN = ${certificate.issuer}`,
    '        Validity',
    `            Not Before: ${longDate(certificate.notBeforeMs)}`,
    `            Not After : ${longDate(certificate.notAfterMs)}`,
    `        Subject: ${subjectText(certificate)}`,
    '        Subject Public Key Info:',
    '            Public Key Algorithm: rsaEncryption',
    '                Public-Key: (2048 bit)',
    '        X509v3 extensions:',
    '            X509v3 Key Usage: critical',
    `                ${usage}`,
    '            X509v3 Basic Constraints: critical',
    `                CA:${certificate.isAuthority ? 'TRUE' : 'FALSE'}`,
  ];
  if (certificate.sans.length > 0) {
    lines.push('            X509v3 Subject Alternative Name: ', `                ${sansText(certificate)}`);
  }
  lines.push('    Signature Algorithm: sha256WithRSAEncryption');
  return `${lines.join('\n')}\n`;
}
