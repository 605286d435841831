/**
 * Variables of the node image as JSON for Packer (`*.pkrvars.json`), and the image's name. No address or name
 * of a lab is among them: one image serves every lab of a version and a choice of add-ons. Leaves out the
 * base image and how the image is built: those belong to the HCL in packer/.
 */
import { canonicalJson, sha256Hex } from '../base/digest.js';
import { must } from '../base/errors.js';
import type { LabSpec } from '../model/lab.js';
import { kubeadmImages, packageVersion, printMinor } from '../model/version.js';
import { addonReleases } from './addons.js';
import { kubeVipImage } from './kube-vip.js';
import { versionOf } from './kubeadm-version.js';

/** Helm that puts in the add-ons' charts; its client libraries span Kubernetes 1.30 to 1.33. */
const HELM_VERSION = 'v3.18.6';

export interface PackerVariables {
  /** Without the leading v: `1.31.4`. */
  readonly kubernetes_version: string;
  /** Debian version of kubeadm, kubelet and kubectl: `1.31.4-1.1`. */
  readonly kubernetes_package: string;
  /** There is one repository for each minor: the one of 1.31 never holds 1.32. */
  readonly kubernetes_apt_repository: string;
  readonly kubernetes_apt_key: string;
  /** The sandbox image that containerd must be told, so that it is the one kubeadm pulls. */
  readonly sandbox_image: string;
  /** Empty when the lab has no kube-vip. */
  readonly kube_vip_version: string;
  readonly kube_vip_image: string;
  readonly cni: string;
  /** Empty when no chart is put in. */
  readonly helm_version: string;
  /** Debian packages beyond what every node has. */
  readonly extra_packages: readonly string[];
  /** True when packages and images come from a bundle and not from the network. */
  readonly offline: boolean;
}

export function packerVariables(lab: LabSpec): PackerVariables {
  const { version, cni } = lab.kubernetes;
  const parsed = versionOf(version);
  const images = must(kubeadmImages(parsed), `the release table has no ${version}`);
  const repository = `https://pkgs.k8s.io/core:/stable:/${printMinor(parsed.minor)}/deb/`;
  const kubeVip = lab.vip?.provider === 'kube-vip' ? lab.vip : null;
  return {
    kubernetes_version: version.slice(1),
    kubernetes_package: packageVersion(parsed),
    kubernetes_apt_repository: repository,
    kubernetes_apt_key: `${repository}Release.key`,
    sandbox_image: `registry.k8s.io/pause:${images.pause}`,
    kube_vip_version: kubeVip?.kubeVipVersion ?? '',
    kube_vip_image: kubeVip === null ? '' : kubeVipImage(kubeVip.kubeVipVersion),
    cni,
    helm_version: lab.bundle === null && addonReleases(lab).length > 0 ? HELM_VERSION : '',
    extra_packages: extraPackages(lab),
    offline: lab.bundle !== null,
  };
}

export function packerVariablesFile(lab: LabSpec): string {
  return `${JSON.stringify(packerVariables(lab), null, 2)}\n`;
}

/**
 * Another set of variables is another box, so that a box is built again when, and only when, its inputs
 * change.
 */
export function nodeImageName(lab: LabSpec): string {
  const digest = sha256Hex(canonicalJson(packerVariables(lab))).slice(0, 12);
  return `homelab/node-${lab.kubernetes.version}-${digest}`;
}

function extraPackages(lab: LabSpec): readonly string[] {
  return [
    ...(lab.vip?.provider === 'haproxy' ? ['haproxy'] : []),
    // Longhorn attaches volumes over iSCSI and serves shared ones over NFS.
    ...(lab.kubernetes.csi === 'longhorn' ? ['nfs-common', 'open-iscsi'] : []),
  ];
}
