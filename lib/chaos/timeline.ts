/**
 * When the faults of a scenario come and go on a lab. Those that wait for a step of the operation are counted from
 * where it begins, which nobody knows beforehand: they are chapters of their own, one after the other.
 */
import type { LabSpec } from '../model/lab.js';
import { durationOn } from './duration-sum.js';
import type { FaultSpec, Scenario } from './scenario.js';

export interface Moment {
  readonly atMs: number;
  readonly injects: readonly FaultSpec[];
  readonly lifts: readonly FaultSpec[];
}

export interface Chapter {
  /** The first fault, whose step is waited for; null for the first chapter, which begins with the method. */
  readonly waits: FaultSpec | null;
  /** Counted from the chapter's beginning. */
  readonly moments: readonly Moment[];
}

interface Times {
  readonly beginMs: number;
  readonly endMs: number;
}

/** In order. The time that the whole method is to last is of the last one. */
export function chaptersOf(lab: LabSpec, scenario: Scenario): readonly Chapter[] {
  const lists: FaultSpec[][] = [[]];
  for (const fault of scenario.method) {
    const before = lists.at(-1)?.[0]?.when ?? null;
    if (fault.when === before) lists.at(-1)?.push(fault);
    else lists.push([fault]);
  }
  return lists.map((faults, index) => {
    const lastsMs = index < lists.length - 1 || scenario.lasts === null ? 0 : durationOn(lab, scenario.lasts);
    return { waits: index === 0 ? null : (faults[0] ?? null), moments: momentsOf(lab, faults, lastsMs) };
  });
}

/** By fault. What has no end of its own ends with its chapter. */
function timesOf(lab: LabSpec, faults: readonly FaultSpec[], lastsMs: number): ReadonlyMap<string, Times> {
  const begins = faults.map((fault) => {
    const beginMs = durationOn(lab, fault.at);
    const endMs = fault.lasts === null ? null : beginMs + durationOn(lab, fault.lasts);
    return { name: fault.name, beginMs, endMs };
  });
  const wholeMs = Math.max(lastsMs, ...begins.map(({ beginMs, endMs }) => endMs ?? beginMs));
  return new Map(begins.map(({ name, beginMs, endMs }) => [name, { beginMs, endMs: endMs ?? wholeMs }]));
}

/**
 * In order, the end of a method that is to last for some time among them; of one moment what goes comes before what
 * comes, and what came last goes first.
 */
function momentsOf(lab: LabSpec, faults: readonly FaultSpec[], lastsMs: number): readonly Moment[] {
  const times = timesOf(lab, faults, lastsMs);
  const own = [...times.values()].flatMap(({ beginMs, endMs }) => [beginMs, endMs]);
  const all = lastsMs > 0 ? [...own, Math.max(lastsMs, ...own)] : own;
  return [...new Set(all)]
    .sort((a, b) => a - b)
    .map((atMs) => ({
      atMs,
      injects: faults.filter(({ name }) => times.get(name)?.beginMs === atMs),
      lifts: faults.filter(({ name }) => times.get(name)?.endMs === atMs).toReversed(),
    }));
}
