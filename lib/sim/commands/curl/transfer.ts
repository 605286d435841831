/** One transfer of curl: connect, check the certificate, ask, and end with curl's exit code and words. */
import { lookupAs } from '../../container.js';
import type { Outcome, Request } from '../../network.js';
import { checkServer, parseCertificate, parseKey, type Certificate, type TlsProblem } from '../../pki.js';
import type { Invocation } from '../../process.js';
import type { Sim } from '../../task.js';
import { within } from '../deadline.js';
import { Failure } from '../failure.js';
import { absolute } from '../paths.js';
import { longDate } from '../openssl/text.js';
import type { CurlOptions, Target } from './options.js';

export interface Transfer {
  readonly status: number;
  readonly body: unknown;
  readonly certificate: Certificate | null;
  readonly elapsedMs: number;
  readonly address: string | null;
  /** 0, or why it failed. */
  readonly code: number;
  readonly message: string;
}

/** The kernel's own patience with a silent address: six SYNs. */
const SYN_PATIENCE_MS = 132_000;

export function* transfer(call: Invocation, options: CurlOptions, target: Target): Sim<Transfer> {
  const startMs = call.world.nowMs;
  const address = lookupAs(call.machine, call.container, target.host);
  const end = (code: number, message: string, rest: Partial<Transfer> = {}): Transfer => ({
    ...{ status: 0, body: '', certificate: null, address, code, message },
    elapsedMs: call.world.nowMs - startMs,
    ...rest,
  });
  if (address === null) return end(6, `Could not resolve host: ${target.host}`);
  const request = requestOf(call, options, target);
  const { network } = call.world;
  const { maxMs, connectMs } = options;
  const exchange = network.exchange(
    call.machine,
    address,
    target.port,
    request,
    maxMs,
    Math.min(connectMs, SYN_PATIENCE_MS),
  );
  const outcome = yield* within(call, maxMs, exchange);
  if (outcome === null || outcome.kind !== 'response') {
    const [code, message] = failureOf(outcome, target, call.world.nowMs - startMs);
    return end(code, message);
  }
  const { certificate, status, body } = outcome;
  if (target.secure) {
    if (certificate === null) {
      const text = 'OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number';
      return end(35, text, { certificate });
    }
    const problem = tlsProblem(call, options, target, certificate);
    if (problem !== null && !options.flags.has('insecure')) {
      return end(60, tlsText(problem, target.host), { certificate });
    }
  } else if (certificate !== null) {
    const text = 'Client sent an HTTP request to an HTTPS server.\n';
    return end(0, '', { status: 400, body: text });
  }
  if (options.flags.has('fail') && status >= 400) {
    return end(22, `The requested URL returned error: ${status}`, { status, certificate, body: '' });
  }
  return end(0, '', { status, certificate, body });
}

function requestOf(call: Invocation, options: CurlOptions, target: Target): Request {
  const { flags } = options;
  const bearer = flags
    .list('header')
    .map((header) => /^Authorization:\s*Bearer\s+(\S+)$/i.exec(header)?.[1])
    .find((token) => token !== undefined);
  const certificate = clientCertificate(call, options);
  return {
    method: flags.get('request') ?? (flags.has('head') ? 'HEAD' : 'GET'),
    path: target.path,
    ...(bearer === undefined ? {} : { bearerToken: bearer }),
    ...(certificate === null ? {} : { clientCertificate: certificate }),
  };
}

function clientCertificate(call: Invocation, options: CurlOptions): Certificate | null {
  const path = options.flags.get('cert');
  if (path === null) return null;
  const { disk } = call.machine;
  const certificate = parseCertificate(disk.read(absolute(call, path)) ?? '');
  const keyPath = options.flags.get('key') ?? path;
  const key = parseKey(disk.read(absolute(call, keyPath)) ?? '');
  if (certificate === null) {
    throw new Failure(
      `curl: (58) could not load PEM client certificate from ${path}, OpenSSL error ` +
        `error:80000002:system library::No such file or directory, ` +
        '(no key found, wrong pass phrase, or wrong file format?)\n',
      58,
    );
  }
  if (key !== certificate.keyId) {
    throw new Failure(`curl: (58) unable to set private key file: '${keyPath}' type PEM\n`, 58);
  }
  return certificate;
}

/** What is wrong with the certificate; an authority is trusted only when --cacert names it. */
export function tlsProblem(
  call: Invocation,
  options: CurlOptions,
  target: Target,
  certificate: Certificate,
): TlsProblem | null {
  const path = options.flags.get('cacert');
  if (path === null) return 'unknown-authority';
  const authority = parseCertificate(call.machine.disk.read(absolute(call, path)) ?? '');
  if (authority === null) {
    throw new Failure(
      `curl: (77) error setting certificate verify locations:  CAfile: ${path} CApath: none\n`,
      77,
    );
  }
  return checkServer(certificate, authority, target.host, call.machine.wallMs);
}

const MORE = `
More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it. To learn more about this situation and
how to fix it, please visit the web page mentioned above.`;

function tlsText(problem: TlsProblem, host: string): string {
  switch (problem) {
    case 'unknown-authority':
      return `SSL certificate problem: unable to get local issuer certificate${MORE}`;
    case 'wrong-name':
      return `SSL: no alternative certificate subject name matches target host name '${host}'${MORE}`;
    case 'expired':
      return `SSL certificate problem: certificate has expired${MORE}`;
    case 'not-yet-valid':
      return `SSL certificate problem: certificate is not yet valid${MORE}`;
  }
}

function failureOf(outcome: Outcome | null, target: Target, elapsedMs: number): [number, string] {
  const place = `${target.host} port ${target.port}`;
  switch (outcome?.kind) {
    case 'no-host':
      return [6, `Could not resolve host: ${target.host}`];
    case 'refused':
    case 'no-route':
      return [7, `Failed to connect to ${place} after ${elapsedMs} ms: Couldn't connect to server`];
    case 'reset':
      return target.secure
        ? [35, 'Recv failure: Connection reset by peer']
        : [56, 'Recv failure: Connection reset by peer'];
    case 'timeout':
      return [28, `Operation timed out after ${elapsedMs} milliseconds with 0 bytes received`];
    case 'dial-timeout':
    case 'response':
    case undefined:
      return [28, `Connection timed out after ${elapsedMs} milliseconds`];
  }
}

/** The lines of -v about the connection and the certificate, without those about single TLS records. */
export function verboseText(call: Invocation, options: CurlOptions, target: Target, done: Transfer): string {
  if (done.address === null) return `* Could not resolve host: ${target.host}\n* Closing connection 0\n`;
  const lines = [`*   Trying ${done.address}:${target.port}...`];
  if (done.code === 7 || done.code === 28) return `${lines.join('\n')}\n* Closing connection 0\n`;
  lines.push(`* Connected to ${target.host} (${done.address}) port ${target.port} (#0)`);
  const { certificate } = done;
  if (target.secure && certificate !== null) {
    const problem = tlsProblem(call, options, target, certificate);
    lines.push('* SSL connection using TLSv1.3 / TLS_AES_128_GCM_SHA256', '* Server certificate:');
    lines.push(`*  subject: ${subjectOf(certificate)}`);
    lines.push(`*  start date: ${longDate(certificate.notBeforeMs)}`);
    lines.push(`*  expire date: ${longDate(certificate.notAfterMs)}`);
    if (!options.flags.has('insecure')) lines.push(...nameLines(certificate, target.host, problem));
    if (problem === null || options.flags.has('insecure')) {
      lines.push(`*  issuer: CN=${certificate.issuer}`);
      lines.push(
        problem === null
          ? '*  SSL certificate verify ok.'
          : '*  SSL certificate verify result: unable to get local issuer certificate (20), ' +
              'continuing anyway.',
      );
    }
  }
  if (done.code === 0 || done.code === 22) {
    const method = options.flags.get('request') ?? (options.flags.has('head') ? 'HEAD' : 'GET');
    lines.push(`> ${method} ${target.path} HTTP/2`, `> Host: ${target.host}:${target.port}`);
    lines.push('> user-agent: curl/7.88.1', '> accept: */*', '> ', `< HTTP/2 ${done.status} `, '< ');
    lines.push('* Connection #0 to host ' + target.host + ' left intact');
  } else lines.push('* Closing connection 0');
  return `${lines.join('\n')}\n`;
}

/** curl checks the chain first, then the name. */
function nameLines(certificate: Certificate, host: string, problem: TlsProblem | null): string[] {
  if (problem === 'wrong-name') return [`*  subjectAltName does not match ${host}`];
  if (problem !== null || !certificate.sans.includes(host)) return [];
  const address = /^[\d.]+$/.test(host);
  return [`*  subjectAltName: host "${host}" matched cert's ${address ? 'IP address!' : `"${host}"`}`];
}

function subjectOf(certificate: Certificate): string {
  const organizations = certificate.organizations.map((name) => `O=${name}; `).join('');
  return `${organizations}CN=${certificate.commonName}`;
}
