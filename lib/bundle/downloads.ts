/**
 * Where on the internet the files of a bundle are published, and how each is known to be the right one. Leaves out
 * images, which registries serve, and add-ons, which are charts.
 */
import { HELM } from '../generate/packer.js';
import type { Architecture } from '../model/bundle.js';
import { KUBERNETES_PROGRAMS } from '../model/bundle.js';
import type { LabSpec } from '../model/lab.js';
import { kubeadmImages, parseVersion } from '../model/version.js';
import { must } from '../base/errors.js';
import { cniPluginNames } from './needs.js';

/** A digest that homelab knows, or the file that the publisher puts beside the download. */
export type Checksum = { readonly sha256: string } | { readonly publishedAt: string };

/** A file that is used as it is published. */
export interface ProgramDownload {
  readonly url: string;
  readonly checksum: Checksum;
  /** In the bundle. */
  readonly path: string;
}

/** A compressed tar archive of which some files are used. */
export interface ArchiveDownload {
  readonly url: string;
  readonly checksum: Checksum;
  /** Names in the archive, without a leading `./`, and where each goes in the bundle. */
  readonly members: readonly { readonly name: string; readonly path: string }[];
}

/** Works with every Kubernetes that homelab knows: all speak version 1 of the container runtime's interface. */
const CRICTL = {
  version: 'v1.33.0',
  sha256: {
    amd64: '8307399e714626e69d1213a4cd18c8dec3d0201ecdac009b1802115df8973f0f',
    arm64: 'e1f34918d77d5b4be85d48f5d713ca617698a371b049ea1486000a5e86ab1ff3',
  },
};

const CNI_PLUGINS = {
  version: 'v1.7.1',
  sha256: {
    amd64: '1a28a0506bfe5bcdc981caf1a49eeab7e72da8321f1119b7be85f22621013098',
    arm64: '119fcb508d1ac2149e49a550752f9cd64d023a1d70e189b59c476e4d2bf7c497',
  },
};

const GITHUB = 'https://github.com';

/** kubeadm, kubelet and kubectl; each has its digest beside it. */
export function programDownloads(
  versions: readonly string[],
  architecture: Architecture,
): readonly ProgramDownload[] {
  return versions.flatMap((version) =>
    KUBERNETES_PROGRAMS.map((name) => {
      const url = `https://dl.k8s.io/release/${version}/bin/linux/${architecture}/${name}`;
      return { url, checksum: { publishedAt: `${url}.sha256` }, path: `${version}/bin/${name}` };
    }),
  );
}

export function archiveDownloads(lab: LabSpec, architecture: Architecture): readonly ArchiveDownload[] {
  return [etcdctl(lab, architecture), crictl(architecture), cniPlugins(lab, architecture)];
}

/** Of the release that kubeadm starts as etcd. */
function etcdctl(lab: LabSpec, architecture: Architecture): ArchiveDownload {
  const parsed = must(parseVersion(lab.kubernetes.version), 'the version of a lab is a version');
  const images = must(kubeadmImages(parsed), 'the version of a lab is in the table of releases');
  const release = `v${images.etcd.replace(/-\d+$/, '')}`;
  const base = `${GITHUB}/etcd-io/etcd/releases/download/${release}`;
  const name = `etcd-${release}-linux-${architecture}`;
  return {
    url: `${base}/${name}.tar.gz`,
    checksum: { publishedAt: `${base}/SHA256SUMS` },
    members: [{ name: `${name}/etcdctl`, path: 'common/bin/etcdctl' }],
  };
}

function crictl(architecture: Architecture): ArchiveDownload {
  const { version, sha256 } = CRICTL;
  const name = `crictl-${version}-linux-${architecture}.tar.gz`;
  return {
    url: `${GITHUB}/kubernetes-sigs/cri-tools/releases/download/${version}/${name}`,
    checksum: { sha256: sha256[architecture] },
    members: [{ name: 'crictl', path: 'common/bin/crictl' }],
  };
}

function cniPlugins(lab: LabSpec, architecture: Architecture): ArchiveDownload {
  const { version, sha256 } = CNI_PLUGINS;
  const name = `cni-plugins-linux-${architecture}-${version}.tgz`;
  return {
    url: `${GITHUB}/containernetworking/plugins/releases/download/${version}/${name}`,
    checksum: { sha256: sha256[architecture] },
    members: cniPluginNames(lab).map((plugin) => ({ name: plugin, path: `common/cni/${plugin}` })),
  };
}

/** helm for the computer that makes the bundle, which turns charts into manifests there. */
export function helmDownload(system: 'linux' | 'darwin', architecture: Architecture): ArchiveDownload {
  const url = `https://get.helm.sh/helm-${HELM.version}-${system}-${architecture}.tar.gz`;
  return {
    url,
    checksum: { publishedAt: `${url}.sha256sum` },
    members: [{ name: `${system}-${architecture}/helm`, path: 'helm' }],
  };
}

/**
 * The digest out of a published file: 64 hex digits alone, or the line of `sha256sum` that ends in the name. Null when
 * there is none.
 */
export function publishedDigest(text: string, url: string): string | null {
  const name = url.slice(url.lastIndexOf('/') + 1);
  if (/^[0-9a-f]{64}$/.test(text.trim())) return text.trim();
  const lines = text.split('\n').map((line) => /^([0-9a-f]{64}) [ *](.+)$/.exec(line.trim()));
  return lines.find((match) => match?.[2] === name || match?.[2]?.endsWith(`/${name}`))?.[1] ?? null;
}

/** Where the archive of an image goes in its folder. */
export function imageFileName(image: string): string {
  return `${image.replace(/[/:@]/g, '_')}.tar`;
}
