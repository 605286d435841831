/**
 * What is on the disk of a machine made from the node image, and on the operator's workstation: programs, units,
 * container images. Programs are files that name themselves and their version, so that a package upgrade is a
 * change of files and a missing program is a missing file.
 */
import { kubeadmImages, packageVersion, parseVersion } from '../model/version.js';
import { must } from '../base/errors.js';
import { LISTS_FOLDER, printOffers, writeInstalled } from './apt/packages.js';
import {
  KUBERNETES_KEYRING,
  KUBERNETES_LIST,
  kubernetesSource,
  listFile,
  readSources,
  repositoryOffers,
} from './apt/sources.js';
import { parentOf } from './disk.js';
import type { Machine } from './machine.js';
import type { Invocation } from './process.js';
import { UNIT_FOLDER } from './units.js';

export interface NodeImage {
  /** Such as `v1.31.4`: version of kubeadm, kubelet, kubectl and of the pulled images. */
  readonly kubernetesVersion: string;
  /** Null for an image without kube-vip. */
  readonly kubeVipVersion: string | null;
  /** Made from a bundle: kubeadm, kubelet and kubectl are files and no packages, and no repository is known. */
  readonly offline?: boolean;
}

/** Container images on the disk, one reference a line; kept by containerd. */
export const IMAGE_STORE = '/var/lib/containerd/images.list';

const BASE_PROGRAMS = [
  ...[
    '[',
    'apt-cache',
    'apt-get',
    'apt-mark',
    'arping',
    'cat',
    'chmod',
    'cp',
    'crictl',
    'ctr',
    'curl',
    'date',
    'df',
    'dpkg',
    'dpkg-query',
    'fallocate',
    'hostname',
    'install',
    'ip',
    'iptables',
    'journalctl',
    'kill',
  ],
  ...[
    'ls',
    'mkdir',
    'mv',
    'openssl',
    'pgrep',
    'pkill',
    'ping',
    'rm',
    'sha256sum',
    'stat',
    'sync',
    'sysctl',
    'systemctl',
    'tc',
    'test',
    'timedatectl',
    'timeout',
    'true',
    'uname',
    'helm',
  ],
  // What people type to look around.
  ...[
    'echo',
    'grep',
    'head',
    'tail',
    'wc',
    'du',
    'env',
    'find',
    'free',
    'hostnamectl',
    'id',
    'ps',
    'sleep',
    'touch',
    'uptime',
    'whoami',
    'which',
  ],
];
/** What homelab asks of the workstation; everything else belongs on a machine of the lab. */
const HOST_PROGRAMS = ['arping', 'curl', 'openssl', 'ping'];
const KUBERNETES_PROGRAMS = ['kubeadm', 'kubectl', 'kubelet'];

export function installHost(machine: Machine): void {
  machine.disk.makeDirectories('/usr/bin');
  machine.disk.makeDirectories('/tmp');
  machine.disk.makeDirectories('/etc');
  machine.disk.write('/etc/hosts', `127.0.0.1 localhost\n`);
  for (const name of HOST_PROGRAMS) installProgram(machine, name, 'base');
}

export function installNode(machine: Machine, image: NodeImage): void {
  const { disk } = machine;
  for (const folder of [
    '/tmp',
    '/root',
    '/usr/bin',
    '/usr/local/bin',
    '/etc/kubernetes/manifests',
    '/etc/cni/net.d',
  ]) {
    disk.makeDirectories(folder);
  }
  for (const folder of [
    '/opt/cni/bin',
    '/var/lib',
    '/var/log/pods',
    '/etc/haproxy',
    '/etc/systemd/network',
    '/run',
  ]) {
    disk.makeDirectories(folder);
  }
  disk.write('/etc/hostname', `${machine.name}\n`);
  disk.write('/etc/hosts', `127.0.0.1 localhost\n127.0.1.1 ${machine.name}\n`);
  for (const name of BASE_PROGRAMS) installProgram(machine, name, 'base');
  for (const name of KUBERNETES_PROGRAMS) installProgram(machine, name, image.kubernetesVersion);
  // The build of the image takes it out of the image of etcd, unless a bundle brings it.
  installProgram(machine, 'etcdctl', etcdVersion(tagsOf(image).etcd));
  for (const name of ['containerd', 'haproxy', 'sshd']) installProgram(machine, name, 'base');
  for (const plugin of ['bridge', 'host-local', 'loopback', 'portmap'])
    disk.write(`/opt/cni/bin/${plugin}`, plugin);
  writeUnit(machine, 'containerd', '/usr/bin/containerd', 'always', 5);
  writeUnit(machine, 'kubelet', '/usr/bin/kubelet', 'always', 10);
  writeUnit(machine, 'haproxy', '/usr/bin/haproxy -Ws -f /etc/haproxy/haproxy.cfg', 'always', 0);
  writeUnit(machine, 'ssh', '/usr/bin/sshd -D', 'on-failure', 0);
  for (const unit of ['containerd', 'kubelet', 'ssh']) machine.units.enable(unit);
  disk.makeDirectories('/etc');
  disk.write('/etc/resolv.conf', 'nameserver 192.168.121.1\n');
  if (image.offline !== true) installPackageSources(machine, image);
  disk.makeDirectories('/var/lib/containerd');
  disk.write(IMAGE_STORE, imagesOf(image).join('\n') + '\n');
}

/** The repository of the image's minor, its list as it was fetched, and the packages held where they are. */
function installPackageSources(machine: Machine, image: NodeImage): void {
  const { disk } = machine;
  const version = must(parseVersion(image.kubernetesVersion), `bad version ${image.kubernetesVersion}`);
  for (const path of [KUBERNETES_LIST, KUBERNETES_KEYRING, `${LISTS_FOLDER}/lock`]) {
    disk.makeDirectories(parentOf(path));
  }
  disk.write(KUBERNETES_KEYRING, 'the public key of the package repositories of Kubernetes\n');
  disk.write(KUBERNETES_LIST, kubernetesSource(version.minor));
  const sources = readSources(machine);
  for (const source of typeof sources === 'string' ? [] : sources) {
    disk.write(listFile(source), printOffers(repositoryOffers(version.minor, source.url)));
  }
  writeInstalled(
    machine,
    KUBERNETES_PROGRAMS.map((name) => ({ name, version: packageVersion(version), held: true })),
  );
}

/** Puts a program's file in place; its content tells the version that runs. */
export function installProgram(machine: Machine, name: string, version: string): void {
  machine.disk.write(`/usr/bin/${name}`, printProgram({ program: name, version }), { mode: 0o755 });
}

/** The content of a program's file. */
export function printProgram(of: { readonly program: string; readonly version: string }): string {
  return `${of.program} ${of.version}\n`;
}

/** `3.5.15-0` → `3.5.15`: the version of the programs in an image of etcd. */
export function etcdVersion(tag: string): string {
  return tag.replace(/^v/, '').replace(/-\d+$/, '');
}

/** What a program says of its version, by the file that it was started from. */
export function ownVersion({ machine, executable }: Pick<Invocation, 'machine' | 'executable'>): string {
  return (
    machine.disk
      .read(executable ?? '')
      ?.trim()
      .split(' ')[1] ?? ''
  );
}

/** The version of an installed program; null when it is not there. */
export function installedVersion(machine: Machine, name: string): string | null {
  return machine.disk.read(`/usr/bin/${name}`)?.trim().split(' ')[1] ?? null;
}

function writeUnit(
  machine: Machine,
  name: string,
  execStart: string,
  restart: string,
  restartSeconds: number,
): void {
  machine.disk.makeDirectories(UNIT_FOLDER);
  const text = `[Service]\nExecStart=${execStart}\nRestart=${restart}\nRestartSec=${restartSeconds}\n`;
  machine.disk.write(`${UNIT_FOLDER}/${name}.service`, text);
}

function tagsOf({ kubernetesVersion }: NodeImage) {
  const version = must(parseVersion(kubernetesVersion), `bad version ${kubernetesVersion}`);
  return must(kubeadmImages(version), `no images known for ${kubernetesVersion}`);
}

/** The images that the node image brings: what kubeadm of this version pulls, and kube-vip. */
function imagesOf(image: NodeImage): string[] {
  const tags = tagsOf(image);
  return [
    ...['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy'].map(
      (name) => `registry.k8s.io/${name}:${image.kubernetesVersion}`,
    ),
    `registry.k8s.io/coredns/coredns:${tags.coredns}`,
    `registry.k8s.io/pause:${tags.pause}`,
    `registry.k8s.io/etcd:${tags.etcd}`,
    ...(image.kubeVipVersion === null ? [] : [`ghcr.io/kube-vip/kube-vip:${image.kubeVipVersion}`]),
  ];
}
