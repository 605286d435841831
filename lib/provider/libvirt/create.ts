/**
 * Making and starting a lab's machines: networks first, then what an interrupted creation left is cleared away,
 * then one `vagrant up` for all that is missing while the others are started, and at last every one is reached
 * over SSH.
 */
import { CancelledError, messageOf, UserError } from '../../base/errors.js';
import type { MachineSpec } from '../../model/lab.js';
import { domainName } from '../../generate/vagrantfile.js';
import { UnreachableError, type CreateOptions, type MachineReport } from '../provider.js';
import { boxImages, mendBaseVolumes } from './base-volume.js';
import { boxOf, scaled, type Context } from './context.js';
import { removeMachines } from './destroy.js';
import { keepAddress } from './keep-address.js';
import { fateOf, findMachines, volumeName, type Fate, type FoundMachine } from './leftovers.js';
import { adoptMachine, readMachineFolder } from './machine-folder.js';
import { ensureNetworks } from './networks.js';
import { writeVagrantfile } from './write-vagrantfile.js';

/** How long a machine may take from its power to its first answer over SSH. */
export const BOOT_SECONDS = 300;

export async function createMachines(
  context: Context,
  specs: readonly MachineSpec[],
  options: CreateOptions,
): Promise<readonly MachineReport[]> {
  const { files, virsh, vagrant, state, lab } = context;
  const names = specs.map(({ name }) => name);
  await vagrant.settleStray('wait', options.signal);
  await writeVagrantfile(context);
  await ensureNetworks(virsh, lab, files.folder);
  const found = await findMachines(virsh, files, state.now, names);
  const fates = new Map(found.map((one) => [one.machine, fateOf(one)]));
  const of = (...wanted: readonly Fate[]): readonly string[] =>
    names.filter((name) => wanted.includes(fates.get(name) ?? 'make'));
  for (const { machine, domain } of found) {
    if (fates.get(machine) === 'adopt') adoptMachine(files, machine, domain?.uuid ?? '');
  }
  for (const machine of of('remake')) {
    options.onProgress?.(machine, 'clearing away what an interrupted creation left');
  }
  await removeMachines(
    context,
    found.filter(({ machine }) => fates.get(machine) === 'remake'),
  );
  const errors = new Map(found.flatMap(({ machine }) => foreign(machine, fates.get(machine))));
  const missing = of('make', 'remake');
  const kept = of('keep', 'adopt');
  const [failed] = await Promise.all([
    makeMissing(context, missing, options),
    startKept(
      context,
      found.filter(({ machine }) => kept.includes(machine)),
    ),
  ]);
  for (const [machine, error] of failed) errors.set(machine, error);
  const there = names.filter((name) => !errors.has(name));
  await reach(context, there, errors, options);
  return names.map((name) => ({
    name,
    created: missing.includes(name) && !errors.has(name),
    error: errors.get(name) ?? null,
  }));
}

function foreign(machine: string, fate: Fate | undefined): readonly (readonly [string, string])[] {
  const domain = domainName(machine);
  if (fate === 'foreign-domain') {
    const how = `virsh dumpxml ${domain} shows whose it is`;
    return [
      [machine, `libvirt has a domain ${domain} that is not of this lab, and it was not touched: ${how}`],
    ];
  }
  if (fate === 'foreign-volume') {
    const volume = volumeName(machine);
    return [[machine, `there is a volume ${volume} that this lab did not make, and it was not touched`]];
  }
  return [];
}

/** By machine, why it could not be made. */
async function makeMissing(
  context: Context,
  names: readonly string[],
  options: CreateOptions,
): Promise<ReadonlyMap<string, string>> {
  if (names.length === 0) return new Map();
  const { virsh, files, state, clock, vagrant, env } = context;
  const box = boxOf(context);
  const images = boxImages(env, box);
  await mendBaseVolumes(virsh, state, clock, images, options.signal);
  const volumes = await virsh.volumes();
  state.setProgress(names, 'begun');
  state.update({ box });
  await writeVagrantfile(context);
  // An upload that began before another lab's is this one's; Vagrant has no second for one box.
  state.update({ uploading: images.length === 0 || !images.every(({ volume }) => volumes.includes(volume)) });
  const end = await vagrant.up(names, options);
  state.update({ uploading: false });
  const complete = (await findMachines(virsh, files, state.now, names))
    .filter(({ machine, domain }) => {
      const made = domain?.own === true && readMachineFolder(files, machine).id === domain.uuid;
      return made && (end.succeeded || readMachineFolder(files, machine).completeId === domain.uuid);
    })
    .map(({ machine }) => machine);
  const common = end.errors.get('') ?? 'vagrant up did not complete it';
  return new Map(
    names
      .filter((name) => !complete.includes(name))
      .map((name) => [name, end.errors.get(name) ?? common] as const),
  );
}

async function startKept({ virsh }: Context, machines: readonly FoundMachine[]): Promise<void> {
  for (const { machine, domain } of machines) {
    if (domain?.state === 'off') await virsh.start(domainName(machine));
    if (domain?.state === 'paused') await virsh.resume(domainName(machine));
  }
}

/**
 * Until every machine answers over SSH and has been told what Vagrant does not tell it; only then it counts as
 * made. Why one does not goes into `errors`.
 */
async function reach(
  context: Context,
  names: readonly string[],
  errors: Map<string, string>,
  options: CreateOptions,
): Promise<void> {
  if (names.length === 0) return;
  const { ssh, lab, state } = context;
  const isNew = (name: string): boolean => state.now.machines[name] !== 'made';
  const unknown = names.filter((name) => isNew(name) || !ssh.knows(name));
  if (unknown.length > 0) ssh.writeConfig(await askForTargets(context, unknown, options));
  const settled = names.map(async (name) => {
    try {
      const first = isNew(name) ? { argv: keepAddress(lab) } : {};
      const timeoutMs = scaled(lab, BOOT_SECONDS);
      await ssh.waitUntilUp(name, { timeoutMs, ...first, ...signalOf(options) });
      if (isNew(name)) state.setProgress([name], 'made');
    } catch (error) {
      if (error instanceof CancelledError) throw error;
      if (!(error instanceof UnreachableError)) throw error;
      errors.set(name, messageOf(error));
    }
  });
  const rejected = (await Promise.allSettled(settled)).find((one) => one.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
}

/** Vagrant does not answer for a machine that has just been started and has no address yet. */
async function askForTargets(
  { vagrant, clock, lab }: Context,
  names: readonly string[],
  options: CreateOptions,
): Promise<string> {
  const deadlineMs = clock.nowMs() + scaled(lab, BOOT_SECONDS);
  for (;;) {
    try {
      return await vagrant.sshConfig(names);
    } catch (error) {
      if (!(error instanceof UserError) || clock.nowMs() > deadlineMs) throw error;
      await clock.sleep(POLL_MS, options.signal);
    }
  }
}

const POLL_MS = 2_000;

function signalOf({ signal }: CreateOptions): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
