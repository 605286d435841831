/** Judges whether a bundle has what the plan of a lab needs. Its files are taken to be sound: see check.ts. */
import type { Problem } from '../base/errors.js';
import { placeOf, type Bundle } from '../model/bundle.js';
import { parseImage, printImage, repositoryOf } from '../model/image-reference.js';
import type { FileFacts, FolderFacts } from './facts.js';
import { COMMON_IMAGES, type BundleNeeds, type FileNeed, type ImageNeed } from './needs.js';
import { problem } from './problem.js';

/** Names of images by the version that brings them; null is common. Unlisted files do not count. */
type Brought = readonly { readonly version: string | null; readonly name: string }[];

export function checkNeeds(bundle: Bundle, facts: FolderFacts, needs: BundleNeeds): readonly Problem[] {
  const listed = new Set(bundle.files.map(({ path }) => path));
  const files = facts.files.filter(({ path }) => listed.has(path));
  const brought = imagesOf(files);
  return [
    ...needs.versions.filter((version) => !bundle.kubernetes.includes(version)).map(noVersion),
    ...needs.files.filter(({ path }) => !listed.has(path)).map(noFile),
    ...needs.images.flatMap((need) => imageProblems(need, brought)),
    ...files.flatMap((file) => manifestProblems(file, needs, brought)),
  ];
}

/** The images that are listed, in the order of their names. */
export function imagesOf(files: readonly FileFacts[]): Brought {
  const all = files.flatMap(({ path, archive }) =>
    (archive?.images ?? []).map(({ name }) => ({ version: placeOf(path)?.version ?? null, name })),
  );
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function noVersion(version: string): Problem {
  return problem(`${version}/`, {
    code: 'bundle-version-missing',
    message: `Kubernetes ${version} is not among the versions in bundle.yaml.`,
    remedy: `Add it with: homelab bundle create DIR --kubernetes ${version}`,
  });
}

function noFile({ path, why, required }: FileNeed): Problem {
  return problem(path, {
    code: 'bundle-need-missing',
    severity: required ? 'error' : 'warning',
    message: required
      ? `it is needed: ${why}.`
      : `it is not in the bundle, so the base image must bring it: ${why}.`,
    remedy:
      'Add it and list it with `homelab bundle index DIR`, or fetch it with `homelab bundle create DIR`.',
  });
}

function imageProblems(need: ImageNeed, brought: Brought): readonly Problem[] {
  const lacking = need.versions.filter(
    (version) => !usableBy(version, brought).some((name) => name === need.image),
  );
  const [version] = lacking;
  if (version === undefined) return [];
  const wanted = parseImage(need.image);
  const others = usableBy(version, brought).filter((name) => {
    const parsed = parseImage(name);
    return parsed !== null && wanted !== null && repositoryOf(parsed) === repositoryOf(wanted);
  });
  if (!need.anyTag || others.length === 0) return [noImage(need)];
  return [
    problem(`${need.folder}/`, {
      code: 'bundle-image-other-tag',
      severity: 'warning',
      message: `${need.why} by homelab's table, and the bundle has another tag; the kubeadm in it decides.`,
      remedy: 'Compare with: kubeadm config images list',
      expected: need.image,
      found: others.join(', '),
    }),
  ];
}

/** A node of a version gets the images of that version and the common ones. */
function usableBy(node: string, brought: Brought): readonly string[] {
  return brought.filter(({ version }) => version === null || version === node).map(({ name }) => name);
}

function noImage({ image, why, folder }: Pick<ImageNeed, 'image' | 'why' | 'folder'>): Problem {
  return problem(`${folder}/`, {
    code: 'bundle-image-missing',
    message: `no archive in it brings the image ${image}: ${why}.`,
    remedy: 'Add an archive that has it, or fetch it with: homelab bundle create DIR',
  });
}

/** Of a manifest that the lab applies: its images must be there, and must not be asked of a registry. */
function manifestProblems(file: FileFacts, needs: BundleNeeds, brought: Brought): readonly Problem[] {
  const { path, manifest } = file;
  if (manifest === null || typeof manifest === 'string') return [];
  if (!needs.files.some((need) => need.path === path)) return [];
  const there = new Set(brought.filter(({ version }) => version === null).map(({ name }) => name));
  const lacking = manifest.images.filter((image) => {
    const parsed = parseImage(image);
    return parsed !== null && !there.has(printImage(parsed));
  });
  return [
    ...lacking.map((image) => noImage({ image, why: `${path} starts it`, folder: COMMON_IMAGES })),
    ...manifest.pulled.map((image) => pulled(path, image)),
    ...manifest.images.filter((image) => image.includes('@')).map((image) => byDigest(path, image)),
  ];
}

function pulled(path: string, image: string): Problem {
  return problem(path, {
    code: 'bundle-image-pulled',
    message: `a node would ask a registry for ${image} although it is there.`,
    remedy: 'Give the container a fixed tag and imagePullPolicy: IfNotPresent, and index the bundle again.',
    expected: 'IfNotPresent',
  });
}

function byDigest(path: string, image: string): Problem {
  return problem(path, {
    code: 'bundle-image-by-digest',
    message: `an imported image answers to its tag alone, and this asks for a digest: ${image}`,
    remedy: 'Take the digest out of the manifest, and index the bundle again.',
  });
}
