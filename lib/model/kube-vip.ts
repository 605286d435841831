/**
 * Which kube-vip releases homelab trusts, and why not the others. Only the control-plane use in ARP mode with leader
 * election counts here; kube-vip's other modes are not used.
 */

export const DEFAULT_KUBE_VIP_VERSION = 'v1.0.4';

/** Where the reports named below can be read. */
const ISSUES = 'https://github.com/kube-vip/kube-vip/issues';

export interface KubeVipVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** `trusted` is used silently, `doubtful` with a warning, `untested` only when the configuration insists. */
export type KubeVipTrust = 'trusted' | 'doubtful' | 'untested';

export interface KubeVipVerdict {
  readonly trust: KubeVipTrust;
  /** Whole sentences; empty when trusted. */
  readonly reasons: readonly string[];
}

const VERSION = /^v?(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})$/;

/** Reads `v1.0.4` and `1.0.4`; null for anything else, moving tags such as `latest` included. */
export function parseKubeVipVersion(text: string): KubeVipVersion | null {
  const match = VERSION.exec(text);
  if (match === null) return null;
  return { major: Number(match[1]), minor: Number(match[2]), patch: Number(match[3]) };
}

/** The tag of the image: `v1.0.4`. */
export function printKubeVipVersion(version: KubeVipVersion): string {
  return `v${version.major}.${version.minor}.${version.patch}`;
}

interface Trap {
  readonly from: KubeVipVersion;
  /** The first release after `from` that is free of it again; null when none is known to be. */
  readonly before: KubeVipVersion | null;
  readonly trust: Exclude<KubeVipTrust, 'trusted'>;
  readonly reason: string;
}

const release = (major: number, minor: number, patch: number): KubeVipVersion => ({ major, minor, patch });

const TRAPS: readonly Trap[] = [
  {
    from: release(0, 0, 0),
    before: release(0, 8, 0),
    trust: 'untested',
    reason: 'Before v0.8 kube-vip reads other environment variables than the manifest that homelab writes.',
  },
  {
    from: release(1, 0, 1),
    before: release(1, 0, 4),
    trust: 'doubtful',
    reason: `Elections can stall so that no node carries the VIP; fixed in v1.0.4 (${ISSUES}/1377).`,
  },
  {
    from: release(1, 0, 3),
    before: release(1, 0, 4),
    trust: 'doubtful',
    reason: `It was seen to be killed for its memory use (${ISSUES}/1367).`,
  },
  {
    from: release(1, 2, 0),
    before: null,
    trust: 'untested',
    reason: `After losing the lease the process neither exits nor campaigns again (${ISSUES}/1747).`,
  },
  {
    from: release(1, 2, 2),
    before: null,
    trust: 'untested',
    reason:
      'It reaches the API through the VIP that it should raise, so that kubeadm init and a cold start of the ' +
      `cluster wait for ever (${ISSUES}/1654).`,
  },
];

function compare(a: KubeVipVersion, b: KubeVipVersion): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

export function judgeKubeVip(version: KubeVipVersion): KubeVipVerdict {
  const met = TRAPS.filter(
    (trap) => compare(version, trap.from) >= 0 && (trap.before === null || compare(version, trap.before) < 0),
  );
  const untested = met.some((trap) => trap.trust === 'untested');
  return {
    trust: untested ? 'untested' : met.length > 0 ? 'doubtful' : 'trusted',
    reasons: met.map((trap) => trap.reason),
  };
}
