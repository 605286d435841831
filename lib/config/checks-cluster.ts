/**
 * Checks of the cluster itself: topology, versions, counts, kube-vip and its lease. Addresses and budgets are checked
 * elsewhere.
 */
import { DEFAULT_KUBE_VIP_VERSION, judgeKubeVip, parseKubeVipVersion } from '../model/kube-vip.js';
import { RELEASES_AS_OF } from '../model/kubernetes-releases.js';
import { leaseRuleBreaches } from '../model/lease.js';
import { quorumSize, tolerance } from '../model/quorum.js';
import {
  isKnownPatch,
  knownMinors,
  parseVersionRequest,
  pickVersion,
  printMinor,
  printVersion,
  releaseOf,
} from '../model/version.js';
import type { Findings } from './findings.js';
import { MAX_CONTROL_PLANES } from './schema.js';
import type { Settings } from './settings.js';
import type { Path } from './source.js';

/** kubeadm's preflight checks NumCPU and Mem: fewer than 2 CPUs or less than 1700 MB stop `kubeadm init`. */
const KUBEADM_MIN = { cpus: 2, memoryMiB: 1700 } as const;

const PATHS = {
  topology: ['topology'],
  k8sTopology: ['k8s', 'topology'],
  version: ['k8s', 'version'],
  controlPlanes: ['k8s', 'control_planes', 'count'],
  workers: ['k8s', 'workers', 'count'],
  kubeVip: ['k8s', 'ha', 'kube_vip_version'],
} as const;

export function checkCluster(settings: Settings, findings: Findings): void {
  checkTopology(settings, findings);
  checkDistribution(settings, findings);
  checkVersion(settings, findings);
  checkCounts(settings, findings);
  checkQuorum(settings, findings);
  checkControlPlaneSize(settings, findings);
  checkUnusedHa(settings, findings);
  checkImage(settings, findings);
  if (settings.topology.kind === 'ha' && settings.ha.apiVipProvider === 'kube-vip') {
    checkKubeVip(settings, findings);
    checkLease(settings, findings);
  }
}

/** The digest is part of the image's name, and Packer compares it, also with a file's. */
function checkImage({ image }: Settings, findings: Findings): void {
  if (image.checksum !== null) return;
  findings.add({
    code: 'no-image-checksum',
    path: ['image', 'base'],
    message: `the base image ${image.base} has no checksum.`,
    remedy: 'Write image.checksum: sha512: and what sha512sum prints for it.',
    expected: 'image.checksum beside image.base',
    found: 'none',
  });
}

function checkTopology({ declaredKind, topology }: Settings, findings: Findings): void {
  if (declaredKind === null || declaredKind === topology.kind) return;
  findings.add({
    code: 'topology-mismatch',
    path: PATHS.topology,
    also: [PATHS.k8sTopology],
    message: `topology is ${declaredKind}, but k8s.topology ${topology.name} is of the kind ${topology.kind}.`,
    remedy: `Write topology: ${topology.kind}, or choose another k8s.topology such as k8s-${declaredKind}.`,
    expected: topology.kind,
    found: declaredKind,
  });
}

function checkDistribution({ distribution }: Settings, findings: Findings): void {
  if (distribution === 'kubeadm') return;
  findings.add({
    code: 'unsupported-distribution',
    path: ['k8s', 'distribution'],
    message: `${distribution} is not supported yet.`,
    remedy: 'Write distribution: kubeadm.',
    expected: 'kubeadm',
    found: distribution,
  });
}

function checkVersion({ version }: Settings, findings: Findings): void {
  const request = parseVersionRequest(version);
  const picked = request === null ? null : pickVersion(request);
  const minors = knownMinors();
  const known = `v1.${minors[0] ?? ''} to v1.${minors.at(-1) ?? ''}`;
  if (picked === null) {
    findings.add({
      code: 'unknown-version',
      path: PATHS.version,
      message: `homelab does not know Kubernetes ${version}.`,
      remedy: `Choose a version of ${known}; the table of versions is of ${RELEASES_AS_OF}.`,
      expected: known,
      found: version,
    });
    return;
  }
  if (isKnownPatch(picked)) return;
  const release = releaseOf(picked.minor);
  const newest = `${printMinor(picked.minor)}.${release?.newestPatch ?? 0}`;
  const final = release?.final === true;
  findings.add({
    code: 'unknown-version',
    severity: final ? 'error' : 'warning',
    path: PATHS.version,
    message: final
      ? `${printMinor(picked.minor)} ended with ${newest}.`
      : `the table of versions, of ${RELEASES_AS_OF}, ends at ${newest}; ${printVersion(picked)} is taken on trust.`,
    remedy: `Write version: ${newest}.`,
    expected: `at most ${newest}`,
    found: version,
  });
}

function checkCounts({ topology, controlPlanes, workers }: Settings, findings: Findings): void {
  if (topology.kind !== 'ha' && controlPlanes.count > 1) {
    findings.add({
      code: 'too-many-control-planes',
      path: PATHS.controlPlanes,
      also: [PATHS.k8sTopology],
      message: `a lab of the kind ${topology.kind} has one control plane, because nothing carries a floating address.`,
      remedy: 'Use k8s.topology: k8s-ha (--topology k8s-ha), or write count: 1.',
      expected: '1',
      found: String(controlPlanes.count),
    });
  }
  if (topology.kind === 'single' && workers.count > 0) {
    findings.add({
      code: 'too-many-workers',
      path: PATHS.workers,
      also: [PATHS.k8sTopology],
      message: 'a lab of the kind single is one machine.',
      remedy: 'Use k8s.topology: k8s-multi (--topology k8s-multi), or write count: 0.',
      expected: '0',
      found: String(workers.count),
    });
  }
}

/** etcd runs on the control planes; an even number of voters costs one more machine and tolerates no more. */
function checkQuorum({ topology, controlPlanes }: Settings, findings: Findings): void {
  const { count } = controlPlanes;
  if (topology.kind !== 'ha' || count < 1 || count > MAX_CONTROL_PLANES) return;
  const odd = count % 2 === 1;
  if (odd && count > 1) return;
  const better = Math.min(count + 1, MAX_CONTROL_PLANES);
  const plural = (n: number): string => `${n} ${n === 1 ? 'voter' : 'voters'}`;
  const arithmetic = odd
    ? 'with 1 voter quorum is 1, so no failure is survived'
    : `with ${plural(count)} quorum is floor(${count}/2)+1 = ${quorumSize(count)}, so ` +
      `${tolerance(count, count)} may fail: no more than with ${plural(count - 1)}`;
  const choice = odd ? '3' : `${count - 1} or ${better}`;
  findings.add({
    code: odd ? 'single-control-plane' : 'even-control-planes',
    severity: 'warning',
    path: PATHS.controlPlanes,
    message: `${arithmetic}.`,
    remedy: `Use ${choice} control planes.`,
    expected: odd ? 'at least 3' : 'an odd number',
    found: String(count),
  });
}

function checkControlPlaneSize({ controlPlanes }: Settings, findings: Findings): void {
  if (controlPlanes.cpus < KUBEADM_MIN.cpus) {
    findings.add({
      code: 'control-plane-too-small',
      path: ['k8s', 'control_planes', 'cpus'],
      message: 'kubeadm init refuses a machine with fewer than 2 CPUs (preflight check NumCPU).',
      remedy: 'Write cpus: 2 (--control-plane-cpus 2).',
      expected: 'at least 2',
      found: String(controlPlanes.cpus),
    });
  }
  if (controlPlanes.memoryMiB < KUBEADM_MIN.memoryMiB) {
    findings.add({
      code: 'control-plane-too-small',
      path: ['k8s', 'control_planes', 'memory'],
      message: 'kubeadm init refuses a machine with less than 1700 MB (preflight check Mem).',
      remedy: 'Write memory: 2GiB or more (--control-plane-memory 2GiB).',
      expected: 'at least 1700 MiB',
      found: `${controlPlanes.memoryMiB} MiB`,
    });
  }
}

/** Keys that a person may believe to count. */
function checkUnusedHa({ topology, ha }: Settings, findings: Findings): void {
  const floating = topology.kind === 'ha';
  const unused: readonly (readonly [string, boolean])[] = [
    ['api_vip', ha.apiVip !== null && !floating],
    ['lease', ha.lease !== null && (!floating || ha.apiVipProvider === 'haproxy')],
  ];
  for (const [key, given] of unused) {
    if (!given) continue;
    findings.add({
      code: 'unused-key',
      severity: 'warning',
      path: ['k8s', 'ha', key],
      message: floating
        ? 'HAProxy carries the address without a lease; this key changes nothing.'
        : `a lab of the kind ${topology.kind} has no floating address; this key changes nothing.`,
      remedy: floating ? 'Remove it, or use kube-vip.' : 'Remove it, or use a topology of the kind ha.',
      expected: floating ? 'api_vip_provider: kube-vip' : 'a topology of the kind ha',
      found: floating ? ha.apiVipProvider : topology.name,
    });
  }
}

function checkKubeVip({ ha }: Settings, findings: Findings): void {
  const version = parseKubeVipVersion(ha.kubeVipVersion);
  if (version === null) {
    findings.add({
      code: 'wrong-value',
      path: PATHS.kubeVip,
      message: `"${ha.kubeVipVersion}" is not a release of kube-vip; moving tags are not taken.`,
      remedy: `Write kube_vip_version: ${DEFAULT_KUBE_VIP_VERSION}.`,
      expected: `a release such as ${DEFAULT_KUBE_VIP_VERSION}`,
      found: ha.kubeVipVersion,
    });
    return;
  }
  const { trust, reasons } = judgeKubeVip(version);
  if (trust === 'trusted') return;
  const refused = trust === 'untested' && !ha.allowUntested;
  findings.add({
    code: refused ? 'kube-vip-refused' : 'kube-vip-doubtful',
    severity: refused ? 'error' : 'warning',
    path: PATHS.kubeVip,
    message: reasons.join(' '),
    remedy: refused
      ? `Write kube_vip_version: ${DEFAULT_KUBE_VIP_VERSION}, or allow_untested: true below k8s.ha.`
      : `Write kube_vip_version: ${DEFAULT_KUBE_VIP_VERSION}.`,
    expected: `${DEFAULT_KUBE_VIP_VERSION}, v1.0.0 or v1.1.x`,
    found: ha.kubeVipVersion,
  });
}

const TIMER_KEYS = {
  durationSeconds: 'duration',
  renewDeadlineSeconds: 'renew_deadline',
  retryPeriodSeconds: 'retry_period',
} as const;

function checkLease({ ha }: Settings, findings: Findings): void {
  if (ha.lease === null) return;
  const lease: Path = ['k8s', 'ha', 'lease'];
  for (const { timer, atLeastSeconds, rule } of leaseRuleBreaches(ha.lease)) {
    const key = TIMER_KEYS[timer];
    findings.add({
      code: 'lease-rule',
      path: [...lease, key],
      message: `client-go would refuse this: ${rule}.`,
      remedy: `Write ${key}: ${atLeastSeconds} or more; the default timers are 5/3/1.`,
      expected: `at least ${atLeastSeconds}`,
      found: String(ha.lease[timer]),
    });
  }
}
