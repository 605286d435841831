/**
 * The two networks of a lab in libvirt, homelab's own and there before Vagrant runs: with it the first of several
 * machines would make them in a race, with a bridge that is deaf for seconds, shared with every other lab. Each
 * says in its metadata which lab's folder it belongs to, and is never touched for another.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../base/errors.js';
import { parseCidr } from '../../model/address.js';
import type { LabSpec } from '../../model/lab.js';
import { managementCards, managementHost } from '../../model/management.js';
import { netmask } from '../../generate/addresses.js';
import { managementNetworkName, networkName } from '../../generate/vagrantfile.js';
import { escapeXml, unescapeXml, type Virsh } from './virsh.js';

const NAMESPACE = 'https://homelab.invalid/libvirt/1';

export interface OwnNetwork {
  readonly name: string;
  readonly xml: string;
}

/** The workstation and the machines, with static addresses and no way out. */
export function labNetwork(lab: LabSpec, folder: string): OwnNetwork {
  const name = networkName(lab);
  const { hostAddress, prefixLength } = lab.network;
  const xml = [
    '<network>',
    ...head(name, folder),
    `  <ip address='${hostAddress}' netmask='${netmask(prefixLength)}'/>`,
    '</network>',
  ];
  return { name, xml: `${xml.join('\n')}\n` };
}

/** By which machines are reached and reach the internet; every machine has its own address reserved. */
export function managementNetwork(lab: LabSpec, folder: string): OwnNetwork {
  const name = managementNetworkName(lab);
  const cards = managementCards(lab);
  const prefix = parseCidr(lab.network.managementCidr)?.prefix ?? 24;
  const xml = [
    "<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>",
    ...head(name, folder),
    "  <forward mode='nat'/>",
    `  <ip address='${managementHost(lab)}' netmask='${netmask(prefix)}'>`,
    '    <dhcp>',
    `      <range start='${cards[0]?.address ?? ''}' end='${cards.at(-1)?.address ?? ''}'/>`,
    ...cards.map(
      ({ mac, address, machine }) => `      <host mac='${mac}' name='${machine}' ip='${address}'/>`,
    ),
    '    </dhcp>',
    '  </ip>',
    // dnsmasq would ping an address for three seconds before it offers it.
    "  <dnsmasq:options><dnsmasq:option value='no-ping'/></dnsmasq:options>",
    '</network>',
  ];
  return { name, xml: `${xml.join('\n')}\n` };
}

/** No spanning tree: with it a new port of the bridge drops what it is sent for some four seconds. */
function head(name: string, folder: string): readonly string[] {
  return [
    `  <name>${name}</name>`,
    `  <metadata><homelab:lab xmlns:homelab='${NAMESPACE}'>${escapeXml(folder)}</homelab:lab></metadata>`,
    "  <bridge stp='off' delay='0'/>",
  ];
}

/** The lab's folder that a network's metadata names; null when it is none of homelab's. */
export function ownerOf(xml: string): string | null {
  const owner = /<homelab:lab xmlns:homelab=["'][^"']*["']>([^<]*)<\/homelab:lab>/.exec(xml)?.[1];
  return owner === undefined ? null : unescapeXml(owner);
}

export interface FoundNetwork {
  readonly name: string;
  readonly active: boolean;
  /** False when another lab or somebody else made a network of this name. */
  readonly own: boolean;
}

/** Networks of the lab's two names that are there. */
export async function findNetworks(
  virsh: Virsh,
  lab: LabSpec,
  folder: string,
): Promise<readonly FoundNetwork[]> {
  const names = [networkName(lab), managementNetworkName(lab)];
  const there = (await virsh.networks()).filter(({ name }) => names.includes(name));
  return Promise.all(
    there.map(async (network) => ({
      ...network,
      own: ownerOf(await virsh.networkXml(network.name)) === folder,
    })),
  );
}

/** Defines and starts what is missing. Throws a `UserError` when a name is taken by somebody else. */
export async function ensureNetworks(virsh: Virsh, lab: LabSpec, folder: string): Promise<void> {
  const found = new Map((await findNetworks(virsh, lab, folder)).map((network) => [network.name, network]));
  for (const { own, name } of found.values()) if (!own) throw foreignNetwork(name);
  for (const { name, xml } of [labNetwork(lab, folder), managementNetwork(lab, folder)]) {
    if (!found.has(name)) await define(virsh, join(folder, `${name}.xml`), xml);
    if (found.get(name)?.active !== true) await virsh.startNetwork(name);
  }
}

/** virsh opens a file, and a pipe of Node's is a socket, which cannot be opened. */
async function define(virsh: Virsh, file: string, xml: string): Promise<void> {
  writeFileSync(file, xml);
  try {
    await virsh.defineNetwork(file);
  } finally {
    rmSync(file, { force: true });
  }
}

/** Removes the lab's own; its leases go with it. */
export async function removeNetworks(virsh: Virsh, lab: LabSpec, folder: string): Promise<void> {
  for (const { name, active, own } of await findNetworks(virsh, lab, folder)) {
    if (!own) continue;
    if (active) await virsh.stopNetwork(name);
    await virsh.undefineNetwork(name);
  }
}

export function foreignNetwork(name: string): UserError {
  return new UserError({
    code: 'foreign-network',
    message: `libvirt has a network ${name} that is not of this lab`,
    remedy:
      'Give the lab another name with --lab; or, when nobody needs it: ' +
      `virsh net-destroy ${name}; virsh net-undefine ${name}`,
  });
}
