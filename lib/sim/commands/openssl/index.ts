/**
 * `openssl x509`, `openssl s_client` and `openssl version`, as far as one looks at a certificate with them:
 * dates, names, SANs, chain check. Keys, signatures, conversion and every other command are not modelled.
 */
import { checkServer, parseCertificate, toPem, type Certificate, type TlsProblem } from '../../pki.js';
import type { Invocation } from '../../process.js';
import type { Sim } from '../../task.js';
import { within } from '../deadline.js';
import { Failure, notModelled, program } from '../failure.js';
import { absolute } from '../paths.js';
import { certificateText, fingerprint, longDate, sansText, subjectText } from './text.js';

export const openssl = program('command', function* run(call) {
  const [command, ...args] = call.args;
  switch (command) {
    case 'x509':
      return x509(call, args);
    case 's_client':
      return yield* client(call, args);
    case 'version':
      call.print('OpenSSL 3.0.19 27 Jan 2026 (Library: OpenSSL 3.0.19 27 Jan 2026)\n');
      return 0;
    case undefined:
      return 0;
    default:
      throw notModelled('openssl', command);
  }
});

/** OpenSSL's own flags: one dash, and a value for those of `valued`. */
function readFlags(
  command: string,
  args: readonly string[],
  known: readonly string[],
  valued: readonly string[],
): Map<string, string> {
  const flags = new Map<string, string>();
  for (let index = 0; index < args.length; index += 1) {
    const name = (args[index] ?? '').replace(/^--?/, '');
    const usable = (args[index] ?? '').startsWith('-');
    if (usable && valued.includes(name)) flags.set(name, args[(index += 1)] ?? '');
    else if (usable && known.includes(name)) flags.set(name, '');
    else {
      throw new Failure(
        usable
          ? `${command}: Unrecognized flag ${name}\n${command}: Use -help for summary.\n`
          : `${command}: Extra arguments given.\n${command}: Use -help for summary.\n`,
      );
    }
  }
  return flags;
}

function x509(call: Invocation, args: readonly string[]): number {
  const switches = ['noout', 'text', 'subject', 'issuer', 'serial', 'dates', 'startdate', 'enddate'];
  const flags = readFlags(
    'x509',
    args,
    [...switches, 'fingerprint', 'sha256'],
    ['in', 'ext', 'checkend', 'inform'],
  );
  const path = flags.get('in');
  const text =
    path === undefined ? new TextDecoder().decode(call.stdin) : call.machine.disk.read(absolute(call, path));
  const certificate = text === null ? null : parseCertificate(text);
  if (certificate === null) {
    const from = path ?? '<stdin>';
    throw new Failure(
      text === null
        ? `Could not open file or uri for loading certificate from ${from}\nUnable to load certificate\n`
        : `Could not read certificate from ${from}\nUnable to load certificate\n`,
    );
  }
  // In the order of the command line, as OpenSSL prints them.
  for (const name of flags.keys()) call.print(part(certificate, name, flags));
  if (!flags.has('noout')) call.print(toPem(certificate));
  const checkend = flags.get('checkend');
  if (checkend === undefined) return 0;
  const expires = certificate.notAfterMs < call.machine.wallMs + Number(checkend) * 1_000;
  call.print(expires ? 'Certificate will expire\n' : 'Certificate will not expire\n');
  return expires ? 1 : 0;
}

function part(certificate: Certificate, name: string, flags: Map<string, string>): string {
  const from = `notBefore=${longDate(certificate.notBeforeMs)}\n`;
  const until = `notAfter=${longDate(certificate.notAfterMs)}\n`;
  switch (name) {
    case 'text':
      return certificateText(certificate);
    case 'subject':
      return `subject=${subjectText(certificate)}\n`;
    case 'issuer':
      return `issuer=CN = ${certificate.issuer}\n`;
    case 'serial':
      return `serial=${certificate.serial.toUpperCase()}\n`;
    case 'startdate':
      return from;
    case 'enddate':
      return until;
    case 'dates':
      return from + until;
    case 'fingerprint':
      return `sha256 Fingerprint=${fingerprint(certificate)}\n`;
    case 'ext':
      return extension(certificate, flags.get('ext') ?? '');
    default:
      return '';
  }
}

function extension(certificate: Certificate, name: string): string {
  if (name !== 'subjectAltName') throw notModelled('openssl', `x509 -ext ${name}`);
  if (certificate.sans.length === 0) return 'No extensions matching those requested were found\n';
  return `X509v3 Subject Alternative Name: \n    ${sansText(certificate)}\n`;
}

const VERIFY: Readonly<Record<TlsProblem, readonly [number, string]>> = {
  'unknown-authority': [21, 'unable to verify the first certificate'],
  expired: [10, 'certificate has expired'],
  'not-yet-valid': [9, 'certificate is not yet valid'],
  'wrong-name': [62, 'hostname mismatch'],
};
/** How long the handshake may take; s_client itself waits for as long as TCP does. */
const CONNECT_MS = 132_000;

function* client(call: Invocation, args: readonly string[]): Sim<number> {
  const valued = ['connect', 'CAfile', 'servername', 'verify_hostname', 'verify_ip', 'cert', 'key'];
  const flags = readFlags('s_client', args, ['showcerts', 'brief', 'verify_return_error', 'quiet'], valued);
  const match = /^(.+):(\d+)$/.exec(flags.get('connect') ?? '');
  if (match === null)
    throw new Failure('s_client: -connect argument or target parameter malformed or ambiguous\n');
  const [, host = '', port = ''] = match;
  const ask = { method: 'GET', path: '/' };
  const exchange = call.world.network.exchange(call.machine, host, Number(port), ask, CONNECT_MS);
  const outcome = yield* within(call, CONNECT_MS, exchange);
  switch (outcome?.kind) {
    case 'response':
      break;
    case 'no-host':
      throw new Failure(`BIO_lookup_ex:Name or service not known\nconnect:errno=2\n`);
    case 'refused':
      throw new Failure('BIO_connect:Connection refused\nconnect:errno=111\n');
    case 'no-route':
      throw new Failure('BIO_connect:No route to host\nconnect:errno=113\n');
    case 'dial-timeout':
    case 'timeout':
    case 'reset':
    case undefined:
      throw new Failure('BIO_connect:Connection timed out\nconnect:errno=110\n');
  }
  if (outcome.certificate === null) {
    call.print('CONNECTED(00000003)\n');
    throw new Failure('SSL routines:ssl3_get_record:wrong version number\n');
  }
  return show(call, flags, outcome.certificate);
}

function show(call: Invocation, flags: Map<string, string>, certificate: Certificate): number {
  const path = flags.get('CAfile');
  const authority =
    path === undefined ? null : parseCertificate(call.machine.disk.read(absolute(call, path)) ?? '');
  const name = flags.get('verify_hostname') ?? flags.get('verify_ip');
  const found =
    authority === null
      ? 'unknown-authority'
      : checkServer(certificate, authority, name ?? certificate.sans[0] ?? '', call.machine.wallMs);
  const [number, text] = found === null ? [0, 'ok'] : VERIFY[found];
  call.printError(`depth=0 ${subjectText(certificate)}\n`);
  if (found !== null) call.printError(`verify error:num=${number}:${text}\n`);
  call.printError('verify return:1\n');
  const lines = [
    'CONNECTED(00000003)',
    '---',
    'Certificate chain',
    ` 0 s:${subjectText(certificate)}`,
    `   i:CN = ${certificate.issuer}`,
    `   v:NotBefore: ${longDate(certificate.notBeforeMs)}; NotAfter: ${longDate(certificate.notAfterMs)}`,
    '---',
    'Server certificate',
    toPem(certificate).trimEnd(),
    `subject=${subjectText(certificate)}`,
    `issuer=CN = ${certificate.issuer}`,
    '---',
    `Verify return code: ${number} (${text})`,
    '---',
  ];
  call.print(`${lines.join('\n')}\n`);
  call.printError('DONE\n');
  return found !== null && flags.has('verify_return_error') ? 1 : 0;
}
