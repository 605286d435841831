/**
 * Variables of the node image as JSON for Packer (`*.pkrvars.json`), and the image's name. No address or name
 * of a lab is among them: one image serves every lab of a version and a choice of add-ons. What is done with
 * them is said by the recipe in packer/.
 */
import { canonicalJson, sha256Hex } from '../base/digest.js';
import { must } from '../base/errors.js';
import type { LabSpec } from '../model/lab.js';
import { kubeadmImages, packageVersion, printMinor } from '../model/version.js';
import { addonReleases } from './addons.js';
import { kubeVipImage } from './kube-vip.js';
import { PACKER_RECIPE } from './packer-recipe.js';
import { scaledSeconds } from './timing.js';
import { versionOf } from './kubeadm-version.js';

/**
 * Helm that puts in the add-ons' charts; its client libraries span Kubernetes 1.30 to 1.33. The digest is the one
 * in the notes of Helm's release on GitHub.
 */
export const HELM = {
  version: 'v3.18.6',
  sha256: '3f43c0aa57243852dd542493a0f54f1396c0bc8ec7296bbb2c01e802010819ce',
};

/**
 * Fingerprint of "isv:kubernetes OBS Project", which signs the repositories of all minors. Found in several public
 * repositories on GitHub that pin it independently of one another; its last 16 digits are also in error messages of apt
 * that people report.
 */
const KUBERNETES_KEY = 'DE15B14486CD377B9E876E1A234654DA9A296436';

/** The nodes' root disk: enough for the images of Kubernetes and of add-ons. Sparse, so that it costs what is used. */
const DISK_GIB = 20;

export interface PackerVariables {
  /** Without the leading v: `1.31.4`. */
  readonly kubernetes_version: string;
  /** Debian version of kubeadm, kubelet and kubectl: `1.31.4-1.1`. */
  readonly kubernetes_package: string;
  /** There is one repository for each minor: the one of 1.31 never holds 1.32. */
  readonly kubernetes_apt_repository: string;
  readonly kubernetes_apt_key: string;
  readonly kubernetes_apt_key_fingerprint: string;
  /** The sandbox image that containerd must be told, so that it is the one kubeadm pulls. */
  readonly sandbox_image: string;
  /** Empty when the lab has no kube-vip. */
  readonly kube_vip_image: string;
  readonly cni: string;
  /** Empty when no chart is put in. */
  readonly helm_version: string;
  readonly helm_sha256: string;
  /** Debian packages beyond what every node has. */
  readonly extra_packages: readonly string[];
  /** True when packages and images come from a bundle and not from the network. */
  readonly offline: boolean;
  /** Stands for the base image, wherever a copy of it is. */
  readonly base_image_checksum: string;
  readonly ssh_username: string;
  /** As qemu-img takes it. */
  readonly disk_size: string;
}

/** How one build is done on one computer; the image does not depend on it. */
export interface PackerBuildVariables {
  /** Address or absolute path. */
  readonly base_image: string;
  readonly ssh_private_key_file: string;
  readonly seed_directory: string;
  readonly bundle_directory: string;
  readonly output_directory: string;
  readonly accelerator: Accelerator;
  readonly ssh_timeout: string;
  readonly shutdown_timeout: string;
}

/** What runs a guest: the processor, or QEMU's software. */
export type Accelerator = 'kvm' | 'tcg';

/** A file of the recipe, by its path in packer/. */
export interface RecipeFile {
  readonly path: string;
  readonly content: string;
}

export function packerVariables(lab: LabSpec): PackerVariables {
  const { version, cni } = lab.kubernetes;
  const parsed = versionOf(version);
  const images = must(kubeadmImages(parsed), `the release table has no ${version}`);
  const repository = `https://pkgs.k8s.io/core:/stable:/${printMinor(parsed.minor)}/deb/`;
  const helm = lab.bundle === null && addonReleases(lab).length > 0;
  const kubeVip = lab.vip?.provider === 'kube-vip' ? lab.vip : null;
  return {
    kubernetes_version: version.slice(1),
    kubernetes_package: packageVersion(parsed),
    kubernetes_apt_repository: repository,
    kubernetes_apt_key: `${repository}Release.key`,
    kubernetes_apt_key_fingerprint: KUBERNETES_KEY,
    sandbox_image: `registry.k8s.io/pause:${images.pause}`,
    kube_vip_image: kubeVip === null ? '' : kubeVipImage(kubeVip.kubeVipVersion),
    cni,
    helm_version: helm ? HELM.version : '',
    helm_sha256: helm ? HELM.sha256 : '',
    extra_packages: extraPackages(lab),
    offline: lab.bundle !== null,
    base_image_checksum: lab.image.checksum,
    ssh_username: lab.image.sshUser,
    disk_size: `${DISK_GIB * 1024}M`,
  };
}

export function packerVariablesFile(lab: LabSpec): string {
  return `${JSON.stringify(packerVariables(lab), null, 2)}\n`;
}

/** `timeScale` stretches what waits for the machine. */
export function packerBuildVariables(
  lab: LabSpec,
  places: Omit<PackerBuildVariables, 'ssh_timeout' | 'shutdown_timeout'>,
): PackerBuildVariables {
  return {
    ...places,
    ssh_timeout: `${scaledSeconds(lab, 600)}s`,
    shutdown_timeout: `${scaledSeconds(lab, 300)}s`,
  };
}

export const NODE_IMAGE_PREFIX = 'homelab/node-';

/**
 * The Vagrant box's name. Other variables, another recipe or another content of the bundle are another box, so that
 * a box is built again when, and only when, what it is made from changes. `bundle` is the digest of what the
 * bundle holds for a node; null without a bundle.
 */
export function nodeImageName(lab: LabSpec, bundle: string | null): string {
  const inputs = { variables: packerVariables(lab), recipe: PACKER_RECIPE, bundle };
  return `${NODE_IMAGE_PREFIX}${lab.kubernetes.version}-${sha256Hex(canonicalJson(inputs)).slice(0, 12)}`;
}

/** One digest of the whole recipe, whatever the order of the files. */
export function recipeDigest(files: readonly RecipeFile[]): string {
  const sorted = files
    .map(({ path, content }) => [path, content] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256Hex(canonicalJson(sorted));
}

/** What makes a directory with `box.img` a Vagrant box of the libvirt provider. */
export function boxFiles(): readonly RecipeFile[] {
  const metadata = { provider: 'libvirt', format: 'qcow2', virtual_size: DISK_GIB };
  const vagrantfile = [
    '# Made by homelab. What the guest is; everything else is said by the Vagrantfile of a lab.',
    "Vagrant.configure('2') do |config|",
    '  # Spares some thirty questions by SSH, ten seconds under software emulation.',
    '  config.vm.guest = :debian',
    '  config.vm.provider :libvirt do |libvirt|',
    "    libvirt.disk_bus = 'virtio'",
    "    libvirt.nic_model_type = 'virtio'",
    '  end',
    'end',
    '',
  ];
  return [
    { path: 'metadata.json', content: `${JSON.stringify(metadata)}\n` },
    { path: 'Vagrantfile', content: vagrantfile.join('\n') },
  ];
}

function extraPackages(lab: LabSpec): readonly string[] {
  return [
    ...(lab.vip?.provider === 'haproxy' ? ['haproxy'] : []),
    // Longhorn attaches volumes over iSCSI and serves shared ones over NFS.
    ...(lab.kubernetes.csi === 'longhorn' ? ['nfs-common', 'open-iscsi'] : []),
  ];
}
