/** Looks into a bundle's folder: reads every file once, for its digest and for what it is. Changes nothing. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { messageOf } from '../../base/errors.js';
import { ELF_HEAD, programArchitecture } from '../../bundle/elf.js';
import type { FileFacts, FolderFacts } from '../../bundle/facts.js';
import { manifestImages, type ManifestImages } from '../../bundle/manifest.js';
import { BUNDLE_FILE, placeOf } from '../../model/bundle.js';
import { chunksOf, entriesBelow, readText } from '../files.js';
import { ArchiveReader } from './archive.js';
import { stopWhenAborted } from './digest.js';

/** Where `bundle create` keeps what it has not finished. */
export const WORK_FOLDER = '.create';

export interface LookOptions {
  readonly signal: AbortSignal;
  /** Also holds what is inside of archives against its digests: for files that no list vouches for. */
  readonly deep: boolean;
  readonly onFile?: (path: string) => void;
}

export async function lookInto(folder: string, options: LookOptions): Promise<FolderFacts> {
  const entries = entriesBelow(folder).filter(
    ({ path }) => path !== BUNDLE_FILE && !path.startsWith(`${WORK_FOLDER}/`),
  );
  const files: FileFacts[] = [];
  // One after the other: the disk is the limit, and hashing has a processor of its own already.
  for (const { path } of entries.filter(({ kind }) => kind === 'file')) {
    stopWhenAborted(options.signal);
    options.onFile?.(path);
    files.push(await lookAt(folder, path, options.deep));
  }
  return { files, strange: entries.filter(({ kind }) => kind === 'other').map(({ path }) => path) };
}

/** One file of a bundle. */
export async function lookAt(folder: string, path: string, deep: boolean): Promise<FileFacts> {
  const hash = createHash('sha256');
  const kind = placeOf(path)?.kind;
  const archive = kind === 'image' ? new ArchiveReader({ blobs: deep }) : null;
  let size = 0;
  let head: Uint8Array = new Uint8Array();
  for await (const chunk of chunksOf(join(folder, path))) {
    hash.update(chunk);
    if (size === 0) head = chunk.slice(0, ELF_HEAD);
    size += chunk.length;
    await archive?.write(chunk);
  }
  const program = kind === 'kubernetes' || kind === 'bin' || kind === 'cni';
  return {
    ...{ path, size, sha256: hash.digest('hex') },
    architecture: program ? programArchitecture(head) : null,
    archive: archive === null ? null : await archive.end(),
    manifest: kind === 'manifest' ? manifestOf(join(folder, path)) : null,
  };
}

function manifestOf(path: string): ManifestImages | string {
  const text = readText(path);
  try {
    return manifestImages(text);
  } catch (error) {
    return messageOf(error);
  }
}
