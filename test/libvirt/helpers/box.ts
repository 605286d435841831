/**
 * The box of the test machines: built by test/libvirt/box/build.sh when its inputs have changed since the last time,
 * kept in the cache folder, and added to Vagrant under a name that carries the inputs' digest.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../helpers/package-root.js';
import { answerOf, mustRun, ran, virsh } from './programs.js';

export interface Box {
  /** As `vagrant box list` shows it. */
  readonly name: string;
  /** `box` for the program that the box brings, `plain` where libvirt cannot start that. */
  readonly emulator: 'box' | 'plain';
}

const PREFIX = 'homelab-test/debian-';

export function prepareBox(): Box {
  const folder = join(packageRoot(), 'test/libvirt/box');
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'homelab-test');
  mkdirSync(cache, { recursive: true });
  const key = join(cache, 'vagrant.pub');
  writeFileSync(key, `${vagrantKey()}\n`);
  const digest = digestOf([...filesOf(folder), key], folder);
  const name = `${PREFIX}${digest}`;
  const file = join(cache, `debian-${digest}.box`);
  if (!existsSync(file)) {
    process.stdout.write(`building the box ${name}\n`);
    mustRun(join(folder, 'build.sh'), [cache, file, key]);
  }
  if (!boxNames().includes(name)) {
    const args = ['box', 'add', '--force', '--provider', 'libvirt', '--name', name, file];
    answerOf('vagrant', args);
  }
  return { name, emulator: emulatorOf(name) };
}

/** The file system image inside of the box, which Packer can build on. */
export function boxImage(name: string): string {
  return join(boxFolder(name), 'box.img');
}

export function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function boxFolder(name: string): string {
  const home = process.env['VAGRANT_HOME'] ?? join(homedir(), '.vagrant.d');
  return join(home, 'boxes', name.replaceAll('/', '-VAGRANTSLASH-'), '0/libvirt');
}

/** The private key of every Vagrant installation; Vagrant puts it there when it first runs. */
export function vagrantKeyFile(): string {
  return join(process.env['VAGRANT_HOME'] ?? join(homedir(), '.vagrant.d'), 'insecure_private_key');
}

function vagrantKey(): string {
  boxNames();
  return answerOf('ssh-keygen', ['-y', '-f', vagrantKeyFile()]);
}

export function boxNames(): readonly string[] {
  const lines = answerOf('vagrant', ['box', 'list', '--machine-readable']).split('\n');
  return lines
    .map((line) => line.split(','))
    .flatMap(([, , kind, name = '']) => (kind === 'box-name' ? [name] : []));
}

/**
 * libvirt starts machines as the user that qemu.conf names, who may not be allowed where Vagrant keeps its boxes. It
 * asks every emulator what it can do as that same user, so that its answer tells.
 */
function emulatorOf(name: string): Box['emulator'] {
  const program = join(boxFolder(name), 'qemu-tcg');
  const asked = virsh('domcapabilities', '--emulatorbin', program, '--virttype', 'qemu');
  if (asked.code === 0) return 'box';
  process.stdout.write(`libvirt does not start ${program}: machines take up to 1 GiB more each\n`);
  return 'plain';
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .sort();
}

function digestOf(paths: readonly string[], folder: string): string {
  const hash = createHash('sha256').update(ran('dpkg', ['--print-architecture']).stdout);
  for (const path of paths) hash.update(`\0${path.replace(folder, '')}\0`).update(readFileSync(path));
  return hash.digest('hex').slice(0, 12);
}
