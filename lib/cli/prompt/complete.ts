/** What the Tab key offers at the prompt: programs that are installed on the machine, and paths on its disk. */
import { type Disk } from '../../sim/disk.js';

const PROGRAM_FOLDERS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin'];

/**
 * Candidates and the part of the line that they replace, as node:readline takes them. `start` is the folder that
 * programs start in, and so what a relative path is relative to.
 */
export function complete(
  disk: Disk,
  start: string,
  builtins: readonly string[],
  line: string,
): [string[], string] {
  const word = /[^\s|]*$/.exec(line)?.[0] ?? '';
  const before = line.slice(0, line.length - word.length).trimEnd();
  if (before.endsWith('|')) return [matching(['grep', 'head'], word).map(spaced), word];
  if (before === '' && !word.includes('/')) {
    const programs = PROGRAM_FOLDERS.flatMap((folder) => disk.list(folder));
    return [matching([...programs, ...builtins], word).map(spaced), word];
  }
  return [paths(disk, start, word), word];
}

function paths(disk: Disk, start: string, word: string): string[] {
  const cut = word.lastIndexOf('/') + 1;
  const folder = word.startsWith('/') ? word.slice(0, cut) : `${start}/${word.slice(0, cut)}`;
  return matching(disk.list(folder), word.slice(cut)).map((name) =>
    disk.isDirectory(`${folder}/${name}`)
      ? `${word.slice(0, cut)}${name}/`
      : spaced(`${word.slice(0, cut)}${name}`),
  );
}

function matching(names: readonly string[], prefix: string): string[] {
  return [...new Set(names)].filter((name) => name.startsWith(prefix)).sort();
}

/** The cursor moves on once a word is whole. */
function spaced(word: string): string {
  return `${word} `;
}
