/**
 * Which upgrade a request stands for, and whether Kubernetes allows it: one minor at a time, never back, and with
 * versions that may live beside each other at every moment of the roll. Knows versions only; what the cluster is
 * like is asked elsewhere.
 */
import { RELEASES_AS_OF } from './kubernetes-releases.js';
import {
  apiServerSkewAllowed,
  compareVersions,
  isKnownPatch,
  kubeadmSkewAllowed,
  kubectlSkewAllowed,
  kubeletSkewAllowed,
  parseVersion,
  parseVersionRequest,
  pickVersion,
  printMinor,
  printVersion,
  type KubernetesVersion,
} from './version.js';

export interface UpgradeRefusal {
  readonly code: 'bad-version' | 'minor-skipped' | 'downgrade' | 'unknown-version' | 'version-skew';
  readonly message: string;
  readonly remedy: string;
}

export type UpgradeResolution =
  /** `notes` are whole sentences for the person who asked, such as where a patch number comes from. */
  | {
      readonly kind: 'upgrade';
      readonly from: string;
      readonly to: string;
      readonly notes: readonly string[];
    }
  | { readonly kind: 'nothing'; readonly version: string }
  | { readonly kind: 'refused'; readonly refusals: readonly UpgradeRefusal[] };

/**
 * `from` is the cluster's version with its patch; `wanted` is what a person wrote: `v1.32`, `1.32`, `v1.32.0`.
 * `offered` are the full versions that an offline bundle brings: with them a minor alone means its newest patch
 * there, and nothing else can be had.
 */
export function resolveUpgrade(
  from: string,
  wanted: string,
  offered: readonly string[] | null = null,
): UpgradeResolution {
  const current = parseVersion(from);
  const request = parseVersionRequest(wanted);
  if (current === null || request === null) return refused([notAVersion(current === null ? from : wanted)]);
  if (request.minor > current.minor + 1) return refused([minorSkipped(current, request.minor)]);
  if (request.minor < current.minor) return refused([downgrade(current, wanted)]);
  const target = offered === null ? pickVersion(request) : pickOffered(offered, request);
  if (target === null) return refused([unknown(wanted, offered)]);
  const order = compareVersions(target, current);
  if (order === 0) return { kind: 'nothing', version: printVersion(current) };
  if (order < 0) return refused([downgrade(current, printVersion(target))]);
  const skews = skewProblems(current, target);
  if (skews.length > 0) return refused(skews);
  const source = offered === null ? `homelab's table as of ${RELEASES_AS_OF}` : 'the bundle';
  const notes = [
    ...(request.patch === null
      ? [`${wanted} means ${printVersion(target)}, the newest patch in ${source}.`]
      : []),
    ...(offered === null && !isKnownPatch(target)
      ? [`${printVersion(target)} is newer than ${source}; it is taken as written.`]
      : []),
  ];
  return { kind: 'upgrade', from: printVersion(current), to: printVersion(target), notes };
}

/** One moment of the roll: which versions are in use side by side. */
export interface UpgradeMoment {
  readonly what: string;
  readonly apiServers: readonly KubernetesVersion[];
  readonly kubelets: readonly KubernetesVersion[];
  readonly kubeadm: KubernetesVersion;
  readonly cluster: KubernetesVersion;
  readonly kubectls: readonly KubernetesVersion[];
}

/** Every combination of versions that the roll passes through, in its order. */
export function upgradeMoments(from: KubernetesVersion, to: KubernetesVersion): readonly UpgradeMoment[] {
  const moment = (
    what: string,
    apiServers: readonly KubernetesVersion[],
    kubelets: readonly KubernetesVersion[],
    kubeadm: KubernetesVersion,
    cluster: KubernetesVersion,
  ): UpgradeMoment => ({ what, apiServers, kubelets, kubeadm, cluster, kubectls: kubelets });
  return [
    moment('before', [from], [from], from, from),
    moment('kubeadm is new on the first control plane', [from], [from], to, from),
    moment('the first API server is new', [to, from], [from], to, to),
    moment('the first kubelet is new', [to, from], [to, from], to, to),
    moment('every API server is new', [to], [to, from], to, to),
    moment('after', [to], [to], to, to),
  ];
}

/**
 * Versions that may not live together. A kubelet talks to the API through the floating address or the load
 * balancer, so it may meet any of the API servers; only a new kubelet's own node is certain to have a new one.
 */
export function skewProblems(from: KubernetesVersion, to: KubernetesVersion): readonly UpgradeRefusal[] {
  const oldest = (versions: readonly KubernetesVersion[]): KubernetesVersion =>
    versions.reduce((a, b) => (compareVersions(a, b) <= 0 ? a : b));
  const newest = (versions: readonly KubernetesVersion[]): KubernetesVersion =>
    versions.reduce((a, b) => (compareVersions(a, b) >= 0 ? a : b));
  return upgradeMoments(from, to).flatMap((at) => {
    const [low, high] = [oldest(at.apiServers), newest(at.apiServers)];
    const problems = [
      ...(apiServerSkewAllowed(low, high)
        ? []
        : [`API servers ${printVersion(low)} and ${printVersion(high)}`]),
      ...at.kubelets
        .filter((kubelet) => !kubeletSkewAllowed(high, kubelet))
        .map((kubelet) => `kubelet ${printVersion(kubelet)} with API server ${printVersion(high)}`),
      ...(kubeadmSkewAllowed(at.kubeadm, at.cluster)
        ? []
        : [`kubeadm ${printVersion(at.kubeadm)} with a cluster of ${printVersion(at.cluster)}`]),
      ...at.kubectls
        .filter((kubectl) => !kubectlSkewAllowed(low, kubectl) || !kubectlSkewAllowed(high, kubectl))
        .map((kubectl) => `kubectl ${printVersion(kubectl)}`),
    ];
    return problems.map((problem): UpgradeRefusal => ({
      code: 'version-skew',
      message: `${at.what}: ${problem} may not be used together`,
      remedy: 'Upgrade one minor at a time.',
    }));
  });
}

function refused(refusals: readonly UpgradeRefusal[]): UpgradeResolution {
  return { kind: 'refused', refusals };
}

function pickOffered(
  offered: readonly string[],
  request: { readonly minor: number; readonly patch: number | null },
): KubernetesVersion | null {
  const fits = offered
    .map((version) => parseVersion(version))
    .filter((version) => version !== null)
    .filter(({ minor, patch }) => minor === request.minor && (request.patch ?? patch) === patch);
  return fits.sort(compareVersions).at(-1) ?? null;
}

function notAVersion(text: string): UpgradeRefusal {
  return {
    code: 'bad-version',
    message: `${text} is no version of Kubernetes`,
    remedy: 'Write it as v1.32, 1.32 or v1.32.0.',
  };
}

function minorSkipped(from: KubernetesVersion, minor: number): UpgradeRefusal {
  const path = Array.from({ length: minor - from.minor }, (_, i) => printMinor(from.minor + 1 + i));
  return {
    code: 'minor-skipped',
    message:
      `from ${printMinor(from.minor)} to ${printMinor(minor)}: first --to ${path[0] ?? ''}; ` +
      'Kubernetes is upgraded one minor at a time',
    remedy: `Type one after the other: ${path.map((step) => `homelab k8s upgrade --to ${step}`).join(', then ')}`,
  };
}

function downgrade(from: KubernetesVersion, to: string): UpgradeRefusal {
  return {
    code: 'downgrade',
    message: `the cluster runs ${printVersion(from)}, and ${to} is older; Kubernetes is not downgraded`,
    remedy: 'Make another lab of the older version with: homelab up --lab NAME --kubernetes-version VERSION',
  };
}

function unknown(wanted: string, offered: readonly string[] | null): UpgradeRefusal {
  if (offered !== null) {
    return {
      code: 'unknown-version',
      message: `the bundle does not bring ${wanted}; it has ${offered.join(', ') || 'no version'}`,
      remedy: 'Add it with `homelab bundle create`, or choose one that the bundle has.',
    };
  }
  return {
    code: 'unknown-version',
    message: `homelab's table of releases, as of ${RELEASES_AS_OF}, does not know ${wanted}`,
    remedy: 'Choose a release of the table, or use a newer homelab.',
  };
}
