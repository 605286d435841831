/** Makes `bundle.yaml` of what is in a folder: versions from the names of folders, the processor from programs. */
import { BUNDLE_API, placeOf, type Architecture, type Bundle } from '../model/bundle.js';
import { compareVersions, parseVersion, type KubernetesVersion } from '../model/version.js';
import type { FolderFacts } from './facts.js';

/**
 * Null when the processor is neither said nor told by a program. Where programs disagree the Kubernetes ones are
 * believed, and the others are a problem that a check finds.
 */
export function listOf(facts: FolderFacts, said?: Architecture): Bundle | null {
  const architecture = said ?? told(facts);
  if (architecture === null) return null;
  return {
    ...{ apiVersion: BUNDLE_API, kind: 'Bundle', architecture },
    kubernetes: versionsOf(facts),
    files: facts.files.map(({ path, sha256, size }) => ({ path, sha256, size })),
  };
}

function told({ files }: FolderFacts): Architecture | null {
  const programs = files.filter(({ architecture }) => architecture !== null && architecture !== 'other');
  const [first] = [...programs.filter(({ path }) => placeOf(path)?.kind === 'kubernetes'), ...programs];
  const architecture = first?.architecture ?? null;
  return architecture === 'other' ? null : architecture;
}

function versionsOf({ files }: FolderFacts): readonly string[] {
  const names = new Set(files.map(({ path }) => path.split('/')[0] ?? ''));
  const versions = [...names].flatMap((name): readonly [string, KubernetesVersion][] => {
    const version = /^v/.test(name) ? parseVersion(name) : null;
    return version === null ? [] : [[name, version]];
  });
  return versions.sort(([, a], [, b]) => compareVersions(a, b)).map(([name]) => name);
}
