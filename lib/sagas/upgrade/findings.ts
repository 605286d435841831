/**
 * What stands in the way of one upgrade, beyond what is wrong with the cluster anyway: versions, disks, and the traps
 * of the version that it goes to. Pure: facts in, findings out.
 */
import { judgeKubeVip, parseKubeVipVersion } from '../../model/kube-vip.js';
import type { LabSpec } from '../../model/lab.js';
import { kubeadmImages, parseVersion, printMinor } from '../../model/version.js';
import { clusterFindings } from '../facts/findings.js';
import { tagOf, type ClusterFacts, type ClusterFinding } from '../facts/facts.js';
import { addonFindings } from './addon-support.js';

export interface UpgradeTarget {
  readonly from: string;
  readonly to: string;
}

const ETCD_36 = 'https://etcd.io/blog/2025/upgrade_from_3.5_to_3.6_issue_followup/';
const V1BETA4 = 'https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/';

/** Two preallocated logs of 64 MB are copied with the database, whatever its size. */
const ETCD_LOGS_BYTES = 128_000_000;
/** The images of a control plane unpacked beside the old ones, and the packages. */
const CONTROL_PLANE_BYTES = 1_000_000_000;
const WORKER_BYTES = 300_000_000;

/** Everything there is to say before an upgrade, errors first. */
export function upgradeFindings(
  facts: ClusterFacts,
  lab: LabSpec,
  target: UpgradeTarget,
): readonly ClusterFinding[] {
  const found = [
    ...offline(lab),
    ...clusterFindings(facts, lab),
    ...versions(facts, target),
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

/** The steps install packages of the repositories; with a bundle they would reach for the network. */
function offline({ bundle }: LabSpec): readonly ClusterFinding[] {
  if (bundle === null) return [];
  return [
    {
      code: 'bundle-upgrade',
      severity: 'error',
      message:
        'the lab takes everything from a bundle, and this version of homelab upgrades from the network only',
      remedy:
        'Make a lab of the new version from the bundle: homelab up --lab NAME --kubernetes-version VERSION',
      reference: null,
    },
  ];
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
  return [...cluster, ...pods, ...found].map((what) => ({
    code: 'unexpected-version',
    severity: 'error',
    message: `${what}, which is neither ${from} nor ${to}`,
    remedy: `Bring it to ${from} by hand first, with the version that the whole cluster has.`,
    reference: null,
  }));
}

function disks({ machines, etcd }: ClusterFacts): readonly ClusterFinding[] {
  const copy = ETCD_LOGS_BYTES + (etcd?.dbBytes ?? 0);
  return machines.flatMap(({ name, role, freeBytes }) => {
    const needed = role === 'control-plane' ? CONTROL_PLANE_BYTES + copy : WORKER_BYTES;
    if (freeBytes === null || freeBytes >= needed) return [];
    const why = role === 'control-plane' ? `, ${megabytes(copy)} of them for a copy of etcd's data` : '';
    return [
      {
        code: 'disk-full',
        severity: 'error' as const,
        message: `${name} has ${megabytes(freeBytes)} of disk left, and an upgrade takes ${megabytes(needed)}${why}`,
        remedy: `Make room on it: homelab exec ${name} -- df -h /`,
        reference: null,
      },
    ];
  });
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_000_000)} MB`;
}

/** From 3.5 etcd 3.6 may only be reached by 3.5.26: older ones may bring members back that were removed. */
function etcdJump({ staticPods }: ClusterFacts, { to }: UpgradeTarget): readonly ClusterFinding[] {
  const version = parseVersion(to);
  const next = version === null ? null : kubeadmImages(version);
  const current = (staticPods ?? [])
    .filter(({ component }) => component === 'etcd')
    .map((one) => tagOf(one.image));
  const old = [...new Set(current)].filter((tag) => {
    const [major = 0, minor = 0, patch = 0] = tag.split(/[.-]/).map(Number);
    return major === 3 && minor === 5 && patch < 26;
  });
  const [, nextMinor = 0] = (next?.etcd ?? '').split('.').map(Number);
  if (next === null || nextMinor < 6 || old.length === 0) return [];
  return [
    {
      code: 'etcd-jump',
      severity: 'error',
      message: `etcd is ${old.join(', ')}, and ${to} brings ${next.etcd}, which needs 3.5.26 or later before it`,
      remedy:
        'Run the newest patch of the present minor first, or set etcd.local.imageTag in the ConfigMap kubeadm-config.',
      reference: ETCD_36,
    },
  ];
}

function configApi({ kubeadm }: ClusterFacts, { to }: UpgradeTarget): readonly ClusterFinding[] {
  const version = parseVersion(to);
  if (kubeadm === null || version === null) return [];
  if (kubeadm.api === 'kubeadm.k8s.io/v1beta4') return [];
  if (kubeadm.api === 'kubeadm.k8s.io/v1beta3') {
    if (version.minor < 31) return [];
    return [
      {
        code: 'config-rewritten',
        severity: 'note',
        message: `kubeadm's stored configuration is v1beta3; ${printMinor(version.minor)} stores it as v1beta4`,
        remedy: 'Nothing is to be done here; files of your own: kubeadm config migrate --old-config FILE',
        reference: V1BETA4,
      },
    ];
  }
  return [
    {
      code: 'config-too-old',
      severity: 'error',
      message: `kubeadm's stored configuration is ${kubeadm.api || 'unreadable'}; ${to} does not read that`,
      remedy: 'Migrate it with the present kubeadm: kubeadm config migrate --old-config FILE',
      reference: V1BETA4,
    },
  ];
}

/** An upgrade leaves kube-vip as it is; what is known against its release counts when API servers restart. */
function kubeVip({ vip }: LabSpec): readonly ClusterFinding[] {
  const version = vip?.provider === 'kube-vip' ? parseKubeVipVersion(vip.kubeVipVersion) : null;
  if (version === null) return [];
  return judgeKubeVip(version).reasons.map((reason) => ({
    code: 'kube-vip-trap',
    severity: 'warning',
    message: `kube-vip ${vip?.kubeVipVersion ?? ''}: ${reason}`,
    remedy: 'Every control plane of an upgrade restarts its API server, so its address moves; use v1.0.4.',
    reference: /\((\S+)\)/.exec(reason)?.[1] ?? null,
  }));
}

function cordoned({ nodes }: ClusterFacts): readonly ClusterFinding[] {
  return (nodes ?? [])
    .filter(({ schedulable }) => !schedulable)
    .map(({ name }) => ({
      code: 'node-cordoned',
      severity: 'note',
      message: `the node ${name} is cordoned, and stays so`,
      remedy: `To let it take pods again: homelab kubectl uncordon ${name}`,
      reference: null,
    }));
}
