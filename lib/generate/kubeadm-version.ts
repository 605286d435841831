/**
 * What differs between kubeadm's configuration APIs: v1beta4, which kubeadm 1.31 brought, and v1beta3 below.
 * Leaves out v1beta2 and older, gone since kubeadm 1.27.
 */
import { must } from '../base/errors.js';
import type { LabSpec } from '../model/lab.js';
import { kubeadmConfigApi, parseVersion, type KubernetesVersion } from '../model/version.js';
import { scaledDuration } from './timing.js';
import type { YamlMap } from './yaml.js';

export type KubeadmApi = ReturnType<typeof kubeadmConfigApi>;

/** The version in numbers; the configuration has checked that it is one. */
export function versionOf(kubernetesVersion: string): KubernetesVersion {
  return must(parseVersion(kubernetesVersion), `${kubernetesVersion} is not a version`);
}

/** The API that the kubeadm of this Kubernetes version prefers. */
export function kubeadmApi(kubernetesVersion: string): KubeadmApi {
  return kubeadmConfigApi(versionOf(kubernetesVersion).minor);
}

/** True for v1beta3, which has neither `timeouts` nor the kinds for reset and upgrade. */
export function isOld(api: KubeadmApi): boolean {
  return api === 'kubeadm.k8s.io/v1beta3';
}

/** First lines of every kubeadm document. */
export function header(api: KubeadmApi, kind: string): YamlMap {
  return { apiVersion: api, kind };
}

/** A map in v1beta3, a list of name and value in v1beta4; each version refuses the other's form. */
export function extraArgs(api: KubeadmApi, args: Readonly<Record<string, string>>): unknown {
  if (isOld(api)) return args;
  return Object.entries(args).map(([name, value]) => ({ name, value }));
}

/** kubeadm's defaults in seconds, as `kubeadm config print init-defaults` of 1.31 prints them. */
const TIMEOUTS = {
  controlPlaneComponentHealthCheck: 240,
  kubeletHealthCheck: 240,
  kubernetesAPICall: 60,
  etcdAPICall: 120,
  tlsBootstrap: 300,
  discovery: 300,
  upgradeManifests: 300,
} as const;

/**
 * The `timeouts` of the v1beta4 kinds. kubeadm does not keep them in the cluster: each command must be told
 * again, and `controlPlaneComponentHealthCheck` also sets how long the static pods' startup probes wait.
 */
export function timeouts(lab: LabSpec): YamlMap {
  return Object.fromEntries(
    Object.entries(TIMEOUTS).map(([name, seconds]) => [name, scaledDuration(lab, seconds)]),
  );
}

/**
 * The only two time-outs that v1beta3 lets one set: of the API server's start, and of discovery in a join.
 */
export function apiServerTimeout(lab: LabSpec): string {
  return scaledDuration(lab, TIMEOUTS.controlPlaneComponentHealthCheck);
}

export function discoveryTimeout(lab: LabSpec): string {
  return scaledDuration(lab, TIMEOUTS.discovery);
}
