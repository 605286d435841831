/**
 * Which images an archive brings, told from the JSON files in it, because file names are free. Reads archives of
 * `docker save` and OCI layouts by containerd's rules: with `oci-layout` in it `index.json` counts, else
 * `manifest.json`. Leaves out taking the archive apart.
 */
import { parseImage, printImage } from '../model/image-reference.js';

export interface ArchiveImage {
  /** As containerd will call it: `registry.k8s.io/pause:3.10`. */
  readonly name: string;
  /** Such as `amd64`; empty when the archive does not say. */
  readonly architectures: readonly string[];
}

export interface ArchiveContent {
  readonly images: readonly ArchiveImage[];
  /** What is wrong with it, as clauses; empty when nothing is. */
  readonly faults: readonly string[];
  /** Images in it that nothing can ask for, because they have no full name. */
  readonly unnamed: readonly string[];
}

/** What was found in a tar file. */
export interface ArchiveParts {
  /** Every name in it, without a leading `./`. */
  readonly names: ReadonlySet<string>;
  /** The content of its small JSON files. */
  readonly texts: ReadonlyMap<string, string>;
}

interface Descriptor {
  readonly mediaType?: string;
  readonly digest?: string;
  readonly platform?: { readonly architecture?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly manifests?: readonly Descriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

interface SavedImage {
  readonly Config?: string;
  readonly RepoTags?: readonly string[] | null;
  readonly Layers?: readonly string[];
}

export function archiveContent(parts: ArchiveParts): ArchiveContent {
  const faults: string[] = [];
  const unnamed: string[] = [];
  try {
    const read = parts.names.has('oci-layout') ? fromLayout : fromSave;
    const images = read(parts, faults, unnamed);
    if (images.length + faults.length + unnamed.length === 0) faults.push('it names no image');
    return { images, faults, unnamed };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { images: [], faults: [...faults, `a file in it is no JSON: ${error.message}`], unnamed };
  }
}

function fromLayout(parts: ArchiveParts, faults: string[], unnamed: string[]): readonly ArchiveImage[] {
  const index = jsonOf(parts, 'index.json', faults) as Manifest | null;
  return (index?.manifests ?? []).filter(isRunnable).flatMap((descriptor) => {
    const { annotations = {} } = descriptor;
    const short = annotations['org.opencontainers.image.ref.name'] ?? '';
    // containerd takes a bare tag for no name, and would call the image after the day of the import.
    const full = annotations['io.containerd.image.name'] ?? (/[/:@]/.test(short) ? short : '');
    const architectures = architecturesOf(parts, descriptor, faults);
    return named([full], architectures, unnamed, short === '' ? '(none)' : short);
  });
}

function fromSave(parts: ArchiveParts, faults: string[], unnamed: string[]): readonly ArchiveImage[] {
  const saved = (jsonOf(parts, 'manifest.json', faults) as readonly SavedImage[] | null) ?? [];
  return saved.flatMap(({ Config = '', RepoTags, Layers = [] }) => {
    for (const name of [Config, ...Layers]) {
      if (!parts.names.has(name)) faults.push(`it lacks ${name}`);
    }
    return named(RepoTags ?? [], configArchitecture(parts, Config), unnamed, '(none)');
  });
}

function named(
  names: readonly string[],
  architectures: readonly string[],
  unnamed: string[],
  shown: string,
): readonly ArchiveImage[] {
  const read = names.flatMap((name) => {
    const parsed = parseImage(name);
    return parsed === null ? [] : [{ name: printImage(parsed), architectures }];
  });
  if (read.length === 0) unnamed.push(shown);
  return read;
}

/** Follows an index to its manifests; what is not in the archive is another platform's. */
function architecturesOf(parts: ArchiveParts, descriptor: Descriptor, faults: string[]): readonly string[] {
  const path = blobPath(descriptor);
  if (!parts.names.has(path)) {
    faults.push(`it lacks ${path}`);
    return [];
  }
  const manifest = jsonOf(parts, path, faults) as Manifest | null;
  if (manifest === null) return [];
  if (manifest.manifests !== undefined) {
    const there = manifest.manifests.filter((one) => isRunnable(one) && parts.names.has(blobPath(one)));
    return [...new Set(there.flatMap((one) => architecturesOf(parts, one, faults)))];
  }
  const blobs = [manifest.config, ...(manifest.layers ?? [])].map((one) => blobPath(one ?? {}));
  for (const blob of blobs) if (!parts.names.has(blob)) faults.push(`it lacks ${blob}`);
  const told = configArchitecture(parts, blobs[0] ?? '');
  const { architecture } = descriptor.platform ?? {};
  return told.length === 0 && architecture !== undefined ? [architecture] : told;
}

/** BuildKit puts attestations beside images, for a platform that does not exist. */
function isRunnable({ platform, annotations }: Descriptor): boolean {
  return (
    platform?.architecture !== 'unknown' &&
    annotations?.['vnd.docker.reference.type'] !== 'attestation-manifest'
  );
}

function configArchitecture(parts: ArchiveParts, path: string): readonly string[] {
  const text = parts.texts.get(path);
  if (text === undefined) return [];
  const { architecture } = JSON.parse(text) as { readonly architecture?: string };
  return architecture === undefined || architecture === '' ? [] : [architecture];
}

function blobPath({ digest = '' }: Descriptor): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function jsonOf({ texts }: ArchiveParts, path: string, faults: string[]): unknown {
  const text = texts.get(path);
  if (text !== undefined) return JSON.parse(text);
  faults.push(`it has no readable ${path}`);
  return null;
}
