/**
 * Does libvirt answer, and are the names and addresses that a lab wants free? What belongs to somebody else is named
 * and never touched.
 */
import { must } from '../../base/errors.js';
import { domainName, managementNetworkName, networkName } from '../../generate/vagrantfile.js';
import { nextFreeRange, parseCidr, printCidr, rangesOverlap, type Cidr } from '../../model/address.js';
import type { LabSpec } from '../../model/lab.js';
import { checkProgram } from './host-check-program.js';
import type { LibvirtFacts } from './host-facts-libvirt.js';
import type { HostFacts } from './host-facts.js';
import { amiss, fine, type HostFinding } from './host-finding.js';
import { volumeName } from './leftovers.js';
import { POOL } from './virsh.js';

type Answering = Extract<LibvirtFacts, { state: 'answers' }>;

export function checkLibvirt(
  libvirt: LibvirtFacts,
  programs: HostFacts['programs'],
  lab: LabSpec,
): readonly HostFinding[] {
  const virsh = checkProgram(programs, 'virsh', 'error', 'cuts power and pulls cables', 'libvirt-clients');
  const uri = checkUri(libvirt.uri);
  if (programs.virsh.state !== 'found' || uri.severity === 'error') return [virsh, uri];
  if (libvirt.state === 'silent') return [virsh, uri, silent(libvirt)];
  return [
    virsh,
    uri,
    fine('libvirt', `libvirt ${libvirt.libvirt} answers, with ${libvirt.hypervisor}`),
    checkProgram(programs, 'dnsmasq', 'error', "serves the machines' addresses", 'dnsmasq-base'),
    checkFirewall(programs),
    checkPool(libvirt),
    checkDomains(libvirt, lab),
    checkVolumes(libvirt, lab),
    ...wantedNetworks(lab).flatMap((wanted) => checkNetwork(libvirt, lab, wanted)),
  ];
}

/** homelab defines networks on this computer's bridges; a session's libvirt may not, and another host has its own. */
function checkUri(uri: string): HostFinding {
  const details = { expected: 'qemu:///system', found: uri };
  if (uri === details.expected) return fine('libvirt-uri', `the libvirt of this computer (${uri})`, details);
  return amiss(
    'libvirt-uri',
    'error',
    `LIBVIRT_DEFAULT_URI is ${uri}, and homelab needs the system's libvirt of this computer`,
    'Type: unset LIBVIRT_DEFAULT_URI',
    details,
  );
}

function silent({ uri, why }: LibvirtFacts & { readonly why: string }): HostFinding {
  const denied = /denied|authentication|polkit|not authorized/i.test(why);
  const remedy = denied
    ? 'Join its group: sudo usermod -aG libvirt $USER, and log in again'
    : 'Start it: sudo systemctl enable --now libvirtd (on Debian: apt install libvirt-daemon-system)';
  const message = `libvirt does not answer at ${uri}: ${why.replace(/^error: /, '')}`;
  return amiss('libvirt', 'error', message, `${remedy}.`, { expected: 'an answer', found: why });
}

/** libvirt lets machines out to the internet with one or the other. */
function checkFirewall({ iptables, nft }: HostFacts['programs']): HostFinding {
  for (const fact of [iptables, nft])
    if (fact.state === 'found') return fine('firewall', `firewall: ${fact.version}`, { found: fact.version });
  const message =
    'neither iptables nor nft is on PATH; libvirt lets machines out to the internet with one of them';
  return amiss('firewall', 'error', message, 'On Debian and Ubuntu: apt install iptables');
}

function checkPool({ pool, uri }: Answering): HostFinding {
  switch (pool.state) {
    case 'active':
      return fine('pool', `storage pool ${POOL} is in ${pool.folder}`, { found: pool.folder });
    case 'absent':
      return fine('pool', `storage pool ${POOL} is not there yet; Vagrant makes it in ${pool.folder}`);
    case 'inactive':
      return amiss(
        'pool',
        'error',
        `storage pool ${POOL} is not started`,
        `Start it: virsh -c ${uri} pool-start ${POOL}`,
        { expected: 'active', found: 'inactive' },
      );
  }
}

function checkDomains({ domains, uri }: Answering, lab: LabSpec): HostFinding {
  const names = lab.machines.map((machine) => domainName(machine.name));
  const foreign = domains.filter((domain) => !domain.own).map(({ name }) => name);
  const [first] = foreign;
  if (first === undefined) return fine('domains', `${span(names)}: no other domain has such a name`);
  return amiss(
    'domains',
    'error',
    `libvirt has ${foreign.join(', ')}, which this lab did not make and will not touch`,
    `Give the lab another name (--lab NAME), or see whose it is: virsh -c ${uri} desc ${first}`,
    { expected: 'names that are free', found: foreign.join(', ') },
  );
}

/** A volume alone does not say whose it is; the lab's own record does. */
function checkVolumes({ pool, domains, uri, begun }: Answering, lab: LabSpec): HostFinding {
  const taken = lab.machines.flatMap(({ name }) => {
    const volume = volumeName(name);
    const known = begun.includes(name) || domains.some((domain) => domain.name === domainName(name));
    return pool.volumes.includes(volume) && !known ? [volume] : [];
  });
  const [first] = taken;
  if (first === undefined) return fine('volumes', "no volume is in the way of the machines' disks");
  return amiss(
    'volumes',
    'error',
    `pool ${POOL} has ${taken.join(', ')}, which this lab did not make and will not touch`,
    `Give the lab another name (--lab NAME), or, if nobody needs it: virsh -c ${uri} vol-delete ${first} ${POOL}`,
    { expected: 'names that are free', found: taken.join(', ') },
  );
}

interface WantedNetwork {
  readonly code: 'lab-network' | 'management-network';
  readonly what: string;
  readonly name: string;
  readonly range: Cidr;
  /** How another range is chosen; the free one stands for `…`. */
  readonly remedy: string;
}

function wantedNetworks(lab: LabSpec): readonly WantedNetwork[] {
  const range = (cidr: string): Cidr => must(parseCidr(cidr), `${cidr} is no range`);
  return [
    {
      code: 'lab-network',
      what: 'the lab network',
      name: networkName(lab),
      range: range(lab.network.cidr),
      remedy: 'Write vos.subnet: … (--subnet …).',
    },
    {
      code: 'management-network',
      what: 'the management network',
      name: managementNetworkName(lab),
      range: range(lab.network.managementCidr),
      remedy: 'Write vos.management_network: … in the configuration.',
    },
  ];
}

/** A name and a range of its own: what else uses the range would hear, or swallow, what machines say. */
function checkNetwork(libvirt: Answering, lab: LabSpec, wanted: WantedNetwork): readonly HostFinding[] {
  const { code, what, name, range } = wanted;
  const { networks, routes, uri } = libvirt;
  const same = networks.find((network) => network.name === name);
  if (same !== undefined && !same.own) {
    return [
      amiss(
        code,
        'error',
        `libvirt has a network ${name} that this lab did not make and will not touch`,
        `Give the lab another name (--lab NAME), or see what it is: virsh -c ${uri} net-dumpxml ${name}`,
        { expected: 'a name that is free', found: name },
      ),
    ];
  }
  // The lab's own networks are there while it is up, and routes lead to their bridges.
  const own = networks.filter((network) => network.own);
  const foreign = networks
    .filter((network) => !network.own)
    .flatMap(({ name: other, cidrs }) => cidrs.map((cidr) => ({ cidr, by: `libvirt's network ${other}` })));
  const routed = (routes ?? [])
    .filter(({ device }) => own.every(({ bridge }) => bridge !== device))
    .map(({ cidr, device }) => ({ cidr, by: `the route by ${device}` }));
  const uses = [...foreign, ...routed].flatMap(({ cidr, by }) => {
    const taken = parseCidr(cidr);
    return taken === null ? [] : [{ taken, by: `${by} (${cidr})` }];
  });
  const hit = uses.find(({ taken }) => rangesOverlap(taken, range));
  const printed = printCidr(range);
  if (hit === undefined) return [fine(code, `${what} ${printed} is free`, { found: printed })];
  const free = nextFreeRange(range, [...uses.map(({ taken }) => taken), ...others(lab, wanted)]);
  return [overlap(wanted, hit, free === null ? 'another network' : printCidr(free))];
}

function others(lab: LabSpec, wanted: WantedNetwork): readonly Cidr[] {
  const { podSubnet, serviceSubnet } = lab.kubernetes;
  const cluster = [podSubnet, serviceSubnet].flatMap((cidr) => parseCidr(cidr) ?? []);
  return [
    ...cluster,
    ...wantedNetworks(lab).flatMap(({ code, range }) => (code === wanted.code ? [] : [range])),
  ];
}

/** A wider route, such as that of a VPN, only loses what the lab takes of it: more special routes come first. */
function overlap(
  { code, what, range, remedy }: WantedNetwork,
  { taken, by }: { readonly taken: Cidr; readonly by: string },
  free: string,
): HostFinding {
  const wider = taken.prefix < range.prefix && by.startsWith('the route');
  return amiss(
    code,
    wider ? 'warning' : 'error',
    wider
      ? `${what} ${printCidr(range)} hides a part of ${by}`
      : `${what} ${printCidr(range)} overlaps ${by}`,
    remedy.replaceAll('…', free),
    { expected: `a network apart from ${printCidr(taken)}`, found: printCidr(range) },
  );
}

function span(names: readonly string[]): string {
  const [first = '', last = ''] = [names[0], names.at(-1)];
  return names.length <= 2 ? names.join(' and ') : `${first} … ${last}`;
}
