/** curl's command line: the options that a health check or a person at a prompt uses. */
import type { Invocation } from '../../process.js';
import { Failure, notModelled } from '../failure.js';
import { FlagProblem, parseFlags, type Flags } from '../flags.js';

const FLAGS = [
  ...['insecure|k', 'silent|s', 'show-error|S', 'fail|f', 'output|o=', 'write-out|w=', 'max-time|m='],
  ...['connect-timeout=', 'cacert=', 'cert|E=', 'key=', 'header|H=', 'include|i', 'head|I', 'verbose|v'],
  ...['request|X=', 'data|d=', 'location|L', 'ipv4|4', 'http1.1', 'http2', 'retry=', 'noproxy=', 'resolve='],
];

export interface Target {
  /** As written. */
  readonly url: string;
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

export interface CurlOptions {
  readonly flags: Flags;
  readonly targets: readonly Target[];
  readonly maxMs: number;
  readonly connectMs: number;
}

export function readOptions(call: Invocation): CurlOptions {
  const flags = parse(call);
  for (const option of ['location', 'retry', 'data', 'resolve']) {
    if (flags.get(option) !== null) throw notModelled('curl', `--${option}`, 2);
  }
  if (flags.operands.length === 0) {
    throw new Failure("curl: try 'curl --help' or 'curl --manual' for more information\n", 2);
  }
  return {
    flags,
    targets: flags.operands.map(parseUrl),
    maxMs: seconds(flags, 'max-time'),
    connectMs: seconds(flags, 'connect-timeout'),
  };
}

function parse(call: Invocation): Flags {
  try {
    return parseFlags(FLAGS, call.args);
  } catch (error) {
    if (!(error instanceof FlagProblem)) throw error;
    const reason = error.kind === 'needs-value' ? 'requires parameter' : 'is unknown';
    const tail = "curl: try 'curl --help' or 'curl --manual' for more information\n";
    throw new Failure(`curl: option ${error.flag}: ${reason}\n${tail}`, 2);
  }
}

function parseUrl(url: string): Target {
  const match = /^(?:(\w+):\/\/)?([^/:?]+)(?::(\d+))?(\/.*|\?.*)?$/.exec(url);
  const scheme = match?.[1] ?? 'http';
  if (match === null) throw new Failure('curl: (3) URL using bad/illegal format or missing URL\n', 3);
  if (scheme !== 'http' && scheme !== 'https') {
    throw new Failure(`curl: (1) Protocol "${scheme}" not supported or disabled in libcurl\n`, 1);
  }
  const secure = scheme === 'https';
  const port = match[3] === undefined ? (secure ? 443 : 80) : Number(match[3]);
  const path = match[4] ?? '/';
  return { url, secure, host: match[2] ?? '', port, path: path.startsWith('?') ? `/${path}` : path };
}

/** Milliseconds of an option in seconds; Infinity when it was not given. */
function seconds(flags: Flags, name: string): number {
  const text = flags.get(name);
  if (text === null) return Infinity;
  if (!/^\d+(\.\d+)?$/.test(text)) {
    throw new Failure(`curl: expected a proper numerical parameter\n`, 2);
  }
  const ms = Math.round(Number(text) * 1_000);
  return ms === 0 ? Infinity : ms;
}
