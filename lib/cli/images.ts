/** Node images of this computer, without a lab being there. */
import type { Lock } from '../engine/lock-file.js';
import type { LabSpec } from '../model/lab.js';
import { Boxes, type BoxesOptions } from '../provider/libvirt/boxes.js';
import { hostPrograms } from '../provider/libvirt/host-program.js';
import { labFiles } from '../provider/libvirt/lab-files.js';
import { libvirtUri } from '../provider/libvirt/libvirt-uri.js';
import { openNodeImage } from '../provider/libvirt/node-image.js';
import { Virsh } from '../provider/libvirt/virsh.js';
import { WallClock } from '../provider/libvirt/wall-clock.js';
import type { NodeImage } from '../provider/provider.js';
import { labBundle } from './bundle/open.js';
import type { Io } from './io.js';
import { labFolderOf, lockLab } from './labs.js';
import type { Session } from './session.js';

/** Null when the lab names a box of its own. Its log and its scratch folder are where the lab is or would be. */
export function openImage({ io }: Session, base: string, lab: LabSpec): NodeImage | null {
  const files = labFiles(labFolderOf(base, lab.name));
  const clock = new WallClock(0);
  return openNodeImage({ lab, files, clock, ...programs(io), bundle: () => labBundle(base, lab) });
}

/** The lab need not be there. Throws a `UserError` while another homelab works on it or builds its image. */
export function lockImage({ io }: Session, base: string, lab: LabSpec): Lock {
  return lockLab(io, { name: lab.name, folder: labFolderOf(base, lab.name) });
}

export function openBoxes({ io }: Session): Boxes {
  return new Boxes(programs(io));
}

function programs({ env }: Io): BoxesOptions {
  const run = hostPrograms(env);
  return { run, env, virsh: new Virsh(run, libvirtUri(env)) };
}
