/**
 * Kubernetes versions: reading and writing them, what the release table knows of them, and the version skew policy.
 * Pre-releases are not read: homelab installs published packages only. Only Kubernetes 1 exists.
 */
import { must } from '../base/errors.js';
import {
  KUBERNETES_RELEASES,
  PACKAGE_REVISION,
  type KubeadmImages,
  type KubernetesRelease,
} from './kubernetes-releases.js';

/** A full version of Kubernetes 1. */
export interface KubernetesVersion {
  readonly minor: number;
  readonly patch: number;
}

/** What a person may write: the patch is null when only a minor was named. */
export interface VersionRequest {
  readonly minor: number;
  readonly patch: number | null;
}

const REQUEST = /^v?1\.(0|[1-9]\d{0,3})(?:\.(0|[1-9]\d{0,3}))?$/;

/** Reads `v1.31.4`, `1.31.4`, `v1.31` and `1.31`; null for anything else. */
export function parseVersionRequest(text: string): VersionRequest | null {
  const match = REQUEST.exec(text);
  if (match === null) return null;
  return { minor: Number(match[1]), patch: match[2] === undefined ? null : Number(match[2]) };
}

/** Reads a version with a patch number, with or without the v; null for anything else. */
export function parseVersion(text: string): KubernetesVersion | null {
  const request = parseVersionRequest(text);
  return request === null || request.patch === null ? null : { minor: request.minor, patch: request.patch };
}

/** `v1.31.4`, as kubeadm and `kubectl get nodes` print it. */
export function printVersion(version: KubernetesVersion): string {
  return `v1.${version.minor}.${version.patch}`;
}

/** `v1.31`, as the package repositories name a minor. */
export function printMinor(minor: number): string {
  return `v1.${minor}`;
}

/** Negative when `a` is older than `b`, 0 when equal, positive when newer. */
export function compareVersions(a: KubernetesVersion, b: KubernetesVersion): number {
  return a.minor - b.minor || a.patch - b.patch;
}

export function releaseOf(minor: number): KubernetesRelease | null {
  return KUBERNETES_RELEASES.find((release) => release.minor === minor) ?? null;
}

/** The minors of the table, oldest first. */
export function knownMinors(): readonly number[] {
  return KUBERNETES_RELEASES.map((release) => release.minor);
}

/**
 * The version that a request stands for: a minor alone means its newest patch in the table. Null when the table
 * does not know the minor. A patch above the newest known one is taken as written; ask `isKnownPatch`.
 */
export function pickVersion(request: VersionRequest): KubernetesVersion | null {
  const release = releaseOf(request.minor);
  if (release === null) return null;
  return { minor: request.minor, patch: request.patch ?? release.newestPatch };
}

/** False for an unknown minor, and for a patch that is newer than the table. */
export function isKnownPatch(version: KubernetesVersion): boolean {
  const release = releaseOf(version.minor);
  return release !== null && version.patch <= release.newestPatch;
}

/** The etcd, CoreDNS and pause tags that kubeadm of this version asks for; null for a minor outside the table. */
export function kubeadmImages(version: KubernetesVersion): KubeadmImages | null {
  const release = releaseOf(version.minor);
  if (release === null) return null;
  const images = release.images.findLast((candidate) => candidate.fromPatch <= version.patch);
  const { etcd, coredns, pause } = must(
    images,
    `the release table has no images from patch 0 of 1.${version.minor}`,
  );
  return { etcd, coredns, pause };
}

/** The version of the kubeadm, kubelet and kubectl packages: `1.31.4-1.1`. */
export function packageVersion(version: KubernetesVersion): string {
  return `1.${version.minor}.${version.patch}-${PACKAGE_REVISION}`;
}

/** The API that kubeadm's configuration is written in: v1beta4 came with 1.31, older kubeadms know only v1beta3. */
export function kubeadmConfigApi(minor: number): 'kubeadm.k8s.io/v1beta3' | 'kubeadm.k8s.io/v1beta4' {
  return minor >= 31 ? 'kubeadm.k8s.io/v1beta4' : 'kubeadm.k8s.io/v1beta3';
}

/** A kubelet may be up to three minors older than its API server, and never newer. */
export function kubeletSkewAllowed(apiServer: KubernetesVersion, kubelet: KubernetesVersion): boolean {
  const behind = apiServer.minor - kubelet.minor;
  return behind >= 0 && behind <= 3;
}

/** The API servers of one cluster may differ by one minor at most. */
export function apiServerSkewAllowed(a: KubernetesVersion, b: KubernetesVersion): boolean {
  return Math.abs(a.minor - b.minor) <= 1;
}

/** kubectl may be one minor older or newer than the API server. */
export function kubectlSkewAllowed(apiServer: KubernetesVersion, kubectl: KubernetesVersion): boolean {
  return Math.abs(apiServer.minor - kubectl.minor) <= 1;
}

/** kubeadm deploys its own minor or the one before it. */
export function kubeadmSkewAllowed(kubeadm: KubernetesVersion, cluster: KubernetesVersion): boolean {
  const behind = kubeadm.minor - cluster.minor;
  return behind === 0 || behind === 1;
}

/** kubeadm upgrades within a minor or to the next one, and never back. */
export function upgradeStepAllowed(from: KubernetesVersion, to: KubernetesVersion): boolean {
  const minors = to.minor - from.minor;
  return minors === 1 || (minors === 0 && to.patch >= from.patch);
}
