/**
 * A bundle: the folder that holds everything a lab needs without a network, listed by `bundle.yaml` with a digest
 * for each file. What a file is for is said by its place alone. Leaves out reading and checking it.
 */
import { canonicalJson, sha256Hex } from '../base/digest.js';

export const BUNDLE_FILE = 'bundle.yaml';
export const BUNDLE_API = 'homelab/v1';

export const ARCHITECTURES = ['amd64', 'arm64'] as const;
/** As Kubernetes and container registries write it. */
export type Architecture = (typeof ARCHITECTURES)[number];

export interface BundleFile {
  /** Relative to the bundle, with forward slashes. */
  readonly path: string;
  /** 64 hex digits. */
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
}

/** The content of `bundle.yaml`. */
export interface Bundle {
  readonly apiVersion: typeof BUNDLE_API;
  readonly kind: 'Bundle';
  readonly architecture: Architecture;
  /** Versions such as `v1.31.4`, each with a folder of its own. */
  readonly kubernetes: readonly string[];
  readonly files: readonly BundleFile[];
}

/** A bundle and where it is. */
export interface OpenBundle {
  /** Absolute path of the folder. */
  readonly folder: string;
  readonly bundle: Bundle;
}

/** What a file is for. Versions are those of Kubernetes; null means that every version uses it. */
export interface BundlePlace {
  readonly kind: 'kubernetes' | 'image' | 'bin' | 'cni' | 'package' | 'manifest';
  readonly version: string | null;
  /** Its last name. */
  readonly name: string;
}

/** The programs of a version that every node has. */
export const KUBERNETES_PROGRAMS = ['kubeadm', 'kubelet', 'kubectl'] as const;

const VERSIONED = /^(v1\.\d+\.\d+)\/(?:bin\/(kubeadm|kubelet|kubectl)|images\/([^/]+\.tar))$/;
const COMMON =
  /^common\/(?:images\/([^/]+\.tar)|bin\/([^/]+)|cni\/([^/]+)|packages\/([^/]+\.deb)|manifests\/([^/]+\.yaml))$/;

/** Null for a path that the format has no place for. */
export function placeOf(path: string): BundlePlace | null {
  const [, version = '', program, versionImage] = VERSIONED.exec(path) ?? [];
  if (program !== undefined) return { kind: 'kubernetes', version, name: program };
  if (versionImage !== undefined) return { kind: 'image', version, name: versionImage };
  const [, image, bin, cni, deb, manifest] = COMMON.exec(path) ?? [];
  if (image !== undefined) return { kind: 'image', version: null, name: image };
  if (bin !== undefined) return { kind: 'bin', version: null, name: bin };
  if (cni !== undefined) return { kind: 'cni', version: null, name: cni };
  if (deb !== undefined) return { kind: 'package', version: null, name: deb };
  if (manifest !== undefined) return { kind: 'manifest', version: null, name: manifest };
  return null;
}

/** The listed files that go to a node of one version: all but other versions' and the manifests, which are applied. */
export function nodeFiles(bundle: Bundle, version: string): readonly BundleFile[] {
  return bundle.files.filter(({ path }) => {
    const place = placeOf(path);
    if (place === null || place.kind === 'manifest') return false;
    return place.version === null || place.version === version;
  });
}

/** Of what a node of that version gets: another digest is another node image. */
export function bundleDigest(bundle: Bundle, version: string): string {
  const files = nodeFiles(bundle, version).map(({ path, sha256 }) => [path, sha256]);
  return sha256Hex(canonicalJson(files.sort(([a = ''], [b = '']) => (a < b ? -1 : 1))));
}
