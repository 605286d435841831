/**
 * The management network of real machines: their first interface, by which they are reached whatever happens to the lab
 * network. Addresses and hardware addresses follow from the machines' order, so that a machine that was off for a day
 * has the address it had before, and can be reached without asking anybody.
 */
import { must } from '../base/errors.js';
import { nthHost, parseAddress, parseCidr, printAddress, type Cidr } from './address.js';
import type { LabSpec } from './lab.js';

/** Place of the first machine in the network; the workstation has the first address there too. */
const FIRST_OFFSET = 10;

/** How many machines the network has addresses for. */
export function managementRoom(network: Cidr): number {
  return Math.max(0, 2 ** (32 - network.prefix) - 1 - FIRST_OFFSET);
}

export interface ManagementCard {
  readonly machine: string;
  readonly address: string;
  /** In the range that QEMU's makers use; its end is the end of the address, so that it is unique on its bridge. */
  readonly mac: string;
}

/** One for each machine of the lab, in their order. */
export function managementCards(lab: LabSpec): readonly ManagementCard[] {
  const { managementCidr } = lab.network;
  const network = must(parseCidr(managementCidr), `${managementCidr} is not a range`);
  return lab.machines.map(({ name }, index) => {
    const address = printAddress(
      must(nthHost(network, FIRST_OFFSET + index), `${managementCidr} is too small`),
    );
    return { machine: name, address, mac: macOf(address) };
  });
}

/** The workstation's address on the management network. */
export function managementHost(lab: LabSpec): string {
  const network = must(parseCidr(lab.network.managementCidr), `${lab.network.managementCidr} is not a range`);
  return printAddress(must(nthHost(network, 1), `${lab.network.managementCidr} is too small`));
}

function macOf(address: string): string {
  const number = must(parseAddress(address), `${address} is no address`);
  const end = [16, 8, 0].map((shift) => ((number >>> shift) & 255).toString(16).padStart(2, '0'));
  return ['52', '54', '00', ...end].join(':');
}
