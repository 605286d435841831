/**
 * What Vagrant keeps of a machine in `.vagrant/machines/<name>/libvirt`: the id of its domain, and, when it has
 * come to the end of its first `vagrant up`, the mark that it need not be provisioned again.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabFiles } from './lab-files.js';

export interface MachineFolder {
  /** The domain's UUID, written as soon as the domain is defined. */
  readonly id: string | null;
  /** UUID of the domain whose whole set-up was done: names, network, keys. */
  readonly completeId: string | null;
}

export function readMachineFolder(files: LabFiles, machine: string): MachineFolder {
  const folder = folderOf(files, machine);
  const mark = readIfThere(join(folder, 'action_provision'));
  // Vagrant's own format: a version, a colon, the id.
  return { id: readIfThere(join(folder, 'id')), completeId: /^1\.5:(.+)$/.exec(mark ?? '')?.[1] ?? null };
}

/** For a machine that is there and whose folder was lost: Vagrant then knows it again. */
export function adoptMachine(files: LabFiles, machine: string, uuid: string): void {
  const folder = folderOf(files, machine);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'id'), uuid);
  writeFileSync(join(folder, 'action_provision'), `1.5:${uuid}`);
}

export function removeMachineFolder(files: LabFiles, machine: string): void {
  rmSync(join(files.vagrant, 'machines', machine), { recursive: true, force: true });
}

/** Private keys that Vagrant made for machines of the lab and that are still there. */
export function keyOf(files: LabFiles, machine: string): string | null {
  const path = join(folderOf(files, machine), 'private_key');
  return existsSync(path) ? path : null;
}

function folderOf(files: LabFiles, machine: string): string {
  return join(files.vagrant, 'machines', machine, 'libvirt');
}

function readIfThere(path: string): string | null {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}
