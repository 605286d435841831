/**
 * Paths and texts that the file programs share. A command on a machine of the lab starts in /root; the
 * workstation's working directory is the root of its small disk.
 */
import { normalize, type DiskError } from '../disk.js';
import type { Invocation } from '../process.js';

/** The absolute path for an operand. */
export function absolute(call: Invocation, path: string): string {
  const directory = call.machine === call.world.host ? '' : '/root';
  return normalize(path.startsWith('/') ? path : `${directory}/${path}`);
}

export function baseName(path: string): string {
  const at = normalize(path);
  return at.slice(at.lastIndexOf('/') + 1);
}

/** A name in a message: in quotes when a shell would read something into it. */
export function quoted(name: string): string {
  return /^[\w@%+=:,./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}

/** The text of the errno behind a failed file operation. */
export function errnoText(error: DiskError): string {
  switch (error) {
    case 'no-entry':
      return 'No such file or directory';
    case 'exists':
      return 'File exists';
    case 'is-directory':
      return 'Is a directory';
    case 'not-directory':
      return 'Not a directory';
    case 'no-space':
      return 'No space left on device';
    case 'not-empty':
      return 'Directory not empty';
  }
}

/** Does this operand end as a folder that a file is put into? Then the target inside it. */
export function targetIn(call: Invocation, target: string, source: string): string {
  return call.machine.disk.isDirectory(absolute(call, target))
    ? `${absolute(call, target)}/${baseName(source)}`
    : absolute(call, target);
}

/** An octal mode such as `0600`; null when it is none. */
export function parseMode(text: string): number | null {
  return /^[0-7]{1,4}$/.test(text) ? parseInt(text, 8) : null;
}

/** `-rw-r--r--`, as ls and stat print a mode. */
export function modeText(mode: number, directory: boolean): string {
  const bits = [6, 3, 0].map((shift) => {
    const three = (mode >> shift) & 7;
    return `${three & 4 ? 'r' : '-'}${three & 2 ? 'w' : '-'}${three & 1 ? 'x' : '-'}`;
  });
  return (directory ? 'd' : '-') + bits.join('');
}
