/** The events of a simulated lab, by playing its log once more: all of them, or those that a filter lets through. */
import { printMoment } from '../base/duration.js';
import type { TraceEvent } from '../sim/world.js';
import { greatestTime, type WorldRecord } from '../provider/sim/world-log.js';
import type { Lab } from './labs.js';
import { openCopy } from './providers.js';
import { textTable } from './table.js';

export interface TraceFilter {
  /** Null lets every machine through. */
  readonly machine: string | null;
  readonly service: string | null;
  /** Lab milliseconds, both included. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** The document of `sim trace`. */
export interface TraceDocument {
  readonly lab: string;
  readonly seed: number;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly events: readonly TraceEvent[];
}

export function traceOf(lab: Lab, records: readonly WorldRecord[], filter: TraceFilter): TraceDocument {
  const { machine, service, fromMs } = filter;
  const untilMs = Math.min(filter.untilMs, greatestTime(records));
  const events: TraceEvent[] = [];
  const onTrace = (event: TraceEvent): void => {
    if (event.atMs < fromMs || (machine !== null && event.machine !== machine)) return;
    if (service === null || event.service === service) events.push(event);
  };
  openCopy(lab, records, { onTrace, untilMs });
  return { lab: lab.name, seed: lab.record.seed, fromMs, untilMs, events };
}

export function traceText(events: readonly TraceEvent[]): string {
  const moments = events.map(({ atMs }) => printMoment(atMs));
  const width = Math.max(2, ...moments.map((moment) => moment.length));
  const rows = events.map(({ machine, service, what, detail }, index) => {
    const facts = Object.entries(detail).map(([name, value]) => ` ${name}=${String(value)}`);
    return [(moments[index] ?? '').padStart(width), machine ?? '-', service, `${what}${facts.join('')}`];
  });
  return `${textTable(['AT'.padStart(width), 'MACHINE', 'SERVICE', 'EVENT'], rows).join('\n')}\n`;
}
