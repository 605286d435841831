/** Removing machines with all that belongs to them; with the last one, what the lab itself has on this host. */
import { rmSync } from 'node:fs';
import type { Context } from './context.js';
import { boxImages, mendBaseVolumes } from './base-volume.js';
import { boxName, domainName } from '../../generate/vagrantfile.js';
import { fateOf, findDomains, findMachines, volumeName, type FoundMachine } from './leftovers.js';
import { removeMachineFolder } from './machine-folder.js';
import { removeNetworks } from './networks.js';
import { residueOf } from './residue.js';
import type { VagrantEnd } from './vagrant.js';
import { writeVagrantfile } from './write-vagrantfile.js';

/** Idempotent. What is somebody else's stays, whatever it is called. */
export async function destroyMachines(context: Context, names: readonly string[]): Promise<void> {
  const { files, virsh, vagrant, state, ssh, lab, env, clock } = context;
  await vagrant.settleStray('end');
  if (state.now.uploading)
    await mendBaseVolumes(virsh, state, clock, boxImages(env, state.now.box ?? boxName(lab, null)));
  const found = (await findMachines(virsh, files, state.now, names)).filter(
    (one) => !fateOf(one).startsWith('foreign'),
  );
  const end = await removeMachines(context, found);
  const left = (await residueOf(context)).filter(({ machine }) => names.includes(machine));
  if (left.length > 0 && end?.succeeded === false) throw vagrant.failed('destroy', end);
  ssh.forgetKeys(names);
  state.forget(names);
  await removeLab(context);
}

/** They must be the lab's own. Null when Vagrant knows none of them. */
export async function removeMachines(
  context: Context,
  machines: readonly FoundMachine[],
): Promise<VagrantEnd | null> {
  // Vagrant has an index of all machines of the user, and takes those out whose domain is gone, too.
  const known = machines.filter(({ folder }) => folder.id !== null).map(({ machine }) => machine);
  if (known.length > 0) await writeVagrantfile(context);
  const end = known.length === 0 ? null : await context.vagrant.destroy(known);
  // What Vagrant did not know of, or could not remove.
  for (const { machine } of machines) await clearAway(context, machine);
  return end;
}

/** One machine, by libvirt alone: its domain, its volume, its folder. */
async function clearAway(context: Context, machine: string): Promise<void> {
  const { virsh, files, ssh, state } = context;
  const domain = (await findDomains(virsh, files, [machine])).get(machine);
  if (domain?.own === true) {
    if (domain.state !== 'off') await virsh.cut(domainName(machine));
    await virsh.undefine(domainName(machine));
  }
  const foreign = domain !== undefined && !domain.own;
  const ours = domain?.own === true || state.now.machines[machine] !== undefined;
  if (!foreign && ours && (await virsh.volumes()).includes(volumeName(machine))) {
    await virsh.deleteVolume(volumeName(machine));
  }
  ssh.forgetKeys([machine]);
  removeMachineFolder(files, machine);
}

/** Networks and files, when no machine of the lab is left. Its logs and its time stay. */
async function removeLab({ virsh, files, lab, state }: Context): Promise<void> {
  const names = lab.machines.map(({ name }) => name);
  const domains = await findDomains(virsh, files, names);
  if ([...domains.values()].some(({ own }) => own) || Object.keys(state.now.machines).length > 0) return;
  await removeNetworks(virsh, lab, files.folder);
  for (const path of [files.vagrantfile, files.vagrant, files.sshConfig, files.knownHosts]) {
    rmSync(path, { recursive: true, force: true });
  }
}
