/** What libvirt and the host's routes say of the names and addresses that a lab wants. Changes nothing. */
import { domainName } from '../../generate/vagrantfile.js';
import { parseAddress, parseCidr, printAddress, printCidr } from '../../model/address.js';
import type { LabSpec } from '../../model/lab.js';
import { freeMiB, type Ask } from './host-facts.js';
import { labFiles } from './lab-files.js';
import { ownDescription } from './leftovers.js';
import { libvirtUri } from './libvirt-uri.js';
import { ownerOf } from './networks.js';
import { POOL } from './virsh.js';

/** Where Vagrant's plugin makes the pool when it is not there. */
const POOL_FOLDER = '/var/lib/libvirt/images';

export interface NetworkFact {
  readonly name: string;
  readonly bridge: string | null;
  /** Ranges of its addresses. */
  readonly cidrs: readonly string[];
  /** True when its metadata names this lab's folder. */
  readonly own: boolean;
}

export interface DomainFact {
  readonly name: string;
  /** True when it was made from this lab's Vagrantfile. */
  readonly own: boolean;
}

export interface RouteFact {
  readonly cidr: string;
  readonly device: string;
}

export interface PoolFact {
  /** `absent`: Vagrant will make it. */
  readonly state: 'absent' | 'inactive' | 'active';
  readonly folder: string;
  readonly freeMiB: number;
  /** Names of its volumes. */
  readonly volumes: readonly string[];
}

export type LibvirtFacts = {
  /** As vagrant-libvirt chooses it. */
  readonly uri: string;
  /** Of the host; null when `ip` did not tell. */
  readonly routes: readonly RouteFact[] | null;
} & (
  | { readonly state: 'silent'; readonly why: string }
  | {
      readonly state: 'answers';
      /** Such as `9.0.0`. */
      readonly libvirt: string;
      /** Such as `QEMU 7.2.22`. */
      readonly hypervisor: string;
      readonly pool: PoolFact;
      readonly networks: readonly NetworkFact[];
      /** Domains with the names of this lab's machines. */
      readonly domains: readonly DomainFact[];
      /** Machines that this lab's own record says it has begun to make. */
      readonly begun: readonly string[];
    }
);

interface Wanted {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly lab: LabSpec;
  readonly folder: string;
  readonly begun: readonly string[];
}

export async function gatherLibvirtFacts(ask: Ask, wanted: Wanted): Promise<LibvirtFacts> {
  const uri = libvirtUri(wanted.env);
  const virsh: Ask = (args) => ask(['virsh', '-q', '-c', uri, ...args]);
  const [routes, version] = await Promise.all([askRoutes(ask), virsh(['version'])]);
  if (version.state === 'missing') return { uri, routes, state: 'silent', why: 'virsh is not on PATH' };
  if (version.state === 'broken') return { uri, routes, state: 'silent', why: version.why };
  const [pool, networks, domains] = await Promise.all([
    askPool(virsh),
    askNetworks(virsh, wanted.folder),
    askDomains(virsh, wanted),
  ]);
  return {
    ...{ uri, routes, state: 'answers', pool, networks, domains, begun: wanted.begun },
    libvirt: /Using library: libvirt (\S+)/.exec(version.stdout)?.[1] ?? 'of unknown version',
    hypervisor: /Running hypervisor: (.+)/.exec(version.stdout)?.[1]?.trim() ?? 'unknown hypervisor',
  };
}

async function askRoutes(ask: Ask): Promise<readonly RouteFact[] | null> {
  const answer = await ask(['ip', '-j', '-4', 'route']);
  return answer.state === 'answered' ? parseRoutes(answer.stdout) : null;
}

/** Leaves out the default route, which everything is below. */
export function parseRoutes(text: string): readonly RouteFact[] {
  const routes = JSON.parse(text === '' ? '[]' : text) as readonly { dst?: string; dev?: string }[];
  return routes.flatMap(({ dst = '', dev = '' }) => {
    const range = parseCidr(parseAddress(dst) === null ? dst : `${dst}/32`);
    return range === null || range.prefix === 0 ? [] : [{ cidr: printCidr(range), device: dev }];
  });
}

async function askPool(virsh: Ask): Promise<PoolFact> {
  const [info, xml, volumes] = await Promise.all([
    virsh(['pool-info', '--bytes', POOL]),
    virsh(['pool-dumpxml', POOL]),
    virsh(['vol-list', POOL]),
  ]);
  if (info.state !== 'answered')
    return { state: 'absent', folder: POOL_FOLDER, freeMiB: freeMiB(POOL_FOLDER), volumes: [] };
  const folder = xml.state === 'answered' ? element(xml.stdout, 'path') : null;
  const free = Number(/^Available:\s+(\d+)/m.exec(info.stdout)?.[1] ?? Number.NaN);
  return {
    state: /^State:\s+running/m.test(info.stdout) ? 'active' : 'inactive',
    folder: folder ?? POOL_FOLDER,
    freeMiB: Number.isNaN(free) ? freeMiB(folder ?? POOL_FOLDER) : Math.floor(free / 1_048_576),
    volumes:
      volumes.state === 'answered' ? lines(volumes.stdout).flatMap((line) => line.split(/\s/)[0] ?? []) : [],
  };
}

async function askNetworks(virsh: Ask, folder: string): Promise<readonly NetworkFact[]> {
  const list = await virsh(['net-list', '--all', '--name']);
  const names = list.state === 'answered' ? lines(list.stdout) : [];
  const found = await Promise.all(
    names.map(async (name) => {
      const xml = await virsh(['net-dumpxml', name]);
      return xml.state === 'answered' ? [parseNetwork(name, xml.stdout, folder)] : [];
    }),
  );
  return found.flat();
}

export function parseNetwork(name: string, xml: string, folder: string): NetworkFact {
  const addresses = [...xml.matchAll(/<ip\b[^>]*>/g)].map(([tag]) => tag);
  return {
    name,
    bridge: attribute(/<bridge\b[^>]*>/.exec(xml)?.[0] ?? '', 'name'),
    cidrs: addresses.flatMap(rangeOf),
    own: ownerOf(xml) === folder,
  };
}

/** libvirt prints `netmask` or `prefix`, whichever it was given; IPv6 addresses are none of ours. */
function rangeOf(tag: string): readonly string[] {
  const mask = parseAddress(attribute(tag, 'netmask') ?? '');
  const bits = mask === null ? null : String(32 - Math.log2(2 ** 32 - mask));
  const range = parseCidr(`${attribute(tag, 'address') ?? ''}/${attribute(tag, 'prefix') ?? bits ?? ''}`);
  return range === null ? [] : [`${printAddress(range.base)}/${range.prefix}`];
}

async function askDomains(virsh: Ask, { lab, folder }: Wanted): Promise<readonly DomainFact[]> {
  const list = await virsh(['list', '--all', '--name']);
  const all = list.state === 'answered' ? lines(list.stdout) : [];
  const wanted = lab.machines.map((machine) => domainName(machine.name)).filter((name) => all.includes(name));
  const own = ownDescription(labFiles(folder));
  return Promise.all(
    wanted.map(async (name) => {
      const description = await virsh(['desc', name]);
      return { name, own: description.state === 'answered' && description.stdout.trim() === own };
    }),
  );
}

function lines(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}

function element(xml: string, name: string): string | null {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? null;
}

function attribute(tag: string, name: string): string | null {
  return new RegExp(`\\b${name}='([^']*)'`).exec(tag)?.[1] ?? null;
}
