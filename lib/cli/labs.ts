/**
 * Labs on disk: `.homelab/<lab>/` beside the configuration, with `lab.json` (what the lab is), `journal/`,
 * `world.jsonl` and `still/` (simulated labs), `kubeconfig` and `lock/`. Nothing is ever written outside of it.
 */
import { join } from 'node:path';
import { canonicalJson, sha256Hex } from '../base/digest.js';
import { UserError } from '../base/errors.js';
import type { Overrides } from '../config/flags.js';
import { acquireLock, type Lock } from '../engine/lock-file.js';
import type { LabSpec } from '../model/lab.js';
import type { LabFolder } from '../sagas/ports.js';
import { fileExists, namesIn, readText, readBytes, removeFile, removeFolder, writeWhole } from './files.js';
import type { Io } from './io.js';

export const STATE_FOLDER = '.homelab';
/** In a lab's folder: who works on it. */
export const LOCK = 'lock';

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

/** The log of a simulated lab. */
export function worldPath(lab: Lab): string {
  return join(lab.folder, 'world.jsonl');
}

/** Throws a `UserError` for a lab of real machines. */
export function checkSimulated(lab: Lab, command: string): void {
  if (lab.record.spec.provider === 'sim') return;
  throw new UserError({
    code: 'simulator-only',
    message: `${command} is for simulated labs, and lab ${lab.name} has real machines`,
    remedy: 'Rehearse on a simulated lab: homelab up --provider sim --lab NAME',
  });
}

/** Where `sim replay` of one process keeps its copy until it ends; goes with the lab in any case. */
export function replayFolder(lab: Lab, pid: number): string {
  return join(lab.folder, `replay-${pid}`);
}

export function labNames(base: string): readonly string[] {
  const folder = join(base, STATE_FOLDER);
  return namesIn(folder).filter((name) => fileExists(join(folder, name, 'lab.json')));
}

export function findLab(base: string, name: string): Lab | null {
  const folder = join(base, STATE_FOLDER, name);
  const path = join(folder, 'lab.json');
  if (!fileExists(path)) return null;
  return { name, folder, record: parseRecord(readText(path), path) };
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
  return createLabIn(base, record.spec.name, record);
}

/** Under a name that need not be the one its machines are named after: a copy has another one. */
export function createLabIn(base: string, name: string, record: LabRecord): Lab {
  const folder = labFolderOf(base, name);
  writeWhole(join(folder, 'lab.json'), `${JSON.stringify(record, null, 2)}\n`, 0o600);
  return { name, folder, record };
}

/** The folder that `.homelab` is in: what paths in the lab's configuration are relative to. */
export function baseOf({ folder }: Lab): string {
  return join(folder, '../..');
}

export function labFolderOf(base: string, name: string): string {
  return join(base, STATE_FOLDER, name);
}

/** Removes all that is known of a lab; the state folder too when it was the last one. */
export function forgetLab(base: string, lab: Lab): void {
  removeFolder(lab.folder);
  const folder = join(base, STATE_FOLDER);
  if (namesIn(folder).length === 0) removeFolder(folder);
}

/** The lab's cluster is of this version from now on: what `status`, `up` and the next upgrade go by. */
export function recordVersion(lab: Lab, version: string): void {
  const record = { ...lab.record, spec: atVersion(lab.record.spec, version) };
  writeWhole(join(lab.folder, 'lab.json'), `${JSON.stringify(record, null, 2)}\n`, 0o600);
}

/** The same lab with another version of Kubernetes. */
export function atVersion(spec: LabSpec, version: string): LabSpec {
  return { ...spec, kubernetes: { ...spec.kubernetes, version } };
}

export function lockLab(io: Io, lab: Pick<Lab, 'name' | 'folder'>): Lock {
  return acquireLock({
    folder: join(lab.folder, LOCK),
    lab: lab.name,
    pid: io.pid,
    isAlive: (pid) => io.isAlive(pid),
  });
}

export function labFolder(lab: Lab): LabFolder {
  return {
    write: (name, content, mode) => {
      writeWhole(join(lab.folder, name), content, mode);
    },
    remove: (name) => {
      removeFile(join(lab.folder, name));
    },
    read: (name) => (fileExists(join(lab.folder, name)) ? readText(join(lab.folder, name)) : null),
    readBytes: (name) => (fileExists(join(lab.folder, name)) ? readBytes(join(lab.folder, name)) : null),
    list: (folder) => namesIn(join(lab.folder, folder)),
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
