/**
 * Downloads: retried, resumed where they broke off, and kept only when their digest is right. Leaves out what is
 * downloaded and why.
 */
import { EnvHttpProxyAgent, fetch, type Response } from 'undici';
import { messageOf, UserError } from '../../base/errors.js';
import { fileSize, moveFile, removeFile, writeChunks } from '../files.js';
import type { Io } from '../io.js';
import { joined } from './archive.js';
import { digestOf, stopWhenAborted } from './digest.js';

export type Headers = Readonly<Record<string, string>>;

export interface WebOptions {
  /** Addresses by host, such as `dl.k8s.io` → `http://mirror.lan/kubernetes`: asked instead of `https://<host>`. */
  readonly mirrors: ReadonlyMap<string, string>;
  readonly io: Pick<Io, 'env' | 'signal' | 'sleep'>;
  readonly note: (line: string) => void;
}

export interface DownloadOptions {
  readonly sha256: string;
  readonly headers?: Headers;
  /** Default: not executable. */
  readonly mode?: number;
  /** Default: beside it. */
  readonly part?: string;
}

/** An answer that is not the thing asked for. */
export class HttpError extends UserError {
  readonly status: number;
  /** What a registry wants to be shown; null when it did not say. */
  readonly challenge: string | null;

  constructor(url: string, response: Response) {
    super({
      code: 'download-failed',
      message: `${url}: HTTP ${response.status} ${response.statusText}`,
      remedy: 'See whether it exists there, or name another place with: --mirror HOST=URL',
    });
    this.status = response.status;
    this.challenge = response.headers.get('www-authenticate');
  }
}

const ATTEMPTS = 4;
/** Of silence, not of the whole download. */
const SILENCE_MS = 60_000;
/** Checksums, manifests and indexes of charts are far smaller. */
const MAX_BODY = 67_108_864;

export class Web {
  readonly #options: WebOptions;
  readonly #agent: EnvHttpProxyAgent;

  constructor(options: WebOptions) {
    this.#options = options;
    const { env } = options.io;
    this.#agent = new EnvHttpProxyAgent({
      httpProxy: env['http_proxy'] ?? env['HTTP_PROXY'] ?? '',
      httpsProxy: env['https_proxy'] ?? env['HTTPS_PROXY'] ?? '',
      noProxy: env['no_proxy'] ?? env['NO_PROXY'] ?? '',
      headersTimeout: SILENCE_MS,
      bodyTimeout: SILENCE_MS,
    });
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }

  /** The whole body, for small things. */
  async bytes(url: string, headers: Headers = {}): Promise<{ body: Uint8Array; type: string }> {
    return this.#patiently(url, async () => {
      const response = await this.#ask(url, headers);
      const chunks: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of bodyOf(response)) {
        length += chunk.length;
        if (length > MAX_BODY) throw oddDownload(url, 'it is far larger than such a thing is');
        chunks.push(chunk);
      }
      return { body: joined(chunks), type: response.headers.get('content-type') ?? '' };
    });
  }

  async text(url: string): Promise<string> {
    return new TextDecoder().decode((await this.bytes(url)).body);
  }

  /** Into `path`, which is there with the right content or not at all; `part` keeps what has come so far. */
  async download(
    url: string,
    path: string,
    { sha256, headers = {}, mode = 0o644, part = `${path}.part` }: DownloadOptions,
  ): Promise<void> {
    const resumed = await this.#patiently(url, () => this.#receive(url, part, headers));
    let found = await digestOf(part);
    if (found !== sha256 && resumed) {
      // What was there before may have been of another file: once more from the beginning.
      removeFile(part);
      await this.#patiently(url, () => this.#receive(url, part, headers));
      found = await digestOf(part);
    }
    if (found === sha256) {
      moveFile(part, path, mode);
      return;
    }
    removeFile(part);
    throw new UserError({
      code: 'download-altered',
      message: `${url}: its SHA-256 is ${found}, and ${sha256} was expected`,
      remedy: 'Try again; when it stays so, do not use that place: --mirror HOST=URL names another.',
    });
  }

  /** Appends to what is there; true when there was something. */
  async #receive(url: string, part: string, headers: Headers): Promise<boolean> {
    const have = fileSize(part);
    const range: Headers = have === 0 ? {} : { range: `bytes=${have}-` };
    let response: Response;
    try {
      response = await this.#ask(url, { ...headers, ...range });
    } catch (error) {
      // Nothing lies behind what is there: either it is whole already, or it is of another file.
      if (error instanceof HttpError && error.status === 416) return have > 0;
      throw error;
    }
    const goesOn = response.status === 206;
    await writeChunks(part, bodyOf(response), goesOn ? 'append' : 'anew');
    return goesOn;
  }

  async #ask(url: string, headers: Headers): Promise<Response> {
    const response = await fetch(this.#mirrored(url), {
      headers: { 'accept-encoding': 'identity', ...headers },
      dispatcher: this.#agent,
      signal: this.#options.io.signal,
    });
    if (response.ok) return response;
    await response.body?.cancel();
    throw new HttpError(url, response);
  }

  #mirrored(url: string): string {
    const { host } = new URL(url);
    const mirror = this.#options.mirrors.get(host);
    return mirror === undefined ? url : url.replace(`https://${host}`, mirror.replace(/\/$/, ''));
  }

  /** Tries again after failures that pass: broken connections, and servers that are busy. */
  async #patiently<T>(url: string, work: () => Promise<T>): Promise<T> {
    const { io, note } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        stopWhenAborted(io.signal);
        if (error instanceof UserError && !isPassing(error)) throw error;
        if (attempt === ATTEMPTS) throw failed(url, error);
        note(`${url}: ${causeOf(error)}; trying again`);
        await io.sleep(1000 * 2 ** (attempt - 1));
      }
    }
  }
}

export function oddDownload(what: string, why: string): UserError {
  return new UserError({
    code: 'download-odd',
    message: `${what}: ${why}`,
    remedy: 'See what is published there, or name another place with: --mirror HOST=URL',
  });
}

async function* bodyOf(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  for await (const chunk of response.body) yield chunk as Uint8Array;
}

function isPassing(error: UserError): boolean {
  return error instanceof HttpError && (error.status >= 500 || error.status === 429);
}

function failed(url: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  return new UserError({
    code: 'download-failed',
    message: `${url}: ${causeOf(error)}`,
    remedy: 'Look after the network and type the same again: what has come so far is kept.',
    cause: error,
  });
}

/** undici says `fetch failed` and puts the reason below. */
function causeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return messageOf(cause ?? error);
}
