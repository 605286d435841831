/**
 * Vagrant's boxes that are node images, and the base volumes that vagrant-libvirt uploads them to. Boxes that
 * homelab did not build are never looked at.
 */
import { UserError } from '../../base/errors.js';
import { NODE_IMAGE_PREFIX } from '../../generate/packer.js';
import type { HostProgram, RunHostProgram } from './host-program.js';
import { mustRun, programFailed } from './must-run.js';
import { libvirtBoxes, type Env } from './vagrant-boxes.js';
import type { Virsh } from './virsh.js';

const SHORT_MS = 120_000;
/** Unpacks some gigabytes. */
const ADD_MS = 1_200_000;

export interface BoxesOptions {
  readonly run: RunHostProgram;
  readonly virsh: Virsh;
  /** Vagrant's folder is where this says it is. */
  readonly env: Env;
}

export class Boxes {
  readonly #run: RunHostProgram;
  readonly #virsh: Virsh;
  readonly #env: Env;

  constructor({ run, virsh, env }: BoxesOptions) {
    this.#run = run;
    this.#virsh = virsh;
    this.#env = env;
  }

  /** Names of the node images on this computer. */
  list(): readonly string[] {
    const names = libvirtBoxes(this.#env).map(({ name }) => name);
    return [...new Set(names)].filter((name) => name.startsWith(NODE_IMAGE_PREFIX)).sort();
  }

  has(name: string): boolean {
    return libvirtBoxes(this.#env, name).length > 0;
  }

  /** `archive` is the box as one file. Another homelab may have added the same one meanwhile. */
  async add(name: string, archive: string, signal?: AbortSignal): Promise<void> {
    const program = vagrant(['box', 'add', '--name', name, '--provider', 'libvirt', archive], ADD_MS);
    const end = await this.#run({ ...program, ...(signal === undefined ? {} : { signal }) });
    if (end.kind === 'exited' && end.code === 0) return;
    if (end.kind === 'exited' && this.has(name)) return;
    throw programFailed(program, end);
  }

  /** With its base volume. Refused while the disk of a machine is built upon it. Idempotent. */
  async remove(name: string): Promise<void> {
    if (!name.startsWith(NODE_IMAGE_PREFIX)) throw notOurs(name);
    const volumes = await this.#virsh.volumes();
    const own = volumes.filter((volume) => volume.startsWith(volumePrefix(name)));
    const users = own.length === 0 ? [] : await this.#layersUpon(own, volumes);
    if (users.length > 0) throw inUse(name, users);
    if (this.has(name)) {
      await mustRun(this.#run, vagrant(['box', 'remove', name, '--provider', 'libvirt', '--all', '--force']));
    }
    for (const volume of own) await this.#virsh.deleteVolume(volume);
  }

  async #layersUpon(bases: readonly string[], volumes: readonly string[]): Promise<readonly string[]> {
    const users: string[] = [];
    for (const volume of volumes.filter((one) => !bases.includes(one))) {
      const file = await this.#virsh.backingFile(volume);
      if (file !== null && bases.includes(file)) users.push(volume);
    }
    return users;
  }
}

/** How vagrant-libvirt begins the name of a box's volume. */
function volumePrefix(name: string): string {
  return `${name.replaceAll('/', '-VAGRANTSLASH-')}_vagrant_box_image_`;
}

/** Away from every Vagrantfile, because a broken one would stop Vagrant here too. */
function vagrant(args: readonly string[], timeoutMs = SHORT_MS): HostProgram {
  const env = { VAGRANT_CWD: '/', VAGRANT_CHECKPOINT_DISABLE: '1' };
  return { argv: ['vagrant', ...args], env, timeoutMs };
}

function inUse(name: string, users: readonly string[]): UserError {
  return new UserError({
    code: 'image-in-use',
    message: `disks of machines are built upon ${name}: ${users.join(', ')}`,
    remedy: 'Destroy their labs first with `homelab destroy`.',
  });
}

function notOurs(name: string): UserError {
  return new UserError({
    code: 'no-image',
    message: `${name} is no image that homelab built`,
    remedy: 'Those that are there: homelab image list',
  });
}
