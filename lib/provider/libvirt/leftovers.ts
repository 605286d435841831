/**
 * What of a machine is there, whose it is, and what must become of it. A `vagrant up` that was killed leaves any
 * part of: a volume, a domain without Vagrant's id, a domain that booted and has neither its name nor its
 * address. The next `vagrant up` stops at the first two, and takes the third for complete.
 */
import { domainName } from '../../generate/vagrantfile.js';
import type { LabFiles } from './lab-files.js';
import type { LabState, Progress } from './lab-state.js';
import { readMachineFolder, type MachineFolder } from './machine-folder.js';
import type { DomainDetails, DomainState, Virsh } from './virsh.js';

export interface FoundDomain extends DomainDetails {
  readonly state: DomainState;
  /** Made from this lab's Vagrantfile. */
  readonly own: boolean;
}

export interface FoundMachine {
  readonly machine: string;
  readonly progress: Progress | null;
  readonly domain: FoundDomain | null;
  readonly folder: MachineFolder;
  /** There is a volume of the machine's name. */
  readonly volume: boolean;
}

/**
 * `make`: nothing is there. `keep`: complete. `adopt`: complete, but Vagrant has lost its id. `remake`: the rest of
 * an interrupted creation. `foreign-…`: somebody else's, never touched.
 */
export type Fate = 'make' | 'keep' | 'adopt' | 'remake' | 'foreign-domain' | 'foreign-volume';

export function fateOf({ progress, domain, folder, volume }: FoundMachine): Fate {
  if (domain !== null) {
    if (!domain.own) return 'foreign-domain';
    const complete = progress === 'made' || folder.completeId === domain.uuid;
    if (!complete) return 'remake';
    return folder.id === domain.uuid ? 'keep' : 'adopt';
  }
  if (!volume) return 'make';
  // A volume says nothing of its maker; the lab's own record says who began it.
  return progress === null ? 'foreign-volume' : 'remake';
}

export function volumeName(machine: string): string {
  return `${domainName(machine)}.img`;
}

/** vagrant-libvirt describes every domain by the Vagrantfile that it was made from. */
export function ownDescription(files: LabFiles): string {
  return `Source: ${files.vagrantfile}`;
}

/** Domains of these machines' names, by machine. */
export async function findDomains(
  virsh: Virsh,
  files: LabFiles,
  machines: readonly string[],
): Promise<ReadonlyMap<string, FoundDomain>> {
  const all = new Map((await virsh.domains()).map(({ name, state }) => [name, state]));
  const found = await Promise.all(
    machines.map(async (machine) => {
      const state = all.get(domainName(machine));
      if (state === undefined) return null;
      const details = await virsh.details(domainName(machine));
      return [machine, { ...details, state, own: details.description === ownDescription(files) }] as const;
    }),
  );
  return new Map(found.filter((entry) => entry !== null));
}

export async function findMachines(
  virsh: Virsh,
  files: LabFiles,
  state: LabState,
  machines: readonly string[],
): Promise<readonly FoundMachine[]> {
  const domains = await findDomains(virsh, files, machines);
  const volumes = new Set(await virsh.volumes());
  return machines.map((machine) => ({
    machine,
    progress: state.machines[machine] ?? null,
    domain: domains.get(machine) ?? null,
    folder: readMachineFolder(files, machine),
    volume: volumes.has(volumeName(machine)),
  }));
}
