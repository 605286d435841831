/** When the faults of a scenario come and go on a lab, counted from when its method begins. */
import type { LabSpec } from '../model/lab.js';
import { durationOn } from './duration-sum.js';
import type { FaultSpec, Scenario } from './scenario.js';

export interface Moment {
  readonly atMs: number;
  readonly injects: readonly FaultSpec[];
  readonly lifts: readonly FaultSpec[];
}

interface Times {
  readonly beginMs: number;
  readonly endMs: number;
}

/** By fault. What has no end of its own ends with the method. */
export function timesOf(lab: LabSpec, scenario: Scenario): ReadonlyMap<string, Times> {
  const begins = scenario.method.map((fault) => {
    const beginMs = durationOn(lab, fault.at);
    const endMs = fault.lasts === null ? null : beginMs + durationOn(lab, fault.lasts);
    return { name: fault.name, beginMs, endMs };
  });
  const last = Math.max(0, ...begins.map(({ beginMs, endMs }) => endMs ?? beginMs));
  const wholeMs = scenario.lasts === null ? last : Math.max(last, durationOn(lab, scenario.lasts));
  return new Map(begins.map(({ name, beginMs, endMs }) => [name, { beginMs, endMs: endMs ?? wholeMs }]));
}

/** In order; of one moment what goes comes before what comes, and what came last goes first. */
export function momentsOf(lab: LabSpec, scenario: Scenario): readonly Moment[] {
  const times = timesOf(lab, scenario);
  const all = [...times.values()].flatMap(({ beginMs, endMs }) => [beginMs, endMs]);
  return [...new Set(all)]
    .sort((a, b) => a - b)
    .map((atMs) => ({
      atMs,
      injects: scenario.method.filter(({ name }) => times.get(name)?.beginMs === atMs),
      lifts: scenario.method.filter(({ name }) => times.get(name)?.endMs === atMs).toReversed(),
    }));
}
