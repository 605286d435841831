/**
 * What stands on a simulated disk in the place of an archive of container images: the full names of what is in it.
 * Layers and manifests are left out.
 */
const OPENING = 'archive of container images';

export function printArchive(images: readonly string[]): string {
  return `${[OPENING, ...images].join('\n')}\n`;
}

/** Null for a file that is no such archive. */
export function parseArchive(text: string): readonly string[] | null {
  const [opening, ...images] = text.split('\n');
  return opening === OPENING ? images.filter((name) => name !== '') : null;
}
