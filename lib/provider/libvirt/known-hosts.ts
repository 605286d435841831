/**
 * Host keys of a lab's machines in OpenSSH's format, under the machines' names. A machine's key is pinned at
 * first contact and checked ever after; it is dropped when the machine is destroyed, for the next one has
 * another.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { UserError } from '../../base/errors.js';
import { shellLine } from '../../base/shell-line.js';
import { writePrivate } from './private-file.js';

interface Line {
  readonly names: readonly string[];
  readonly type: string;
  readonly key: string;
}

export class KnownHosts {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Pins the key of a machine that has none. Throws a `UserError` when it has another. */
  check(machine: string, key: Uint8Array): void {
    const pinned = this.#of(machine);
    const encoded = Buffer.from(key).toString('base64');
    if (pinned.some((line) => line.key === encoded)) return;
    if (pinned.length > 0) throw this.#changed(machine, fingerprint(key));
    // One short write in append mode is whole, so that two programs that meet two machines at once lose
    // neither.
    appendFileSync(this.#path, `${machine} ${keyType(key)} ${encoded}\n`, { mode: 0o600 });
  }

  /** The types of the keys that a machine is known by, such as `ssh-ed25519`. */
  types(machine: string): readonly string[] {
    return this.#of(machine).map(({ type }) => type);
  }

  forget(machines: readonly string[]): void {
    const text = this.#read();
    const kept = text
      .split('\n')
      .filter((line) => !parse(line)?.names.some((name) => machines.includes(name)));
    if (kept.join('\n') !== text) writePrivate(this.#path, kept.join('\n'));
  }

  #of(machine: string): readonly Line[] {
    const lines = this.#read().split('\n').map(parse);
    return lines.filter((line) => line !== null).filter(({ names }) => names.includes(machine));
  }

  #read(): string {
    return existsSync(this.#path) ? readFileSync(this.#path, 'utf8') : '';
  }

  #changed(machine: string, found: string): UserError {
    return new UserError({
      code: 'host-key-changed',
      message: `the host key of ${machine} changed: what answers at its address shows ${found}`,
      remedy:
        'Another machine has its address, or it was made anew without homelab. If you made it anew, type: ' +
        shellLine(['ssh-keygen', '-R', machine, '-f', this.#path]),
    });
  }
}

function parse(line: string): Line | null {
  const [names = '', type, key] = line.trim().split(/\s+/);
  return names.startsWith('#') || type === undefined || key === undefined
    ? null
    : { names: names.split(','), type, key };
}

/** A key on the wire begins with the length and the name of its type. */
function keyType(key: Uint8Array): string {
  const length = new DataView(key.buffer, key.byteOffset).getUint32(0);
  return new TextDecoder().decode(key.subarray(4, 4 + length));
}

/** As OpenSSH prints it. */
function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}
