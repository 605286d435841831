/**
 * What the plan of a lab asks of a bundle, as plain data, for the lab's version of Kubernetes and further ones to
 * upgrade to. Leaves out Debian packages, which depend on what the base image has, and images that a manifest of an
 * add-on names: see manifest.ts.
 */
import { must } from '../base/errors.js';
import { addonReleases } from '../generate/addons.js';
import { BRIDGE_PLUGINS } from '../generate/bridge.js';
import { kubeVipImage } from '../generate/kube-vip.js';
import { KUBERNETES_PROGRAMS } from '../model/bundle.js';
import type { LabSpec } from '../model/lab.js';
import { kubeadmImages, parseVersion } from '../model/version.js';

export interface FileNeed {
  readonly path: string;
  /** What it is for, as a clause. */
  readonly why: string;
  /** False when a base image may bring it as well, so that its absence is no error yet. */
  readonly required: boolean;
}

export interface ImageNeed {
  /** Such as `registry.k8s.io/pause:3.10`. */
  readonly image: string;
  readonly why: string;
  /** The versions of Kubernetes that use it; each finds it among its own images or the common ones. */
  readonly versions: readonly string[];
  /** Where `bundle create` puts it: `v1.31.4/images` or `common/images`. */
  readonly folder: string;
  /**
   * True when the tag comes from homelab's table of releases and the kubeadm in the bundle has the last word, so that
   * another tag of the repository will do.
   */
  readonly anyTag: boolean;
}

export interface BundleNeeds {
  readonly versions: readonly string[];
  readonly files: readonly FileNeed[];
  readonly images: readonly ImageNeed[];
}

/** Of images that no version of Kubernetes has for itself. */
export const COMMON_IMAGES = 'common/images';
const REGISTRY = 'registry.k8s.io';
const COMPONENTS = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'];

/** `versions` are those to upgrade to; the lab's own comes first in any case. */
export function bundleNeeds(lab: LabSpec, versions: readonly string[] = []): BundleNeeds {
  const all = [...new Set([lab.kubernetes.version, ...versions])];
  return {
    versions: all,
    files: [...all.flatMap(programs), ...tools(), ...cniPlugins(lab), ...manifests(lab)],
    images: merged([...all.flatMap(kubernetesImages), ...kubeVip(lab, all)]),
  };
}

function programs(version: string): readonly FileNeed[] {
  return KUBERNETES_PROGRAMS.map((name) => ({
    ...{ path: `${version}/bin/${name}`, required: true },
    why: `every node of ${version} runs it`,
  }));
}

/** Not helm: with a bundle add-ons are manifests, and kubectl applies them. */
function tools(): readonly FileNeed[] {
  return [
    { path: 'common/bin/etcdctl', why: 'joining and removing control planes asks etcd', required: false },
    { path: 'common/bin/crictl', why: 'kubeadm looks for it', required: false },
  ];
}

/** By what the CNI's configuration calls. containerd sets up every pod's loopback with the plugin of that name. */
export function cniPluginNames({ kubernetes }: Pick<LabSpec, 'kubernetes'>): readonly string[] {
  switch (kubernetes.cni) {
    case 'bridge':
    case 'flannel':
      return BRIDGE_PLUGINS; // Flannel's plugin delegates to these.
    case 'cilium':
    case 'none':
      return ['loopback'];
  }
}

function cniPlugins(lab: LabSpec): readonly FileNeed[] {
  return cniPluginNames(lab).map((name) => ({
    ...{ path: `common/cni/${name}`, required: false },
    why: name === 'loopback' ? 'containerd runs it for every pod' : `the CNI ${lab.kubernetes.cni} runs it`,
  }));
}

function manifests(lab: LabSpec): readonly FileNeed[] {
  return addonReleases(lab).map(({ manifest, name }) => ({
    ...{ path: `common/manifests/${manifest}`, required: true },
    why: `the lab has ${name}`,
  }));
}

/** What `kubeadm config images list` prints for the version, as far as homelab's table knows. */
function kubernetesImages(version: string): readonly ImageNeed[] {
  const parsed = must(parseVersion(version), `${version} is no version`);
  const { etcd, coredns, pause } = must(kubeadmImages(parsed), `the release table has no ${version}`);
  const why = `kubeadm ${version} asks for it`;
  const shared = [`coredns/coredns:${coredns}`, `pause:${pause}`, `etcd:${etcd}`];
  return [
    ...COMPONENTS.map((name) => ({
      ...{ image: `${REGISTRY}/${name}:${version}`, why, versions: [version], anyTag: false },
      folder: `${version}/images`,
    })),
    ...shared.map((name) => ({
      ...{ image: `${REGISTRY}/${name}`, why, versions: [version], anyTag: true },
      folder: COMMON_IMAGES,
    })),
  ];
}

function kubeVip({ vip }: LabSpec, versions: readonly string[]): readonly ImageNeed[] {
  if (vip?.provider !== 'kube-vip') return [];
  const image = kubeVipImage(vip.kubeVipVersion);
  const why = 'kube-vip holds the address of the API';
  return [{ image, why, versions, anyTag: false, folder: COMMON_IMAGES }];
}

/** An image that two versions ask for is one need. */
function merged(needs: readonly ImageNeed[]): readonly ImageNeed[] {
  const byImage = new Map<string, ImageNeed>();
  for (const need of needs) {
    const before = byImage.get(need.image);
    byImage.set(need.image, { ...need, versions: [...(before?.versions ?? []), ...need.versions] });
  }
  return [...byImage.values()];
}
