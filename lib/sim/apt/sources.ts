/**
 * Package sources: the one-line files in /etc/apt/sources.list.d, and what the repositories of Kubernetes hold. There
 * is one repository for each minor, which never holds another's packages. Debian's own repositories are left out.
 */
import { releaseOf, packageVersion, printMinor } from '../../model/version.js';
import type { Machine } from '../machine.js';
import { LISTS_FOLDER, parseOffers, type OfferedPackage } from './packages.js';

export const SOURCES_FOLDER = '/etc/apt/sources.list.d';
export const KUBERNETES_LIST = `${SOURCES_FOLDER}/kubernetes.list`;
export const KUBERNETES_KEYRING = '/etc/apt/keyrings/kubernetes-apt-keyring.gpg';
const HOST = 'pkgs.k8s.io';

export interface Source {
  /** `https://pkgs.k8s.io/core:/stable:/v1.31/deb`. */
  readonly url: string;
  readonly host: string;
  /** The minor that it is for; null for a repository that does not exist. */
  readonly minor: number | null;
  readonly keyring: string | null;
}

export function kubernetesSource(minor: number): string {
  return `deb [signed-by=${KUBERNETES_KEYRING}] https://${HOST}/core:/stable:/${printMinor(minor)}/deb/ /\n`;
}

/** The sources in the order of their files, or the two lines that apt says of an entry that it cannot read. */
export function readSources(machine: Machine): readonly Source[] | string {
  const sources: Source[] = [];
  for (const file of machine.disk.list(SOURCES_FOLDER)) {
    if (!file.endsWith('.list')) continue;
    const path = `${SOURCES_FOLDER}/${file}`;
    for (const [index, line] of (machine.disk.read(path) ?? '').split('\n').entries()) {
      const entry = (line.split('#')[0] ?? '').trim();
      if (entry === '') continue;
      const source = parseSource(entry);
      if (source === null) {
        return (
          `E: Malformed entry ${index + 1} in list file ${path} (Component)\n` +
          'E: The list of sources could not be read.\n'
        );
      }
      sources.push(source);
    }
  }
  return sources;
}

function parseSource(entry: string): Source | null {
  const match = /^deb\s+(?:\[([^\]]*)\]\s+)?(https:\/\/([^/\s]+)(\/\S*?))\/?\s+\/$/.exec(entry);
  if (match === null) return null;
  const [, options = '', url = '', host = '', path = ''] = match;
  const minor = /^\/core:\/stable:\/v1\.(\d+)\/deb$/.exec(path)?.[1];
  const known = host === HOST && minor !== undefined && releaseOf(Number(minor)) !== null;
  return {
    url,
    host,
    minor: known ? Number(minor) : null,
    keyring: /(?:^|\s)signed-by=(\S+)/.exec(options)?.[1] ?? null,
  };
}

/** What the repository of a minor holds: every patch that the release table knows. */
export function repositoryOffers(minor: number, repository: string): OfferedPackage[] {
  const newest = releaseOf(minor)?.newestPatch ?? -1;
  const offers: OfferedPackage[] = [];
  for (const name of ['kubeadm', 'kubectl', 'kubelet']) {
    for (let patch = newest; patch >= 0; patch -= 1) {
      offers.push({ name, version: packageVersion({ minor, patch }), repository });
    }
  }
  return offers;
}

/** Where `update` keeps the list of a source. */
export function listFile(source: Source): string {
  return `${LISTS_FOLDER}/${source.url.replace('https://', '').replaceAll('/', '_')}_Packages`;
}

/** What the fetched lists of the present sources offer, newest first for each name. */
export function offersOf(machine: Machine, sources: readonly Source[]): OfferedPackage[] {
  return sources.flatMap((source) => parseOffers(machine.disk.read(listFile(source)) ?? '', source.url));
}
