/**
 * Labs on disk: `.homelab/<lab>/` beside the configuration, with `lab.json` (what the lab is), `journal/`,
 * `world.jsonl` (simulated labs), `kubeconfig` and `lock/`. Nothing is ever written outside of it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson, sha256Hex } from '../base/digest.js';
import { UserError } from '../base/errors.js';
import type { Overrides } from '../config/flags.js';
import { acquireLock, type Lock } from '../engine/lock-file.js';
import type { LabSpec } from '../model/lab.js';
import type { LabFolder } from '../sagas/ports.js';
import type { Io } from './io.js';

export const STATE_FOLDER = '.homelab';

/** `lab.json`. */
export interface LabRecord {
  readonly version: 1;
  readonly seed: number;
  /** The configuration file it was made from, relative to the state folder's parent; null for flags alone. */
  readonly config: string | null;
  /** The flags that overrode it. */
  readonly flags: Overrides;
  readonly spec: LabSpec;
}

export interface Lab {
  readonly name: string;
  /** Absolute path of its folder. */
  readonly folder: string;
  readonly record: LabRecord;
}

export function journalFolder(lab: Lab): string {
  return join(lab.folder, 'journal');
}

export function labNames(base: string): readonly string[] {
  const folder = join(base, STATE_FOLDER);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'lab.json')))
    .sort();
}

export function findLab(base: string, name: string): Lab | null {
  const folder = join(base, STATE_FOLDER, name);
  const path = join(folder, 'lab.json');
  if (!existsSync(path)) return null;
  return { name, folder, record: parseRecord(readFileSync(path, 'utf8'), path) };
}

/** The lab that a command is about: the named one, or the only one. */
export function mustFindLab(base: string, wanted: string | undefined): Lab {
  const names = labNames(base);
  const name = wanted ?? (names.length === 1 ? names[0] : undefined);
  const lab = name === undefined ? null : findLab(base, name);
  if (lab !== null) return lab;
  if (wanted === undefined && names.length > 1) {
    throw new UserError({
      code: 'which-lab',
      message: `there are several labs here: ${names.join(', ')}`,
      remedy: `Say which one, such as: --lab ${names[0] ?? ''}`,
    });
  }
  throw new UserError({
    code: 'no-lab',
    message: wanted === undefined ? 'there is no lab here' : `there is no lab ${wanted} here`,
    remedy:
      names.length === 0 ? 'Make one with: homelab up --topology k8s-ha' : `There is: ${names.join(', ')}`,
  });
}

export function createLab(base: string, record: LabRecord): Lab {
  const folder = join(base, STATE_FOLDER, record.spec.name);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'lab.json');
  // Written beside and renamed, so that a lab is there whole or not at all.
  writeFileSync(`${path}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return { name: record.spec.name, folder, record };
}

/** Removes all that is known of a lab; the state folder too when it was the last one. */
export function forgetLab(base: string, lab: Lab): void {
  rmSync(lab.folder, { recursive: true, force: true });
  const folder = join(base, STATE_FOLDER);
  if (existsSync(folder) && readdirSync(folder).length === 0)
    rmSync(folder, { recursive: true, force: true });
}

export function lockLab(io: Io, lab: Lab): Lock {
  return acquireLock({
    folder: join(lab.folder, 'lock'),
    lab: lab.name,
    pid: io.pid,
    isAlive: (pid) => io.isAlive(pid),
  });
}

export function labFolder(lab: Lab): LabFolder {
  return {
    write: (name, content, mode) => {
      const path = join(lab.folder, name);
      writeFileSync(`${path}.new`, content, { mode, flush: true });
      renameSync(`${path}.new`, path);
    },
    remove: (name) => {
      rmSync(join(lab.folder, name), { force: true });
    },
    read: (name) => {
      const path = join(lab.folder, name);
      return existsSync(path) ? readFileSync(path, 'utf8') : null;
    },
  };
}

export function specDigest(spec: LabSpec): string {
  return sha256Hex(canonicalJson(spec));
}

function parseRecord(text: string, path: string): LabRecord {
  try {
    const record = JSON.parse(text) as LabRecord;
    if ((record.version as number) === 1) return record;
  } catch {
    // Falls through to the message below: what is not JSON is as unreadable as what is of another version.
  }
  throw new UserError({
    code: 'lab-unreadable',
    message: `${path} is damaged or was written by another version of homelab`,
    remedy: 'Use the homelab that wrote it, or remove the folder by hand when the lab has no real machines.',
  });
}
