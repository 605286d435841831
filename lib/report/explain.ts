/**
 * Why the API was away and why the floating address moved, as far as the faults and steps of that time tell. Nothing
 * is concluded from what is only likely: where nothing that was under way touches the machine, there is no reason.
 */
import { ENDPOINT_LANE } from './sights.js';
import { outagesOf, vipMovesOf, type Outage, type VipMove } from './outages.js';
import type { ReportFault, ReportSpan, ReportStep, RunFacts } from './run-report.js';

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

/** The last thing that began before this moment and touches the machine, or any machine: a fault before a step. */
function causeAt({ faults, steps }: Facts, atMs: number, machine: string | null): string | null {
  const touches = (names: readonly string[]): boolean => machine === null || names.includes(machine);
  const fault = latest(
    faults.filter(({ machines }) => touches(machines)),
    (one) => one,
    atMs,
  );
  if (fault !== null) return fault.title;
  const candidates = steps
    .filter(({ key, title }) => machine === null || namesMachine(key, title, machine))
    .flatMap((step) => step.spans.map((span) => ({ step, span })));
  const found = latest(candidates, ({ span }) => span, atMs);
  return found === null ? null : sentence(found.step, found.span);
}

function latest<T>(
  all: readonly T[],
  timeOf: (one: T) => Pick<ReportFault, 'fromMs' | 'toMs'>,
  atMs: number,
): T | null {
  const begun = all.filter((one) => {
    const { fromMs, toMs } = timeOf(one);
    return fromMs <= atMs && atMs <= (toMs ?? Infinity) + AFTERMATH_MS;
  });
  return begun.reduce<T | null>(
    (last, one) => (last === null || timeOf(one).fromMs >= timeOf(last).fromMs ? one : last),
    null,
  );
}

/** Keys of steps on a machine end with its name, such as `join-control-plane:stage-cp-2`. */
function namesMachine(key: string, title: string, machine: string): boolean {
  return key.split(':').includes(machine) || title.split(/[\s,]+/).includes(machine);
}

function sentence(step: ReportStep, span: ReportSpan): string {
  return span.kind === 'undo' ? `undoing “${step.title}”` : step.title;
}
