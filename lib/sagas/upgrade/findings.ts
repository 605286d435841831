/**
 * What stands in the way of one upgrade, beyond what is wrong with the cluster anyway: versions, disks, and the traps
 * of the version that it goes to. Pure: facts in, findings out.
 */
import { DEFAULT_KUBE_VIP_VERSION, judgeKubeVip, parseKubeVipVersion } from '../../model/kube-vip.js';
import type { LabSpec } from '../../model/lab.js';
import {
  apiServerSkewAllowed,
  compareVersions,
  kubeadmImages,
  kubeletSkewAllowed,
  parseVersion,
  printMinor,
  printVersion,
  type KubernetesVersion,
} from '../../model/version.js';
import { clusterFindings } from '../facts/findings.js';
import { tagOf, type ClusterFacts, type ClusterFinding } from '../facts/facts.js';
import { finding } from '../facts/rules.js';
import { addonFindings } from './addon-support.js';

/** Two equal versions ask about the cluster as it is. */
export interface UpgradeTarget {
  readonly from: string;
  readonly to: string;
}

/** Two preallocated logs of 64 MB are copied with the database, whatever its size. */
const ETCD_LOGS_BYTES = 128_000_000;
/** The images of a control plane unpacked beside the old ones, and the packages. */
const CONTROL_PLANE_BYTES = 1_000_000_000;
const WORKER_BYTES = 300_000_000;

/** Everything there is to say before an upgrade, or of a cluster that is only looked at, errors first. */
export function upgradeFindings(
  facts: ClusterFacts,
  lab: LabSpec,
  target: UpgradeTarget,
): readonly ClusterFinding[] {
  const found = [
    ...clusterFindings(facts, lab),
    ...versions(facts, target),
    ...skew(facts),
    ...disks(facts),
    ...etcdJump(facts, target),
    ...configApi(facts, target),
    ...kubeVip(lab),
    ...addonFindings(facts, target.to),
    ...cordoned(facts),
  ];
  const rank = { error: 0, warning: 1, note: 2 };
  return found.sort((a, b) => rank[a.severity] - rank[b.severity]);
}

/** A cluster that is not where the lab's record says, such as after an upgrade by hand. */
function versions(facts: ClusterFacts, { from, to }: UpgradeTarget): readonly ClusterFinding[] {
  const allowed = [from, to];
  const found = (facts.nodes ?? [])
    .filter(({ version }) => !allowed.includes(version))
    .map(({ name, version }) => `the kubelet of ${name} is ${version}`);
  const pods = (facts.staticPods ?? [])
    .filter(({ component, image }) => component === 'kube-apiserver' && !allowed.includes(tagOf(image)))
    .map(({ node, image }) => `the API server of ${node} is ${tagOf(image)}`);
  const cluster =
    facts.kubeadm === null || allowed.includes(facts.kubeadm.version)
      ? []
      : [`the cluster's configuration says ${facts.kubeadm.version}`];
  const wanted = from === to ? `not ${from}` : `neither ${from} nor ${to}`;
  return [...cluster, ...pods, ...found].map((what) =>
    finding('error', {
      code: 'unexpected-version',
      message: `${what}, which is ${wanted}`,
      remedy: `Bring it to ${from} by hand first, with the version that the whole cluster has.`,
    }),
  );
}

/** As the cluster is now, whatever is to come: what may not live side by side. */
function skew({ nodes, staticPods }: ClusterFacts): readonly ClusterFinding[] {
  const servers = (staticPods ?? []).flatMap(({ component, image, node }) => {
    const version = component === 'kube-apiserver' ? parseVersion(tagOf(image)) : null;
    return version === null ? [] : [{ node, version }];
  });
  const [oldest] = [...servers].sort((a, b) => compareVersions(a.version, b.version));
  const newest = [...servers].sort((a, b) => compareVersions(b.version, a.version))[0];
  if (oldest === undefined || newest === undefined) return [];
  const kubelets = (nodes ?? []).flatMap(({ name, version }) => {
    const kubelet = parseVersion(version);
    if (kubelet === null) return [];
    const server = kubelet.minor > oldest.version.minor ? oldest : newest;
    return kubeletSkewAllowed(server.version, kubelet)
      ? []
      : [`the kubelet of ${name} is ${version}, and ${said(server)}`];
  });
  const apart = apiServerSkewAllowed(oldest.version, newest.version)
    ? []
    : [`${said(oldest)}, and ${said(newest)}`];
  return [...apart, ...kubelets].map((message) =>
    finding('error', {
      code: 'version-skew',
      message,
      remedy: 'Bring the older one up first, one minor at a time; a kubelet comes after every API server.',
    }),
  );
}

function said({ node, version }: { readonly node: string; readonly version: KubernetesVersion }): string {
  return `the API server of ${node} is ${printVersion(version)}`;
}

function disks({ machines, etcd }: ClusterFacts): readonly ClusterFinding[] {
  const copy = ETCD_LOGS_BYTES + (etcd?.dbBytes ?? 0);
  return machines.flatMap(({ name, role, freeBytes }) => {
    const needed = role === 'control-plane' ? CONTROL_PLANE_BYTES + copy : WORKER_BYTES;
    if (freeBytes === null || freeBytes >= needed) return [];
    const why = role === 'control-plane' ? `, ${megabytes(copy)} of them for a copy of etcd's data` : '';
    return [
      finding('error', {
        code: 'disk-full',
        message: `${name} has ${megabytes(freeBytes)} of disk left, and an upgrade takes ${megabytes(needed)}${why}`,
        remedy: `Make room on it: homelab exec ${name} -- df -h /`,
      }),
    ];
  });
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_000_000)} MB`;
}

/** From 3.5 etcd 3.6 may only be reached by 3.5.26: older ones may bring members back that were removed. */
function etcdJump({ staticPods }: ClusterFacts, { to }: UpgradeTarget): readonly ClusterFinding[] {
  const version = parseVersion(to);
  const current = (staticPods ?? [])
    .filter(({ component }) => component === 'etcd')
    .map((one) => tagOf(one.image));
  const old = [...new Set(current)].filter((tag) => {
    const [major = 0, minor = 0, patch = 0] = tag.split(/[.-]/).map(Number);
    return major === 3 && minor === 5 && patch < 26;
  });
  if (version === null || old.length === 0) return [];
  const remedy =
    'Run the newest patch of the present minor first, or set etcd.local.imageTag in the ConfigMap kubeadm-config.';
  const is = `etcd is ${old.join(', ')}`;
  const next = kubeadmImages(version)?.etcd ?? '';
  if (isSince36(next)) {
    const message = `${is}, and ${to} brings ${next}, which needs 3.5.26 or later before it`;
    return [finding('error', { code: 'etcd-jump', message, remedy })];
  }
  const later = kubeadmImages({ minor: version.minor + 1, patch: 0 })?.etcd ?? '';
  if (!isSince36(later)) return [];
  const message = `${is}, and ${printMinor(version.minor + 1)} brings ${later}, which needs 3.5.26 or later before it`;
  return [finding('warning', { code: 'etcd-jump', message, remedy })];
}

function isSince36(tag: string): boolean {
  const [major = 0, minor = 0] = tag.split('.').map(Number);
  return major === 3 && minor >= 6;
}

function configApi({ kubeadm }: ClusterFacts, { to }: UpgradeTarget): readonly ClusterFinding[] {
  const version = parseVersion(to);
  if (kubeadm === null || version === null) return [];
  if (kubeadm.api === 'kubeadm.k8s.io/v1beta4') return [];
  if (kubeadm.api === 'kubeadm.k8s.io/v1beta3') {
    if (version.minor < 31) return [];
    return [
      finding('note', {
        code: 'config-rewritten',
        message: `kubeadm's stored configuration is v1beta3; ${printMinor(version.minor)} stores it as v1beta4`,
        remedy: 'Nothing is to be done here; files of your own: kubeadm config migrate --old-config FILE',
      }),
    ];
  }
  return [
    finding('error', {
      code: 'config-too-old',
      message: `kubeadm's stored configuration is ${kubeadm.api || 'unreadable'}; ${to} does not read that`,
      remedy: 'Migrate it with the present kubeadm: kubeadm config migrate --old-config FILE',
    }),
  ];
}

/** An upgrade leaves kube-vip as it is; what is known against its release counts when API servers restart. */
function kubeVip({ vip }: LabSpec): readonly ClusterFinding[] {
  const version = vip?.provider === 'kube-vip' ? parseKubeVipVersion(vip.kubeVipVersion) : null;
  if (version === null) return [];
  return judgeKubeVip(version).reasons.map((reason) =>
    finding('warning', {
      code: 'kube-vip-trap',
      message: `kube-vip ${vip?.kubeVipVersion ?? ''}: ${reason}`,
      remedy: `Use ${DEFAULT_KUBE_VIP_VERSION}, in which nothing of this is known.`,
      reference: /\((\S+)\)/.exec(reason)?.[1],
    }),
  );
}

function cordoned({ nodes }: ClusterFacts): readonly ClusterFinding[] {
  return (nodes ?? [])
    .filter(({ schedulable }) => !schedulable)
    .map(({ name }) =>
      finding('note', {
        code: 'node-cordoned',
        message: `the node ${name} is cordoned`,
        remedy: `It stays so in an upgrade. To let it take pods again: homelab kubectl uncordon ${name}`,
      }),
    );
}
