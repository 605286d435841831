/** What lanes say of the API, of the floating address and of etcd's margin. */
import type { Interval, Lane } from './lanes.js';
import { ABSENT, MARGIN_LANE, UNKNOWN, VIP_LANE } from './sights.js';

/** The API had answered there and did not. */
export interface Outage {
  /** Of the lane: `api:endpoint` is what clients use. */
  readonly lane: string;
  readonly title: string;
  readonly fromMs: number;
  /** Null when it still did not answer at the end. */
  readonly toMs: number | null;
}

/** The floating address went from one machine to another. */
export interface VipMove {
  readonly from: string;
  readonly to: string;
  /** When the first let go of it, or lost it. */
  readonly leftMs: number;
  /** When the other one had it. */
  readonly atMs: number;
}

/** The fewest voters that etcd could have lost and still have written. */
export interface Margin {
  /** Negative when quorum was lost. */
  readonly spare: number;
  readonly fromMs: number;
  readonly toMs: number;
}

export function outagesOf(lanes: readonly Lane[]): readonly Outage[] {
  return lanes
    .filter(({ group }) => group === 'api')
    .flatMap(({ key, title, intervals }) =>
      windows(intervals).map((window) => ({ lane: key, title, ...window })),
    );
}

/** Times at which it was bad after it had been good. */
function windows(intervals: readonly Interval[]): readonly Pick<Outage, 'fromMs' | 'toMs'>[] {
  const first = intervals.findIndex(({ good }) => good);
  const found: { fromMs: number; toMs: number | null }[] = [];
  for (const { fromMs, good } of first < 0 ? [] : intervals.slice(first)) {
    const open = found.at(-1)?.toMs === null ? found.at(-1) : undefined;
    if (good && open !== undefined) open.toMs = fromMs;
    else if (!good && open === undefined) found.push({ fromMs, toMs: null });
  }
  return found;
}

export function vipMovesOf(lanes: readonly Lane[]): readonly VipMove[] {
  const moves: VipMove[] = [];
  let last: Interval | null = null;
  for (const interval of lanes.find(({ key }) => key === VIP_LANE)?.intervals ?? []) {
    if (!interval.good) continue;
    if (last !== null && last.value !== interval.value)
      moves.push({ from: last.value, to: interval.value, leftMs: last.toMs, atMs: interval.fromMs });
    last = interval;
  }
  return moves;
}

/** Times at which more than one machine had the floating address. */
export function vipSharedOf(lanes: readonly Lane[]): readonly Interval[] {
  const intervals = lanes.find(({ key }) => key === VIP_LANE)?.intervals ?? [];
  return intervals.filter(({ value }) => value.includes(' + '));
}

/** Of the time since etcd had its full margin for the first time, as a cluster that grows has none yet. */
export function lowestMarginOf(lanes: readonly Lane[]): Margin | null {
  const seen = (lanes.find(({ key }) => key === MARGIN_LANE)?.intervals ?? [])
    .filter(({ value }) => value !== UNKNOWN && value !== ABSENT)
    .map(({ value, fromMs, toMs }) => ({ spare: Number(value), fromMs, toMs }));
  const most = Math.max(...seen.map(({ spare }) => spare));
  const grown = seen.slice(seen.findIndex(({ spare }) => spare === most));
  return grown.reduce<Margin | null>(
    (lowest, one) => (lowest === null || one.spare < lowest.spare ? one : lowest),
    null,
  );
}
