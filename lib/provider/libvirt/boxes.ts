/**
 * Vagrant's boxes that are node images, and the base volumes that vagrant-libvirt uploads them to. Boxes that
 * homelab did not build are never looked at.
 */
import { UserError } from '../../base/errors.js';
import { NODE_IMAGE_PREFIX } from '../../generate/packer.js';
import type { HostProgram, RunHostProgram } from './host-program.js';
import { parseVagrantLine } from './machine-readable.js';
import { mustRun, programFailed } from './must-run.js';
import type { Virsh } from './virsh.js';

const SHORT_MS = 120_000;
/** Unpacks some gigabytes. */
const ADD_MS = 1_200_000;

export class Boxes {
  readonly #run: RunHostProgram;
  readonly #virsh: Virsh;

  constructor(run: RunHostProgram, virsh: Virsh) {
    this.#run = run;
    this.#virsh = virsh;
  }

  /** Names of the node images on this computer. */
  async list(): Promise<readonly string[]> {
    return parseBoxList(await mustRun(this.#run, vagrant(['box', 'list', '--machine-readable'])))
      .filter(({ name, provider }) => provider === 'libvirt' && name.startsWith(NODE_IMAGE_PREFIX))
      .map(({ name }) => name);
  }

  async has(name: string): Promise<boolean> {
    return (await this.list()).includes(name);
  }

  /** `archive` is the box as one file. Another homelab may have added the same one meanwhile. */
  async add(name: string, archive: string, signal?: AbortSignal): Promise<void> {
    const program = vagrant(['box', 'add', '--name', name, '--provider', 'libvirt', archive], ADD_MS);
    const end = await this.#run({ ...program, ...(signal === undefined ? {} : { signal }) });
    if (end.kind === 'exited' && end.code === 0) return;
    if (end.kind === 'exited' && (await this.has(name))) return;
    throw programFailed(program, end);
  }

  /** With its base volume. Refused while the disk of a machine is built upon it. Idempotent. */
  async remove(name: string): Promise<void> {
    if (!name.startsWith(NODE_IMAGE_PREFIX)) throw notOurs(name);
    const volumes = await this.#virsh.volumes();
    const own = volumes.filter((volume) => volume.startsWith(volumePrefix(name)));
    const users = own.length === 0 ? [] : await this.#layersUpon(own, volumes);
    if (users.length > 0) throw inUse(name, users);
    if (await this.has(name)) {
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

export interface Box {
  readonly name: string;
  readonly provider: string;
}

/** A box's name comes before its provider, each on a line of its own. */
export function parseBoxList(text: string): readonly Box[] {
  const boxes: Box[] = [];
  let name = '';
  for (const line of text.split('\n')) {
    const parsed = parseVagrantLine(line);
    if (parsed?.type === 'box-name') name = parsed.data[0] ?? '';
    if (parsed?.type === 'box-provider') boxes.push({ name, provider: parsed.data[0] ?? '' });
  }
  return boxes;
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
