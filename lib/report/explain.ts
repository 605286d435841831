/**
 * Why the API was away and why the floating address moved, as far as the faults and steps of that time tell. Nothing
 * is concluded from what is only likely: where nothing that was under way touches the machine, there is no reason.
 */
import { printSpan } from '../base/duration.js';
import { ENDPOINT_LANE } from './sights.js';
import { outagesOf, vipMovesOf, type Outage, type VipMove } from './outages.js';
import type { ReportSpan, ReportStep, RunFacts } from './run-report.js';

export interface ExplainedOutage extends Outage {
  /** What was under way and touches the machine; null where nothing does. */
  readonly why: string | null;
}

export interface ExplainedMove extends VipMove {
  readonly why: string | null;
}

/** An effect may come after its cause has ended: a machine is given up after some time, a lease runs out. */
const AFTERMATH_MS = 60_000;

type Facts = Pick<RunFacts, 'lanes' | 'steps' | 'faults'>;

export function explained(facts: Facts): {
  readonly outages: readonly ExplainedOutage[];
  readonly vipMoves: readonly ExplainedMove[];
} {
  const moves = vipMovesOf(facts.lanes);
  return {
    outages: outagesOf(facts.lanes).map((outage) => ({ ...outage, why: whyAway(facts, moves, outage) })),
    vipMoves: moves.map((move) => ({ ...move, why: causeAt(facts, move.leftMs, move.from) })),
  };
}

/** Behind the endpoint it is the machine that holds the address that matters, and any other cause of that moment. */
function whyAway(facts: Facts, moves: readonly VipMove[], { lane, fromMs, toMs }: Outage): string | null {
  if (lane !== ENDPOINT_LANE) return causeAt(facts, fromMs, lane.slice('api:'.length));
  const endMs = toMs ?? Infinity;
  const move = moves.find(({ leftMs, atMs }) => leftMs <= endMs && atMs >= fromMs);
  const holder = move?.from ?? holderAt(facts, fromMs);
  const cause = holder === null ? null : causeAt(facts, fromMs, holder);
  if (move === undefined) return cause ?? causeAt(facts, fromMs, null);
  const moved = `the floating address moved from ${move.from} to ${move.to}`;
  return cause === null ? moved : `${moved}: ${cause}`;
}

function holderAt({ lanes }: Facts, atMs: number): string | null {
  const intervals = lanes.find(({ group }) => group === 'vip')?.intervals ?? [];
  return intervals.find(({ fromMs, toMs, good }) => good && fromMs <= atMs && atMs <= toMs)?.value ?? null;
}

/**
 * A fault comes before a step, and a step that takes the machine down before one that only names it: what it did may
 * take effect when it is over and the next one runs. Of several the one that began last.
 */
function causeAt({ faults, steps }: Facts, atMs: number, machine: string | null): string | null {
  const touches = (names: readonly string[]): boolean => machine === null || names.includes(machine);
  const hits = faults.filter(({ machines }) => touches(machines));
  const fault = latest(
    hits.map(({ title, ...span }) => ({ title, span })),
    atMs,
  );
  if (fault !== null) return fault;
  const spansOf = (some: readonly ReportStep[]): readonly Candidate[] =>
    some.flatMap(({ title, spans }) =>
      spans.map((span) => ({ title: span.kind === 'undo' ? `undoing “${title}”` : title, span })),
    );
  return (
    latest(spansOf(steps.filter(({ takesDown }) => takesDown.length > 0 && touches(takesDown))), atMs) ??
    latest(spansOf(steps.filter((step) => machine === null || namesMachine(step, machine))), atMs)
  );
}

interface Candidate {
  readonly title: string;
  readonly span: Pick<ReportSpan, 'fromMs' | 'toMs'>;
}

function latest(all: readonly Candidate[], atMs: number): string | null {
  const begun = all.filter(({ span: { fromMs, toMs } }) => {
    return fromMs <= atMs && atMs <= (toMs ?? Infinity) + AFTERMATH_MS;
  });
  const [last] = begun.toSorted((a, b) => b.span.fromMs - a.span.fromMs);
  if (last === undefined) return null;
  const { toMs } = last.span;
  const since = toMs === null || toMs >= atMs ? '' : `, which had ended ${printSpan(atMs - toMs)} before`;
  return `${last.title}${since}`;
}

/** Keys of steps on a machine end with its name, such as `join-control-plane:stage-cp-2`. */
function namesMachine({ key, title }: ReportStep, machine: string): boolean {
  return key.split(':').includes(machine) || title.split(/[\s,]+/).includes(machine);
}
