/**
 * The Vagrantfile of a lab for the vagrant-libvirt plugin: a flat list of plain calls without Ruby logic, so
 * that what Vagrant does can be read off the file. Leaves out the guests' software: that is the node image.
 */
import type { Driver, LabSpec, MachineSpec } from '../model/lab.js';
import { managementCards, type ManagementCard } from '../model/management.js';
import { must } from '../base/errors.js';
import { netmask } from './addresses.js';
import { nodeImageName } from './packer.js';
import { scaledSeconds } from './timing.js';

/** Domains are named `homelab_<machine>`, whatever the folder's name is. */
export const DOMAIN_PREFIX = 'homelab_';

/** The name of a machine's libvirt domain. */
export function domainName(machine: string): string {
  return `${DOMAIN_PREFIX}${machine}`;
}

/** The name of the lab network in libvirt. */
export function networkName(lab: LabSpec): string {
  return `homelab-${lab.name}`;
}

/** The name of the management network in libvirt. */
export function managementNetworkName(lab: LabSpec): string {
  return `homelab-${lab.name}-mgmt`;
}

/** The Vagrant box of the machines: the user's own, or the node image with what the bundle of this digest holds. */
export function boxName(lab: LabSpec, bundle: string | null): string {
  return lab.box ?? nodeImageName(lab, bundle);
}

/**
 * `box` is what `boxName` says where the bundle's content is known, `driver` what the host was found to run guests
 * with; without it the configuration's word stands.
 */
export function vagrantfile(lab: LabSpec, box: string, driver: Driver = lab.driver): string {
  const cards = new Map(managementCards(lab).map((card) => [card.machine, card]));
  return [
    `# Made by homelab for the lab ${lab.name}. Changes are lost when homelab writes it again.`,
    "Vagrant.configure('2') do |config|",
    `  config.vm.box = ${ruby(box)}`,
    '  config.vm.box_check_update = false',
    `  config.vm.boot_timeout = ${scaledSeconds(lab, 300)}`,
    `  config.vm.graceful_halt_timeout = ${scaledSeconds(lab, 60)}`,
    "  config.vm.synced_folder '.', '/vagrant', disabled: true",
    '',
    '  config.vm.provider :libvirt do |libvirt|',
    ...(driver === 'auto' ? [] : [`    libvirt.driver = ${ruby(driver)}`]),
    `    libvirt.default_prefix = ${ruby(DOMAIN_PREFIX)}`,
    `    libvirt.management_network_name = ${ruby(managementNetworkName(lab))}`,
    `    libvirt.management_network_address = ${ruby(lab.network.managementCidr)}`,
    '    libvirt.management_network_keep = true',
    '  end',
    ...lab.machines.flatMap((machine) => [
      '',
      ...define(lab, machine, must(cards.get(machine.name), `${machine.name} has no management address`)),
    ]),
    'end',
    '',
  ].join('\n');
}

function define(lab: LabSpec, machine: MachineSpec, card: ManagementCard): readonly string[] {
  return [
    `  config.vm.define ${ruby(machine.name)} do |node|`,
    `    node.vm.hostname = ${ruby(machine.name)}`,
    '    node.vm.network :private_network,',
    `      ip: ${ruby(machine.address)},`,
    `      netmask: ${ruby(netmask(lab.network.prefixLength))},`,
    `      libvirt__network_name: ${ruby(networkName(lab))},`,
    `      libvirt__host_ip: ${ruby(lab.network.hostAddress)},`,
    '      libvirt__dhcp_enabled: false,',
    "      libvirt__forward_mode: 'none',",
    '      libvirt__bridge_stp: false,',
    '      libvirt__always_destroy: false',
    '    node.vm.provider :libvirt do |libvirt|',
    `      libvirt.cpus = ${machine.cpus}`,
    `      libvirt.memory = ${machine.memoryMiB}`,
    `      libvirt.management_network_mac = ${ruby(card.mac)}`,
    '    end',
    '  end',
  ];
}

/**
 * A single-quoted Ruby string: nothing is interpolated, and only the backslash and the quote mean something.
 */
export function ruby(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
