/**
 * The box's image in libvirt's storage pool, which vagrant-libvirt uploads once and every machine of every lab is
 * a copy-on-write layer of. A `vagrant up` that was killed in the middle of it leaves the first part under the
 * final name, and the next one would take that for the image.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.js';
import { UserError } from '../../base/errors.js';
import type { LabStateFile } from './lab-state.js';
import { libvirtBoxes, type Env } from './vagrant-boxes.js';
import { POOL, type Virsh } from './virsh.js';

export interface BoxImage {
  /** The volume's name, as vagrant-libvirt makes it up. */
  readonly volume: string;
  /** Size of the image's file; of the whole volume when it was uploaded to its end. */
  readonly bytes: number;
}

/** Images of all versions of a box that Vagrant has; none when it has no such box. */
export function boxImages(env: Env, box: string): readonly BoxImage[] {
  return libvirtBoxes(env, box).flatMap(({ folder, version }) => imagesIn(folder, box, version));
}

function imagesIn(folder: string, box: string, version: string): readonly BoxImage[] {
  const metadata = JSON.parse(readFileSync(join(folder, 'metadata.json'), 'utf8')) as BoxMetadata;
  const disks = metadata.disks ?? [{ path: 'box.img', name: 'box' }];
  return disks.flatMap(({ path, name }) => {
    const file = statSync(join(folder, path), { throwIfNoEntry: false });
    if (file === undefined) return [];
    const mark = version === '0' ? `0_${Math.floor(file.mtimeMs / 1000)}` : version;
    const disk = (name ?? path.replace(/\.[^.]*$/, '')).replaceAll('/', '-SLASH-');
    const volume = `${box.replaceAll('/', '-VAGRANTSLASH-')}_vagrant_box_image_${mark}_${disk}.img`;
    return [{ volume, bytes: file.size }];
  });
}

interface BoxMetadata {
  readonly disks?: readonly { readonly path: string; readonly name?: string }[];
}

const POLL_MS = 2_000;
/** An upload that goes on adds to the volume all the time. */
const STALLED_POLLS = 5;

/**
 * Removes what this lab's own interrupted upload left, waits for the upload of another lab, and throws a
 * `UserError` for half an image that nobody uploads any more and this lab did not begin.
 */
export async function mendBaseVolumes(
  virsh: Virsh,
  state: LabStateFile,
  clock: Clock,
  images: readonly BoxImage[],
  signal?: AbortSignal,
): Promise<void> {
  for (const { volume, bytes } of images) {
    let last = -1;
    for (let same = 0; (await virsh.volumes()).includes(volume);) {
      const there = await virsh.volumeBytes(volume);
      if (there >= bytes) break;
      if (state.now.uploading) {
        await virsh.deleteVolume(volume);
        break;
      }
      same = there === last ? same + 1 : 0;
      if (same >= STALLED_POLLS) throw halfAnImage(volume);
      last = there;
      await clock.sleep(POLL_MS, signal);
    }
  }
  state.update({ uploading: false });
}

function halfAnImage(volume: string): UserError {
  return new UserError({
    code: 'half-an-image',
    message: `the volume ${volume} holds only a part of the box's image, and nobody uploads it`,
    remedy: `Remove it, and try again: virsh vol-delete ${volume} --pool ${POOL}`,
  });
}
