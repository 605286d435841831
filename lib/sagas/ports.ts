/** What a saga is given beside the lab: where results are kept, and what an offline bundle brings. */
import type { BundleFile } from '../model/bundle.js';

/** The lab's folder beside the configuration. Writes are durable when they return. */
export interface LabFolder {
  /** Makes the folders in the name. */
  write(name: string, content: string | Uint8Array, mode: number): void;
  remove(name: string): void;
  /** Null when there is no such file. */
  read(name: string): string | null;
  readBytes(name: string): Uint8Array | null;
  /** Names in one of its folders, sorted; empty when there is no such folder. */
  list(folder: string): readonly string[];
}

/** The lab's bundle. Only files that it lists are there. */
export interface BundlePort {
  /** All of them, by path. */
  files(): readonly BundleFile[];
  /** The content of a file, checked against its digest as it is read; null when the bundle does not list it. */
  read(path: string): Uint8Array | null;
}

export interface SagaPorts {
  readonly folder: LabFolder;
  /** Null when the lab takes everything from the network. */
  readonly bundle: BundlePort | null;
  /** Notes in the lab's own record that its cluster is of this version now. Durable when it returns. */
  readonly recordVersion: (version: string) => void;
}

/** A manifest from the bundle's `common/manifests`; null when there is no bundle, or no such file in it. */
export function bundleManifest({ bundle }: SagaPorts, name: string): string | null {
  const bytes = bundle?.read(`common/manifests/${name}`) ?? null;
  return bytes === null ? null : new TextDecoder().decode(bytes);
}
