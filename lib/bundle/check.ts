/**
 * Judges a bundle: its list against what is in the folder, and the folder against what a lab needs. Every problem
 * names its file. Changes and reads nothing.
 */
import type { Problem } from '../base/errors.js';
import { placeOf, type Bundle } from '../model/bundle.js';
import type { FileFacts, FolderFacts } from './facts.js';
import { problem, type Told } from './problem.js';

/** The folder against its own list: digests, sizes, what is missing or too much, and processors. */
export function checkFolder(bundle: Bundle, facts: FolderFacts): readonly Problem[] {
  const found = new Map(facts.files.map((file) => [file.path, file]));
  const listed = new Set(bundle.files.map(({ path }) => path));
  return [
    ...bundle.files.flatMap((file) => {
      const there = found.get(file.path);
      if (there === undefined) return [missing(file.path, facts)];
      const altered = alteration(file, there);
      return altered === null ? contentProblems(bundle, there) : [altered];
    }),
    ...[...facts.files.map(({ path }) => path), ...facts.strange]
      .filter((path) => !listed.has(path))
      .map(unlisted),
    ...bundle.kubernetes.flatMap((version) => emptyVersion(bundle, version)),
  ];
}

function missing(path: string, { strange }: FolderFacts): Problem {
  return problem(path, {
    code: 'bundle-file-missing',
    message: strange.includes(path)
      ? 'it is no file of its own; links are not followed.'
      : 'bundle.yaml lists it, and it is not there.',
    remedy: 'Put it back, or list what is there with: homelab bundle index DIR',
  });
}

function alteration(listed: Bundle['files'][number], found: FileFacts): Problem | null {
  const told =
    listed.size === found.size
      ? { what: 'its SHA-256', expected: listed.sha256, found: found.sha256 }
      : { what: 'its size', expected: `${listed.size} bytes`, found: `${found.size} bytes` };
  if (told.expected === told.found) return null;
  return problem(listed.path, {
    code: 'bundle-file-altered',
    message: `${told.what} is not the one in bundle.yaml.`,
    remedy: 'Copy it again from where it came from. If the change was yours: homelab bundle index DIR',
    expected: told.expected,
    found: told.found,
  });
}

function unlisted(path: string): Problem {
  return problem(path, {
    code: 'bundle-file-unlisted',
    severity: 'warning',
    message: 'bundle.yaml does not list it, so homelab does not use it.',
    remedy: 'Remove it, or list it with: homelab bundle index DIR',
  });
}

function emptyVersion({ files }: Bundle, version: string): readonly Problem[] {
  if (files.some(({ path }) => path.startsWith(`${version}/`))) return [];
  return [
    problem(`${version}/`, {
      code: 'bundle-version-empty',
      message: `bundle.yaml says that ${version} is in it, and lists no file of it.`,
      remedy: 'Add its files and list them with: homelab bundle index DIR',
    }),
  ];
}

/** What can be wrong with a file that is what it was when it was listed. */
export function contentProblems(
  { architecture }: Pick<Bundle, 'architecture'>,
  file: FileFacts,
): readonly Problem[] {
  const place = placeOf(file.path);
  if (place === null) return [misplaced(file.path)];
  if (file.archive !== null) return archiveProblems(architecture, file, file.archive);
  if (typeof file.manifest === 'string') return [unreadableManifest(file.path, file.manifest)];
  if (file.architecture !== null && file.architecture !== architecture) {
    return [otherProcessor(file.path, architecture, file.architecture)];
  }
  return place.kind === 'kubernetes' && file.architecture === null ? [noProgram(file.path)] : [];
}

function archiveProblems(
  architecture: Bundle['architecture'],
  { path }: FileFacts,
  { images, faults, unnamed }: NonNullable<FileFacts['archive']>,
): readonly Problem[] {
  const foreign = images.filter(
    ({ architectures }) => architectures.length > 0 && !architectures.includes(architecture),
  );
  return [
    ...faults.map((fault) =>
      problem(path, {
        code: 'bundle-archive-unreadable',
        message: `${fault}.`,
        remedy: 'Write it again with `docker save`, `ctr images export` or `skopeo copy`, under full names.',
      }),
    ),
    ...unnamed.map((shown) =>
      problem(path, {
        code: 'bundle-image-unnamed',
        severity: 'warning',
        message: `an image in it has no full name, so nothing can ask for it: ${shown}`,
        remedy: 'Write the archive again under a name such as registry.k8s.io/pause:3.10.',
      }),
    ),
    ...foreign.map(({ name, architectures }) =>
      otherProcessor(path, architecture, architectures.join(', '), `image ${name}`),
    ),
  ];
}

function misplaced(path: string): Problem {
  return problem(path, {
    code: 'bundle-file-misplaced',
    severity: 'warning',
    message: 'the format has no such place, so homelab does not use it.',
    remedy: 'Move it to where docs/bundles.md says, and list it with: homelab bundle index DIR',
  });
}

function otherProcessor(path: string, expected: string, found: string, what = 'the program'): Problem {
  const told: Told = {
    code: 'bundle-architecture',
    message: `${what} is not for the processor of this bundle.`,
    remedy: `Put the one for ${expected} there.`,
  };
  return problem(path, { ...told, expected, found });
}

function noProgram(path: string): Problem {
  return problem(path, {
    code: 'bundle-program-odd',
    severity: 'warning',
    message: 'it is no ELF program, so nobody can say for which processor it is.',
    remedy: 'Put the published program there, unless this is what you want.',
  });
}

function unreadableManifest(path: string, why: string): Problem {
  return problem(path, {
    code: 'bundle-manifest-unreadable',
    message: `it is not YAML: ${why}`,
    remedy: 'Write it again, such as with: helm template',
  });
}
