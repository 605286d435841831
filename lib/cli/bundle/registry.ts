/**
 * Images from container registries by their HTTP API v2, each manifest, configuration and layer checked against its
 * digest, into an OCI layout that containerd imports. Anonymous only: no login is asked for or kept.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { create } from 'tar';
import { must } from '../../base/errors.js';
import type { Architecture } from '../../model/bundle.js';
import { parseImage, printImage, type ImageReference } from '../../model/image-reference.js';
import { fileExists, moveFile, removeFolder, writeWhole } from '../files.js';
import { digestOf } from './digest.js';
import { HttpError, oddDownload, type Headers, type Web } from './web.js';

const INDEXES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
const MANIFESTS = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];

interface Descriptor {
  readonly mediaType?: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly os?: string; readonly architecture?: string };
}

interface Document {
  readonly mediaType?: string;
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

interface Fetched {
  readonly text: string;
  readonly digest: string;
  readonly type: string;
  readonly document: Document;
}

export class Registry {
  readonly #web: Web;
  /** Tokens by repository; they live for some minutes. */
  readonly #tokens = new Map<string, string>();

  constructor(web: Web) {
    this.#web = web;
  }

  /**
   * Writes the image as an archive to `path`. `scratch` keeps its blobs until then, so that a later try finds what an
   * interrupted one has fetched.
   */
  async save(image: string, architecture: Architecture, path: string, scratch: string): Promise<void> {
    const reference = must(parseImage(image), `${image} is no name of an image`);
    const manifest = await this.#manifest(reference, architecture);
    const { config, layers = [] } = manifest.document;
    if (config === undefined) throw oddDownload(image, 'the registry sent no manifest of an image');
    for (const { digest } of [config, ...layers]) await this.#blob(reference, digest, scratch);
    const name = printImage(reference);
    writeWhole(join(scratch, blobPath(manifest.digest)), manifest.text);
    writeWhole(join(scratch, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    writeWhole(join(scratch, 'index.json'), indexOf(manifest, name, architecture));
    // Only what belongs to it: an earlier try may have fetched blobs of an image that has moved on since.
    const blobs = [manifest.digest, config.digest, ...layers.map(({ digest }) => digest)].map(blobPath);
    const part = `${scratch}.part`;
    writeWhole(part, '');
    const files = ['oci-layout', 'index.json', ...new Set(blobs)];
    await create({ cwd: scratch, file: part, portable: true, noMtime: true }, files);
    moveFile(part, path, 0o644);
    removeFolder(scratch);
  }

  /** Of the architecture, through the index where there is one. */
  async #manifest(reference: ImageReference, architecture: Architecture): Promise<Fetched> {
    const first = await this.#document(reference, reference.digest ?? reference.tag ?? 'latest');
    const { manifests } = first.document;
    if (manifests === undefined) return first;
    const fitting = manifests.find(
      ({ platform }) => platform?.os === 'linux' && platform.architecture === architecture,
    );
    if (fitting === undefined) {
      throw oddDownload(printImage(reference), `there is no image for linux/${architecture}`);
    }
    return this.#document(reference, fitting.digest);
  }

  async #document(reference: ImageReference, wanted: string): Promise<Fetched> {
    const url = `${base(reference)}/manifests/${wanted}`;
    const { body, type } = await this.#authorized(reference, (headers) =>
      this.#web.bytes(url, { ...headers, accept: [...INDEXES, ...MANIFESTS].join(', ') }),
    );
    const digest = `sha256:${createHash('sha256').update(body).digest('hex')}`;
    if (wanted.startsWith('sha256:') && wanted !== digest) throw oddDownload(url, `its digest is ${digest}`);
    const text = new TextDecoder().decode(body);
    return { text, digest, type, document: parse(url, text) };
  }

  async #blob(reference: ImageReference, digest: string, scratch: string): Promise<void> {
    const path = join(scratch, blobPath(digest));
    const sha256 = digest.replace('sha256:', '');
    if (fileExists(path) && (await digestOf(path)) === sha256) return;
    const url = `${base(reference)}/blobs/${digest}`;
    await this.#authorized(reference, (headers) => this.#web.download(url, path, { sha256, headers }));
  }

  /** With the token of the repository; a registry that wants one says where tokens are given out. */
  async #authorized<T>(reference: ImageReference, work: (headers: Headers) => Promise<T>): Promise<T> {
    const key = `${reference.registry}/${reference.repository}`;
    const headers = (): Headers => {
      const token = this.#tokens.get(key);
      return token === undefined ? {} : { authorization: `Bearer ${token}` };
    };
    try {
      return await work(headers());
    } catch (error) {
      if (!(error instanceof HttpError) || error.status !== 401 || error.challenge === null) throw error;
      this.#tokens.set(key, await this.#token(error.challenge, reference));
      return work(headers());
    }
  }

  async #token(challenge: string, { repository }: ImageReference): Promise<string> {
    const field = (name: string): string | undefined =>
      new RegExp(`\\b${name}="([^"]*)"`).exec(challenge)?.[1];
    const realm = field('realm');
    if (!/^bearer /i.test(challenge) || realm === undefined) {
      throw oddDownload(
        repository,
        `the registry wants a login of a kind that is not supported: ${challenge}`,
      );
    }
    const url = new URL(realm);
    const service = field('service');
    if (service !== undefined) url.searchParams.set('service', service);
    url.searchParams.set('scope', field('scope') ?? `repository:${repository}:pull`);
    const answer = JSON.parse(await this.#web.text(url.href)) as {
      readonly token?: string;
      readonly access_token?: string;
    };
    const token = answer.token ?? answer.access_token;
    if (token === undefined) throw oddDownload(url.href, 'it gave out no token');
    return token;
  }
}

function base({ registry, repository }: ImageReference): string {
  // Docker's registry answers under another name than the one in images.
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  return `https://${host}/v2/${repository}`;
}

function blobPath(digest: string): string {
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw oddDownload(digest, 'it is no SHA-256 digest');
  return `blobs/${digest.replace(':', '/')}`;
}

function indexOf(manifest: Fetched, name: string, architecture: Architecture): string {
  const descriptor = {
    mediaType: manifest.document.mediaType ?? manifest.type,
    digest: manifest.digest,
    size: new TextEncoder().encode(manifest.text).length,
    annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name },
    platform: { architecture, os: 'linux' },
  };
  return JSON.stringify({ schemaVersion: 2, mediaType: INDEXES[0], manifests: [descriptor] });
}

function parse(url: string, text: string): Document {
  try {
    return JSON.parse(text) as Document;
  } catch {
    throw oddDownload(url, 'it is no JSON');
  }
}
