/** What a look into a bundle's folder finds, as plain data. The command line gathers it. */
import type { Architecture, BundleFile } from '../model/bundle.js';
import type { ArchiveContent } from './archive.js';
import type { ManifestImages } from './manifest.js';

export interface FileFacts extends BundleFile {
  /** Of a program; null for everything else. */
  readonly architecture: Architecture | 'other' | null;
  /** Of an archive of images; null for everything else. */
  readonly archive: ArchiveContent | null;
  /** Of a manifest; a text when it cannot be read, null for everything else. */
  readonly manifest: ManifestImages | string | null;
}

export interface FolderFacts {
  /** Every file but `bundle.yaml` and what an unfinished download left, by path. */
  readonly files: readonly FileFacts[];
  /** Paths of what is neither a file nor a folder: links and the like are not followed. */
  readonly strange: readonly string[];
}
