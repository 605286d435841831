/**
 * What an onlooker was told, folded into lanes: for each thing that can be seen, the intervals during which it looked
 * the same. Samples are not kept. A lane begins when its thing is seen for the first time.
 */
import type { Observation } from '../provider/provider.js';
import { ABSENT, ENDPOINT_LANE, GONE, GROUP_OF, LANE_GROUPS, MARGIN_LANE, PARTS, UNKNOWN } from './sights.js';
import type { LaneGroup, Part, Sight } from './sights.js';

export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
  readonly value: string;
  readonly good: boolean;
}

export interface Lane {
  /** Such as `power:stage-cp-1`, `etcd:margin`, `vip`, `api:endpoint`, `api:stage-cp-1`, `pods:stage-w-1`. */
  readonly key: string;
  readonly title: string;
  readonly group: LaneGroup;
  /** False when it was only looked at from time to time. */
  readonly exact: boolean;
  /** In order, each beginning where the one before it ends. */
  readonly intervals: readonly Interval[];
}

interface OpenLane {
  readonly title: string;
  readonly group: LaneGroup;
  readonly closed: Interval[];
  open: { fromMs: number; value: string; good: boolean };
}

/** Folds observations, and whatever else is probed, one after another in order of time. */
export class LaneFold {
  readonly #exact: boolean;
  readonly #lanes = new Map<string, OpenLane>();
  #last: Observation | null = null;
  readonly #order: readonly string[];

  /** `order`: the machines as reports list them. */
  constructor({ exact, order = [] }: { readonly exact: boolean; readonly order?: readonly string[] }) {
    this.#exact = exact;
    this.#order = order;
  }

  see(seen: Observation): void {
    const last = this.#last;
    this.#last = seen;
    for (const [part, sights] of PARTS) {
      // In the simulator, what did not change is the same object as before.
      if (last !== null && last[part] === seen[part]) continue;
      this.#seePart(seen.atMs, part, sights(seen));
    }
  }

  /** One thing at one moment, such as a probe of a scenario. */
  note(atMs: number, { key, title, group, value, good }: Sight): void {
    const lane = this.#lanes.get(key);
    if (lane === undefined) {
      this.#lanes.set(key, { title, group, closed: [], open: { fromMs: atMs, value, good } });
      return;
    }
    const { open, closed } = lane;
    if (open.value === value && open.good === good) return;
    if (open.fromMs < atMs) closed.push({ ...open, toMs: atMs });
    lane.open = { fromMs: atMs, value, good };
    // Away and back within the same millisecond was not away.
    const before = closed.at(-1);
    if (before === undefined || before.toMs !== atMs || before.value !== value || before.good !== good)
      return;
    closed.pop();
    lane.open = { fromMs: before.fromMs, value, good };
  }

  /** Everything up to a moment, at which the intervals that are under way are cut. */
  lanes(untilMs: number): readonly Lane[] {
    const lanes = [...this.#lanes].map(([key, { title, group, closed, open }]): Lane => {
      const last = { ...open, toMs: Math.max(open.fromMs, untilMs) };
      return { key, title, group, exact: this.#exact, intervals: [...closed, last] };
    });
    return lanes.sort((a, b) => this.#rank(a) - this.#rank(b));
  }

  /** What was seen before and is not seen now is absent, or unknown where nothing of its kind could be read. */
  #seePart(atMs: number, part: Part, sights: readonly Sight[] | null): void {
    for (const sight of sights ?? []) this.note(atMs, sight);
    const keys = new Set(sights?.map(({ key }) => key));
    const value = sights === null ? UNKNOWN : GONE[part];
    for (const [key, { title, group }] of this.#lanes) {
      if (keys.has(key) || group !== GROUP_OF[part]) continue;
      this.note(atMs, { key, title, group, value, good: false });
    }
  }

  /** By group, then what stands for the whole, then machines in the lab's order. */
  #rank({ key, group }: Lane): number {
    const place = this.#order.indexOf(key.slice(key.indexOf(':') + 1));
    const isWhole = !key.includes(':') || key === MARGIN_LANE || key === ENDPOINT_LANE;
    return LANE_GROUPS.indexOf(group) * 1e6 + (isWhole ? 0 : place < 0 ? 1e5 : place + 1);
  }
}

/** What lanes show of one stretch of time; those of things that were not there then are left out. */
export function clipped(lanes: readonly Lane[], fromMs: number, toMs: number): readonly Lane[] {
  return lanes.flatMap((lane) => {
    const intervals = lane.intervals
      .filter((one) => one.toMs > fromMs && one.fromMs < toMs)
      .map((one) => ({ ...one, fromMs: Math.max(one.fromMs, fromMs), toMs: Math.min(one.toMs, toMs) }));
    return intervals.every(({ value }) => value === ABSENT) ? [] : [{ ...lane, intervals }];
  });
}
