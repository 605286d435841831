/** The lab's Vagrantfile on disk, with what this host was found to run guests with. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { boxName, vagrantfile } from '../../generate/vagrantfile.js';
import type { Context } from './context.js';

export async function writeVagrantfile(context: Context): Promise<void> {
  const { lab, files, state } = context;
  mkdirSync(files.folder, { recursive: true });
  if (lab.driver === 'auto' && state.now.driver === null) {
    state.update({ driver: (await context.kvm()).state === 'works' ? 'kvm' : 'qemu' });
  }
  const driver = lab.driver === 'auto' ? (state.now.driver ?? 'qemu') : lab.driver;
  // Machines that are there stay what they were made from; a lab that never made any has no box to name yet.
  writeFileSync(files.vagrantfile, vagrantfile(lab, state.now.box ?? boxName(lab, null), driver));
}
