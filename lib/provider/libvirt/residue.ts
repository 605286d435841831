/** What of the lab is still on this host, asked of libvirt and of the lab's folder, never of a record alone. */
import { existsSync, readFileSync } from 'node:fs';
import { domainName } from '../../generate/vagrantfile.js';
import { HOST, type Residue } from '../provider.js';
import type { Context } from './context.js';
import { findMachines, volumeName } from './leftovers.js';
import { keyOf } from './machine-folder.js';
import { findNetworks } from './networks.js';

/** Of the lab as a whole only when none of its machines is left: until then it is in use. */
export async function residueOf(context: Context): Promise<readonly Residue[]> {
  const { lab, virsh, files, state } = context;
  const names = lab.machines.map(({ name }) => name);
  const machines = await findMachines(virsh, files, state.now, names);
  const knownHosts = existsSync(files.knownHosts)
    ? readFileSync(files.knownHosts, 'utf8').split(/[\s,]/)
    : [];
  const found = machines.flatMap(({ machine, domain, volume, progress, folder }): Residue[] => {
    const own = domain?.own === true;
    const key = keyOf(files, machine);
    return [
      ...(own ? [{ machine, kind: 'domain', what: domainName(machine) }] : []),
      ...(volume && (own || (domain === null && progress !== null))
        ? [{ machine, kind: 'volume', what: volumeName(machine) }]
        : []),
      ...(key === null ? [] : [{ machine, kind: 'key', what: key }]),
      ...(folder.id === null ? [] : [{ machine, kind: 'file', what: `Vagrant's id of ${machine}` }]),
      ...(knownHosts.includes(machine)
        ? [{ machine, kind: 'key', what: `host key in ${files.knownHosts}` }]
        : []),
    ];
  });
  const inUse = machines.some(({ domain, progress }) => domain?.own === true || progress !== null);
  return inUse ? found : [...found, ...(await labResidue(context))];
}

async function labResidue({ lab, virsh, files }: Context): Promise<readonly Residue[]> {
  const networks = (await findNetworks(virsh, lab, files.folder)).filter(({ own }) => own);
  const leases = await Promise.all(
    networks.filter(({ active }) => active).map(async ({ name }) => virsh.leases(name)),
  );
  const paths = [files.vagrantfile, files.sshConfig, files.knownHosts].filter((path) => existsSync(path));
  return [
    ...networks.map(({ name }) => ({ machine: HOST, kind: 'network', what: name })),
    ...leases.flat().map((mac) => ({ machine: HOST, kind: 'lease', what: mac })),
    ...paths.map((what) => ({ machine: HOST, kind: 'file', what })),
  ];
}
