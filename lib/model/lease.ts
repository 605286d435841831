/**
 * The timers of the Lease that decides which control plane carries the VIP: their defaults, the rule that
 * client-go enforces on them, and how slow machines stretch them. How fast a VIP moves with them is not here.
 */
import type { LeaseSpec } from './lab.js';

/** The three timers, in seconds. */
export type LeaseTimers = Omit<LeaseSpec, 'explicit'>;

/**
 * kube-vip's own flag defaults up to v1.0; from v1.1.0 they are 15/10/2. homelab always writes them out, so that a
 * new image does not change how fast the VIP moves.
 */
export const DEFAULT_LEASE: LeaseTimers = {
  durationSeconds: 5,
  renewDeadlineSeconds: 3,
  retryPeriodSeconds: 1,
};

/** client-go's JitterFactor as a fraction, 1.2 = 6/5, so that whole seconds are compared without rounding. */
const JITTER_NUMERATOR = 6;
const JITTER_DENOMINATOR = 5;

/** One broken rule: the timer that is too small, and the smallest whole number of seconds that it may be. */
export interface LeaseRuleBreach {
  readonly timer: keyof LeaseTimers;
  readonly atLeastSeconds: number;
  readonly rule: string;
}

/**
 * The rules that client-go's NewLeaderElector checks before it starts, and for which kube-vip would exit:
 * lease duration > renew deadline, and renew deadline > 1.2 × retry period.
 */
export function leaseRuleBreaches(lease: LeaseTimers): readonly LeaseRuleBreach[] {
  const breaches: LeaseRuleBreach[] = [];
  if (lease.durationSeconds <= lease.renewDeadlineSeconds) {
    breaches.push({
      timer: 'durationSeconds',
      atLeastSeconds: lease.renewDeadlineSeconds + 1,
      rule: 'the lease duration must be greater than the renew deadline',
    });
  }
  if (lease.renewDeadlineSeconds * JITTER_DENOMINATOR <= lease.retryPeriodSeconds * JITTER_NUMERATOR) {
    breaches.push({
      timer: 'renewDeadlineSeconds',
      atLeastSeconds: Math.floor((lease.retryPeriodSeconds * JITTER_NUMERATOR) / JITTER_DENOMINATOR) + 1,
      rule: 'the renew deadline must be greater than 1.2 times the retry period',
    });
  }
  return breaches;
}

/** The default timers on machines that are `timeScale` times slower, each rounded up to a whole second. */
export function defaultLease(timeScale: number): LeaseSpec {
  return {
    durationSeconds: Math.ceil(DEFAULT_LEASE.durationSeconds * timeScale),
    renewDeadlineSeconds: Math.ceil(DEFAULT_LEASE.renewDeadlineSeconds * timeScale),
    retryPeriodSeconds: Math.ceil(DEFAULT_LEASE.retryPeriodSeconds * timeScale),
    explicit: false,
  };
}
