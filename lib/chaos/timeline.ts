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

interface Timeline {
  readonly byFault: ReadonlyMap<string, Times>;
  readonly wholeMs: number;
}

/** What has no end of its own ends with the method. */
function timelineOf(lab: LabSpec, scenario: Scenario): Timeline {
  const begins = scenario.method.map((fault) => {
    const beginMs = durationOn(lab, fault.at);
    const endMs = fault.lasts === null ? null : beginMs + durationOn(lab, fault.lasts);
    return { name: fault.name, beginMs, endMs };
  });
  const last = Math.max(0, ...begins.map(({ beginMs, endMs }) => endMs ?? beginMs));
  const wholeMs = scenario.lasts === null ? last : Math.max(last, durationOn(lab, scenario.lasts));
  const times = begins.map(
    ({ name, beginMs, endMs }) => [name, { beginMs, endMs: endMs ?? wholeMs }] as const,
  );
  return { byFault: new Map(times), wholeMs };
}

/** In order, the method's end last; of one moment what goes comes before what comes, and what came last goes first. */
export function momentsOf(lab: LabSpec, scenario: Scenario): readonly Moment[] {
  const { byFault: times, wholeMs } = timelineOf(lab, scenario);
  const all = [...[...times.values()].flatMap(({ beginMs, endMs }) => [beginMs, endMs]), wholeMs];
  return [...new Set(all)]
    .sort((a, b) => a - b)
    .map((atMs) => ({
      atMs,
      injects: scenario.method.filter(({ name }) => times.get(name)?.beginMs === atMs),
      lifts: scenario.method.filter(({ name }) => times.get(name)?.endMs === atMs).toReversed(),
    }));
}
