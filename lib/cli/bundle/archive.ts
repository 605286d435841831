/** Takes an archive of images apart while it is read: its names and its small JSON files, and never a layer. */
import { createHash, type Hash } from 'node:crypto';
import { Parser, type ReadEntry } from 'tar';
import { archiveContent, type ArchiveContent } from '../../bundle/archive.js';
import { messageOf } from '../../base/errors.js';

/** Manifests and configurations of images are some KiB long. */
const MAX_TEXT = 1_048_576;
/** An archive of hundreds of images has some MiB of them. */
const MAX_TEXTS = 67_108_864;

export class ArchiveReader {
  readonly #parser: Parser;
  readonly #names = new Set<string>();
  readonly #texts = new Map<string, string>();
  readonly #faults: string[] = [];
  #textBytes = 0;
  #ended = false;

  /** With `blobs` every blob is held against the digest that it is named by. */
  constructor({ blobs }: { readonly blobs: boolean }) {
    this.#parser = new Parser({
      strict: true,
      onReadEntry: (entry) => {
        this.#take(entry, blobs);
      },
    });
    this.#parser.on('error', (error: unknown) => {
      this.#faults.push(`it is no sound tar archive: ${messageOf(error)}`);
    });
    this.#parser.on('end', () => {
      this.#ended = true;
    });
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#faults.length > 0) return;
    if (!this.#parser.write(chunk as Buffer)) await this.#until('drain');
  }

  async end(): Promise<ArchiveContent> {
    if (this.#faults.length === 0) {
      this.#parser.end();
      if (!this.#ended) await this.#until('end');
    }
    // A cut archive may end between two entries, where nothing but its list tells that something is missing.
    const content = archiveContent({ names: this.#names, texts: this.#texts });
    return this.#faults.length === 0 ? content : { images: [], faults: this.#faults, unnamed: [] };
  }

  #until(event: 'drain' | 'end'): Promise<void> {
    return new Promise((resolve) => {
      this.#parser.once(event, () => {
        resolve();
      });
      this.#parser.once('error', () => {
        resolve();
      });
    });
  }

  #take(entry: ReadEntry, blobs: boolean): void {
    const name = entry.path.replace(/^\.\//, '').replace(/\/$/, '');
    this.#names.add(name);
    const [, digest = null] = blobs ? (/^blobs\/sha256\/([0-9a-f]{64})$/.exec(name) ?? []) : [];
    const hash = digest === null ? null : createHash('sha256');
    const collected: Uint8Array[] | null = this.#mayKeep(entry) ? [] : null;
    entry.on('data', (chunk) => {
      hash?.update(chunk);
      collected?.push(chunk);
    });
    entry.on('end', () => {
      this.#checkBlob(name, digest, hash);
      if (collected !== null) this.#keep(name, collected);
    });
  }

  #mayKeep({ size, type }: ReadEntry): boolean {
    return (type === 'File' || type === 'OldFile') && size <= MAX_TEXT && this.#textBytes + size <= MAX_TEXTS;
  }

  #keep(name: string, chunks: readonly Uint8Array[]): void {
    const text = new TextDecoder().decode(joined(chunks));
    if (!/^\s*[[{]/.test(text)) return;
    this.#textBytes += text.length;
    this.#texts.set(name, text);
  }

  #checkBlob(name: string, digest: string | null, hash: Hash | null): void {
    if (hash !== null && hash.digest('hex') !== digest) this.#faults.push(`${name} in it is damaged`);
  }
}

export function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
