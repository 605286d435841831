/**
 * Every file that homelab generates for a lab, by name, for `homelab render`. Leaves out kubeconfigs, and
 * puts marks in the place of secrets: those exist only while a saga runs, and only on the machine that needs
 * them.
 */
import { controlPlanes, loadBalancers, workers, type LabSpec, type MachineSpec } from '../model/lab.js';
import { addonReleases } from './addons.js';
import { bridgeConflist } from './bridge.js';
import { WHATS, type GeneratedFile, type What } from './file.js';
import { haproxyConfig } from './haproxy.js';
import { hostsFile } from './hosts.js';
import { kubeVipManifest } from './kube-vip.js';
import { initConfig, joinControlPlaneConfig, joinWorkerConfig, resetConfig } from './kubeadm.js';
import { networkdDropIn } from './network.js';
import { packerVariablesFile } from './packer.js';
import * as paths from './paths.js';
import { boxName, vagrantfile } from './vagrantfile.js';

/** Stand-ins that no kubeadm accepts, so that a rendered file cannot be taken for a usable one. */
export const PLACEHOLDERS = {
  token: '<token: made when a join needs it>',
  caCertHash: '<hash of the CA key: read from the first control plane>',
  certificateKey: '<certificate key: made when a join needs it>',
} as const;

type Generator = (lab: LabSpec, bundle: string | null) => readonly GeneratedFile[];

const generators: Readonly<Record<What, Generator>> = {
  vagrantfile: (lab, bundle) => [local('vagrantfile', 'Vagrantfile', vagrantfile(lab, boxName(lab, bundle)))],
  packer: (lab) => [local('packer', 'node.pkrvars.json', packerVariablesFile(lab))],
  hosts: (lab) => lab.machines.map((machine) => remote('hosts', machine, paths.HOSTS_FILE, hostsFile(lab))),
  network: (lab) =>
    lab.machines.map((machine) =>
      remote('network', machine, paths.networkDropIn(lab.network.interface), networkdDropIn(lab, machine)),
    ),
  haproxy: (lab) =>
    loadBalancers(lab).map((machine) => remote('haproxy', machine, paths.HAPROXY_CONFIG, haproxyConfig(lab))),
  kubeadm: kubeadmFiles,
  'kube-vip': kubeVipFiles,
  cni: (lab) =>
    lab.kubernetes.cni === 'bridge'
      ? nodes(lab).map((machine) =>
          remote('cni', machine, paths.BRIDGE_CONFLIST, bridgeConflist(lab, machine)),
        )
      : [],
  addons: addonFiles,
};

/**
 * All files of the lab, or those of one name; empty when the lab has none of that kind. `bundle` is the digest of what
 * the lab's bundle holds for a node, which the name of the node image depends on.
 */
export function render(lab: LabSpec, what?: What, bundle: string | null = null): readonly GeneratedFile[] {
  return (what === undefined ? WHATS : [what]).flatMap((name) => generators[name](lab, bundle));
}

function kubeadmFiles(lab: LabSpec): readonly GeneratedFile[] {
  const reset = resetConfig(lab);
  return nodes(lab).flatMap((machine, index) => {
    const config =
      index === 0
        ? remote('kubeadm', machine, paths.INIT_CONFIG, initConfig(lab), 0o600)
        : remote('kubeadm', machine, paths.JOIN_CONFIG, joinConfig(lab, machine), 0o600);
    return reset === null ? [config] : [config, remote('kubeadm', machine, paths.RESET_CONFIG, reset)];
  });
}

function joinConfig(lab: LabSpec, machine: MachineSpec): string {
  return machine.role === 'control-plane'
    ? joinControlPlaneConfig(lab, machine, PLACEHOLDERS)
    : joinWorkerConfig(lab, machine, PLACEHOLDERS);
}

function kubeVipFiles(lab: LabSpec): readonly GeneratedFile[] {
  if (lab.vip?.provider !== 'kube-vip') return [];
  return controlPlanes(lab).flatMap((machine, index) => {
    const steady = remote('kube-vip', machine, paths.KUBE_VIP_STEADY, kubeVipManifest(lab, 'steady'), 0o600);
    if (index > 0) return [steady];
    const bootstrap = kubeVipManifest(lab, 'bootstrap');
    return [remote('kube-vip', machine, paths.KUBE_VIP_BOOTSTRAP, bootstrap, 0o600), steady];
  });
}

/**
 * Charts are put in from the first control plane, which has helm and the administrator's kubeconfig. A
 * bundle's manifests have their values in them already.
 */
function addonFiles(lab: LabSpec): readonly GeneratedFile[] {
  if (lab.bundle !== null) return [];
  return controlPlanes(lab)
    .slice(0, 1)
    .flatMap((machine) =>
      addonReleases(lab).map((release) =>
        remote('addons', machine, paths.addonValues(release.name), release.values),
      ),
    );
}

/** Control planes first: the first of them is the one that `kubeadm init` runs on. */
function nodes(lab: LabSpec): readonly MachineSpec[] {
  return [...controlPlanes(lab), ...workers(lab)];
}

function local(what: What, path: string, content: string): GeneratedFile {
  return { what, machine: null, path, mode: 0o644, content };
}

function remote(
  what: What,
  machine: MachineSpec,
  path: string,
  content: string,
  mode = 0o644,
): GeneratedFile {
  return { what, machine: machine.name, path, mode, content };
}
