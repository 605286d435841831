/**
 * Vagrant's boxes for libvirt, read from Vagrant's own folder as `vagrant box list` reads it: Vagrant itself takes a
 * second or more to start, and every `up` would wait for it.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;

/** One version of a box. */
export interface LibvirtBox {
  readonly name: string;
  /** `0` of a box that was added from a file. */
  readonly version: string;
  /** The folder with its metadata.json and its disks. */
  readonly folder: string;
}

/** All versions of all boxes; with `name`, of that box. A computer without Vagrant has none. */
export function libvirtBoxes(env: Env, name?: string): readonly LibvirtBox[] {
  const home = join(vagrantHome(env), 'boxes');
  const folders = name === undefined ? foldersIn(home) : [folderName(name)];
  return folders.flatMap((box) =>
    foldersIn(join(home, box)).flatMap((version) =>
      // Since Vagrant 2.4 a folder for the architecture lies in between.
      [version, ...foldersIn(join(home, box, version)).map((architecture) => join(version, architecture))]
        .map((place) => join(home, box, place, 'libvirt'))
        .filter((folder) => existsSync(join(folder, 'metadata.json')))
        .map((folder) => ({ name: boxName(box), version, folder })),
    ),
  );
}

/** The folder in which Vagrant keeps what belongs to no project. */
export function vagrantHome(env: Env): string {
  return env['VAGRANT_HOME'] ?? join(env['HOME'] ?? '/', '.vagrant.d');
}

function folderName(box: string): string {
  return box.replaceAll('/', '-VAGRANTSLASH-').replaceAll(':', '-VAGRANTCOLON-');
}

function boxName(folder: string): string {
  return folder.replaceAll('-VAGRANTSLASH-', '/').replaceAll('-VAGRANTCOLON-', ':');
}

function foldersIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
}
