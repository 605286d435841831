/**
 * The Vagrantfile of a lab for the vagrant-libvirt plugin: a flat list of plain calls without Ruby logic, so
 * that what Vagrant does can be read off the file. Leaves out the guests' software: that is the node image.
 */
import type { LabSpec, MachineSpec } from '../model/lab.js';
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

/** The Vagrant box of the machines: the user's own or the node image. */
export function boxName(lab: LabSpec): string {
  return lab.box ?? nodeImageName(lab);
}

export function vagrantfile(lab: LabSpec): string {
  return [
    `# Made by homelab for the lab ${lab.name}. Changes are lost when homelab writes it again.`,
    "Vagrant.configure('2') do |config|",
    `  config.vm.box = ${ruby(boxName(lab))}`,
    '  config.vm.box_check_update = false',
    `  config.vm.boot_timeout = ${scaledSeconds(lab, 300)}`,
    "  config.vm.synced_folder '.', '/vagrant', disabled: true",
    '',
    '  config.vm.provider :libvirt do |libvirt|',
    ...(lab.driver === 'auto' ? [] : [`    libvirt.driver = ${ruby(lab.driver)}`]),
    `    libvirt.default_prefix = ${ruby(DOMAIN_PREFIX)}`,
    '    libvirt.management_network_keep = true',
    '  end',
    ...lab.machines.flatMap((machine) => ['', ...define(lab, machine)]),
    'end',
    '',
  ].join('\n');
}

function define(lab: LabSpec, machine: MachineSpec): readonly string[] {
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
    '      libvirt__bridge_stp: false',
    '    node.vm.provider :libvirt do |libvirt|',
    `      libvirt.cpus = ${machine.cpus}`,
    `      libvirt.memory = ${machine.memoryMiB}`,
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
