/**
 * `curl` over HTTP and HTTPS of the lab network. Redirects, uploads, proxies, retries and other protocols are not
 * modelled; -v prints what it finds out about the connection and the certificate, not single TLS records.
 */
import type { Invocation } from '../../process.js';
import { Failure, notModelled, program } from '../failure.js';
import { absolute } from '../paths.js';
import { readOptions, type CurlOptions, type Target } from './options.js';
import { transfer, verboseText, type Transfer } from './transfer.js';

export const curl = program('command', function* run(call) {
  const options = readOptions(call);
  let code = 0;
  for (const target of options.targets) {
    const done = yield* transfer(call, options, target);
    finish(call, options, target, done);
    if (done.code !== 0) code = done.code;
  }
  return code;
});

function finish(call: Invocation, options: CurlOptions, target: Target, done: Transfer): void {
  const { flags } = options;
  if (flags.has('verbose')) call.printError(verboseText(call, options, target, done));
  const head = flags.has('include') || flags.has('head');
  const text = `${head && done.status > 0 ? headOf(done) : ''}${flags.has('head') ? '' : bodyText(done.body)}`;
  const output = flags.get('output');
  if (output === null || output === '-') call.print(text);
  else if (output !== '/dev/null' && done.code === 0) save(call, output, text);
  if (done.code !== 0 && (!flags.has('silent') || flags.has('show-error'))) {
    call.printError(`curl: (${done.code}) ${done.message}\n`);
  }
  const format = flags.get('write-out');
  if (format !== null) call.print(writeOut(call, format, target, done));
}

function headOf(done: Transfer): string {
  const kind = typeof done.body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  return `HTTP/2 ${done.status} \r\ncontent-type: ${kind}\r\n\r\n`;
}

/** Objects as the API server prints them to a client that asks for nothing special. */
function bodyText(body: unknown): string {
  if (typeof body === 'string') return body;
  return body === undefined || body === null ? '' : JSON.stringify(body, null, 2);
}

function save(call: Invocation, output: string, text: string): void {
  if (call.machine.disk.write(absolute(call, output), text) === null) return;
  throw new Failure('curl: (23) Failed writing body\n', 23);
}

function writeOut(call: Invocation, format: string, target: Target, done: Transfer): string {
  if (format.startsWith('@')) throw notModelled('curl', `--write-out ${format}`, 2);
  const seconds = `${Math.floor(done.elapsedMs / 1_000)}.${String(done.elapsedMs % 1_000).padStart(3, '0')}000`;
  const connected = done.code === 0 || done.code === 22 || done.code === 60 || done.code === 35;
  const values: Readonly<Record<string, string>> = {
    http_code: String(done.status).padStart(3, '0'),
    response_code: String(done.status).padStart(3, '0'),
    time_total: seconds,
    time_connect: connected ? '0.001000' : '0.000000',
    exitcode: String(done.code),
    errormsg: done.message.split('\n')[0] ?? '',
    remote_ip: connected ? (done.address ?? '') : '',
    remote_port: connected ? String(target.port) : '0',
    ssl_verify_result: done.code === 60 ? '20' : '0',
    size_download: String(bodyText(done.body).length),
    url_effective: target.url,
    num_connects: connected ? '1' : '0',
  };
  return format
    .replace(/%\{([^}]*)\}/g, (_all, name: string) => {
      const value = values[name];
      if (value === undefined) call.printError(`curl: unknown --write-out variable: '${name}'\n`);
      return value ?? '';
    })
    .replaceAll('\\n', '\n')
    .replaceAll('\\t', '\t')
    .replaceAll('\\r', '\r');
}
