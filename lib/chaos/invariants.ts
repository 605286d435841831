/**
 * What must never happen, watched after every change that an onlooker sees. Only what is seen is judged; what nobody
 * saw between two samples of real machines is not claimed.
 */
import { printDuration } from '../base/duration.js';
import type { LabSpec } from '../model/lab.js';
import type { Observation } from '../provider/provider.js';
import type { InvariantName } from './invariant-names.js';
import type { Writes } from './run.js';
import { answering } from './seen.js';

export interface InvariantResult {
  readonly name: InvariantName;
  readonly ok: boolean;
  readonly expected: string;
  readonly observed: string;
  readonly atMs: number | null;
  readonly machine: string | null;
}

/** At a clean release the Lease is free a moment before the address is gone. */
const CLEAN_RELEASE_MS = 100;
/** kube-vip announces every three seconds, and a holder that slept finds out then. */
const ARP_INTERVAL_MS = 3_000;
/** The longest that a release of the Lease hangs. */
const RELEASE_MS = 10_000;

interface Overlap {
  readonly holders: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
  /** Whether the API server beside one of the holders did not answer, so that its renewals failed. */
  readonly failing: boolean;
}

/** How long two machines held the floating address, and whether that is ever longer than it may be. */
export class VipHolders {
  readonly #lab: LabSpec;
  readonly #overlaps: Overlap[] = [];
  #open: Omit<Overlap, 'toMs'> | null = null;

  constructor(lab: LabSpec) {
    this.#lab = lab;
  }

  see(seen: Observation): void {
    const holders = answering(seen);
    const failing = holders.some((name) => seen.api.nodes[name] !== true);
    if (this.#open !== null && holders.length < 2) {
      this.#overlaps.push({ ...this.#open, toMs: seen.atMs });
      this.#open = null;
    } else if (holders.length > 1) {
      this.#open = {
        holders,
        fromMs: this.#open?.fromMs ?? seen.atMs,
        failing: failing || (this.#open?.failing ?? false),
      };
    }
  }

  /**
   * `wokenMs`: when a machine was un-paused or its network came back. `everyMs`: how far apart two looks were, 0 when
   * every change was seen; what was seen by one look may have lasted from after the one before to before the next.
   */
  judge(
    atMs: number,
    wokenMs: readonly number[],
    everyMs: number,
  ): InvariantResult & { readonly longestMs: number } {
    const all = [...this.#overlaps, ...(this.#open === null ? [] : [{ ...this.#open, toMs: atMs }])];
    const found = all.filter(({ fromMs, toMs }) => toMs > fromMs);
    const longestMs = Math.max(0, ...found.map(({ fromMs, toMs }) => toMs - fromMs));
    const bad = found.find((one) => one.toMs - one.fromMs - 2 * everyMs > this.#allowedMs(one, wokenMs));
    const told = (one: Overlap): string =>
      `${one.holders.join(' and ')} held it at once for ${printDuration(one.toMs - one.fromMs)}`;
    const longest = found.find(({ fromMs, toMs }) => toMs - fromMs === longestMs);
    const shown = bad ?? longest;
    return {
      name: 'one-vip-holder',
      ok: bad === undefined,
      expected: 'at most one machine holds the floating address, but for the moments of a release',
      observed: shown === undefined ? 'never more than one' : told(shown),
      ...{ atMs: shown?.fromMs ?? null, machine: shown?.holders[0] ?? null, longestMs },
    };
  }

  #allowedMs({ fromMs, toMs, failing }: Overlap, wokenMs: readonly number[]): number {
    const lease = this.#lab.vip?.lease;
    if (lease === undefined) return 0;
    const renewMs = lease.renewDeadlineSeconds * 1_000;
    // One that slept tries to renew at its next retry, and gives up when that has not worked for the renew deadline.
    const wakingMs = Math.max(
      ARP_INTERVAL_MS * this.#lab.timeScale,
      renewMs + lease.retryPeriodSeconds * 1_000,
    );
    const woken = wokenMs.findLast((ms) => ms <= toMs && ms >= fromMs - wakingMs);
    // The holder gives up a renew deadline after its last try, then its release hangs; the others wait for the lease.
    const lateMs = renewMs + Math.min(renewMs, RELEASE_MS) + lease.retryPeriodSeconds * 1_000;
    const failedMs = failing ? Math.max(0, lateMs - lease.durationSeconds * 1_000) : 0;
    const wokenMsAllowed = woken === undefined ? 0 : Math.max(0, woken - fromMs) + wakingMs;
    return CLEAN_RELEASE_MS + Math.max(failedMs, wokenMsAllowed);
  }
}

/** A machine that carries the address and is in the cluster no more: its address was left over by a reset. */
export class LeftoverVip {
  #found: { readonly machine: string; readonly atMs: number } | null = null;

  see(seen: Observation): void {
    if (this.#found !== null || seen.nodes === null || seen.etcd.members === null) return;
    const known = [...seen.nodes, ...seen.etcd.members].map(({ name }) => name);
    const stranger = answering(seen).find((name) => !known.includes(name));
    if (stranger !== undefined) this.#found = { machine: stranger, atMs: seen.atMs };
  }

  judge(): InvariantResult {
    const found = this.#found;
    return {
      name: 'no-vip-after-reset',
      ok: found === null,
      expected: 'no machine outside of the cluster carries the floating address',
      observed: found === null ? 'none' : `${found.machine} carried it`,
      ...{ atMs: found?.atMs ?? null, machine: found?.machine ?? null },
    };
  }
}

export function judgeWrites({ probe, acknowledged, kept }: Writes): InvariantResult {
  return {
    name: 'no-write-lost',
    ok: kept !== null && kept >= acknowledged,
    expected: `every write that was acknowledged to ${probe} is kept`,
    observed:
      kept === null
        ? 'what was kept could not be read'
        : `number ${acknowledged} was the last to be acknowledged, ${kept} is kept`,
    ...{ atMs: null, machine: null },
  };
}
