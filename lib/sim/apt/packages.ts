/**
 * dpkg's database and apt's lists on the disk of a machine, as stanzas of `Field: value` lines. Only the fields that
 * the simulated programs use are kept; dependencies are taken to be met.
 */
import type { Machine } from '../machine.js';

export const STATUS_FILE = '/var/lib/dpkg/status';
export const LISTS_FOLDER = '/var/lib/apt/lists';

export interface InstalledPackage {
  readonly name: string;
  /** `1.31.4-1.1`. */
  readonly version: string;
  readonly held: boolean;
}

/** A package that a fetched list offers. */
export interface OfferedPackage {
  readonly name: string;
  readonly version: string;
  /** `https://pkgs.k8s.io/core:/stable:/v1.31/deb`. */
  readonly repository: string;
}

/** Installed packages by name, sorted. */
export function installedPackages(machine: Machine): Map<string, InstalledPackage> {
  const found = stanzas(machine.disk.read(STATUS_FILE) ?? '').map((fields): InstalledPackage => ({
    name: fields.get('Package') ?? '',
    version: fields.get('Version') ?? '',
    held: (fields.get('Status') ?? '').startsWith('hold '),
  }));
  return new Map(found.sort((a, b) => (a.name < b.name ? -1 : 1)).map((one) => [one.name, one]));
}

/** False when the disk takes no more. */
export function writeInstalled(machine: Machine, packages: Iterable<InstalledPackage>): boolean {
  const text = [...packages]
    .map(
      ({ name, version, held }) =>
        `Package: ${name}\nStatus: ${held ? 'hold' : 'install'} ok installed\nArchitecture: amd64\n` +
        `Version: ${version}\n`,
    )
    .join('\n');
  machine.disk.makeDirectories('/var/lib/dpkg');
  return machine.disk.write(STATUS_FILE, text) === null;
}

export function parseOffers(text: string, repository: string): OfferedPackage[] {
  return stanzas(text).map((fields) => ({
    name: fields.get('Package') ?? '',
    version: fields.get('Version') ?? '',
    repository,
  }));
}

export function printOffers(offers: readonly OfferedPackage[]): string {
  return offers.map(({ name, version }) => `Package: ${name}\nVersion: ${version}\n`).join('\n');
}

function stanzas(text: string): Map<string, string>[] {
  return text
    .split(/\n\s*\n/)
    .filter((stanza) => stanza.trim() !== '')
    .map(
      (stanza) =>
        new Map(
          stanza.split('\n').flatMap((line): [string, string][] => {
            const cut = line.indexOf(': ');
            return cut < 0 ? [] : [[line.slice(0, cut), line.slice(cut + 2)]];
          }),
        ),
    );
}

/** Order of Debian versions whose parts are numbers, as those of Kubernetes are: `1.31.10-1.1` after `1.31.4-1.1`. */
export function compareDebian(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(/[^0-9]+/).map(Number));
  for (let index = 0; index < Math.max(left?.length ?? 0, right?.length ?? 0); index += 1) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
