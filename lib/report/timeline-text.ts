/**
 * A report as plain text for a terminal of any width: one line for each lane, one character for each part of the
 * time. Where several things happened in one part the worst of them is shown, so that nothing bad falls between.
 */
import { printDuration, printMoment, printSpan } from '../base/duration.js';
import { wrapped } from './wrap.js';
import type { Interval, Lane } from './lanes.js';
import type { ReportSpan, RunReport } from './run-report.js';
import { ABSENT, LANE_GROUPS, MARGIN_LANE, UNKNOWN, type LaneGroup } from './sights.js';

export interface TimelineLook {
  /** Of the terminal; below 40 lines are longer than it. */
  readonly columns: number;
  /** Colours what is bad; gives the text back where there are no colours. */
  readonly paintBad: (text: string) => string;
}

const GROUPS: Readonly<Record<LaneGroup, string>> = {
  ...{ power: 'Power', etcd: 'etcd', vip: 'Floating address', api: 'API', nodes: 'Nodes', pods: 'Pods' },
  probe: 'Probes',
};

/** A line of the timeline before it is cut into parts. */
interface Row {
  readonly title: string;
  readonly marks: readonly Mark[];
}

interface Mark {
  readonly fromMs: number;
  readonly toMs: number;
  readonly character: string;
}

/** The greatest wins where several fall into one part. */
const WEIGHTS: Readonly<Record<string, number>> = {
  ...{ '!': 5, x: 5, F: 4, _: 4, p: 4, u: 3, '~': 3, c: 3, '?': 3, '0': 2, L: 1, '.': 0 },
};

export function timelineText(report: RunReport, look: TimelineLook): string {
  const columns = Math.max(40, look.columns);
  const groups = groupsOf(report);
  const titles = groups.flatMap(({ rows }) => rows.map(({ title }) => title.length + 2));
  const label = Math.min(Math.max(8, ...titles), Math.max(12, Math.floor(columns * 0.35)));
  const parts = columns - label - 1;
  const lines = groups.flatMap(({ title, rows }) => [
    title,
    ...rows.map((row) => `${fitted(`  ${row.title}`, label)} ${drawn(row, report, parts, look)}`),
  ]);
  return [
    ...head(report, columns),
    '',
    ...(groups.length === 0 ? [] : [`${' '.repeat(label + 1)}${axis(report, parts)}`, ...lines]),
    ...(groups.length === 0 ? [] : ['', ...wrapped(legend(report), columns, '')]),
    ...found(report, columns),
    '',
  ].join('\n');
}

function head({ verdict, subject, lab, seed }: RunReport, columns: number): readonly string[] {
  const seeded = seed === null ? '' : `, seed ${seed}`;
  const title = `${verdict.word}: ${subject.name} of lab ${lab}${seeded}`;
  return [title, ...verdict.lines].flatMap((line) => wrapped(line, columns, ''));
}

function groupsOf(report: RunReport): readonly { readonly title: string; readonly rows: readonly Row[] }[] {
  const { lanes, faults, endedMs } = report;
  const holders = [...new Set(holdersIn(lanes))];
  const groups = LANE_GROUPS.map((group) => ({
    title: GROUPS[group],
    rows: lanes.filter((lane) => lane.group === group).map((lane) => laneRow(lane, holders)),
  }));
  const hit = faults.map(({ title, fromMs, toMs }) => ({
    title,
    marks: [{ fromMs, toMs: toMs ?? endedMs, character: 'F' }],
  }));
  const all = [{ title: 'Steps', rows: stageRows(report) }, { title: 'Faults', rows: hit }, ...groups];
  return all.filter(({ rows }) => rows.length > 0);
}

function stageRows({ steps, endedMs }: RunReport): readonly Row[] {
  return [...new Set(steps.map(({ stage }) => stage))].map((title) => ({
    title,
    marks: steps
      .filter(({ stage }) => stage === title)
      .flatMap(({ spans }) =>
        spans.map((span) => ({
          ...{ fromMs: span.fromMs, toMs: span.toMs ?? endedMs, character: spanCharacter(span) },
        })),
      ),
  }));
}

function spanCharacter({ kind, ok, toMs }: ReportSpan): string {
  if (toMs === null) return '?';
  if (!ok) return 'x';
  return kind === 'undo' ? 'u' : '#';
}

function laneRow(lane: Lane, holders: readonly string[]): Row {
  const first = lane.intervals.findIndex(({ good }) => good);
  const marks = lane.intervals.map((one, index) => {
    const character = laneCharacter(lane, one, holders);
    // What has not been well yet has not gone wrong.
    return {
      fromMs: one.fromMs,
      toMs: one.toMs,
      character: index < first && character === '!' ? '~' : character,
    };
  });
  return { title: lane.title, marks };
}

function laneCharacter({ key, group }: Lane, { value, good }: Interval, holders: readonly string[]): string {
  if (value === ABSENT) return ' ';
  if (value === UNKNOWN) return '.';
  if (key === MARGIN_LANE) return good ? value.slice(-1) : '!';
  if (group === 'vip') return good ? letterOf(holders.indexOf(value)) : '!';
  const special = SPECIAL[value];
  if (special !== undefined) return special;
  if (group === 'nodes' && good && value.endsWith('cordoned')) return 'c';
  if (group === 'pods' && !good && !value.startsWith('0 of')) return '~';
  return good ? '=' : '!';
}

const SPECIAL: Readonly<Record<string, string>> = {
  ...{ booting: '~', learner: '~', 'not started': '~', paused: 'p', off: '_', leader: 'L' },
};

function holdersIn(lanes: readonly Lane[]): readonly string[] {
  return lanes
    .filter(({ group }) => group === 'vip')
    .flatMap(({ intervals }) => intervals.filter(({ good }) => good).map(({ value }) => value));
}

function letterOf(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + (index % 26));
}

function drawn({ marks }: Row, report: RunReport, parts: number, { paintBad }: TimelineLook): string {
  const { startedMs, endedMs } = report;
  const partMs = Math.max(1, (endedMs - startedMs) / parts);
  const characters = Array.from({ length: parts }, () => ' ');
  for (const { fromMs, toMs, character } of marks) {
    const first = Math.max(0, Math.floor((fromMs - startedMs) / partMs));
    const last = Math.min(parts - 1, Math.max(first, Math.ceil((toMs - startedMs) / partMs) - 1));
    for (let part = first; part <= last; part += 1) {
      const before = characters[part] ?? ' ';
      if (before === ' ' || weightOf(character) >= weightOf(before)) characters[part] = character;
    }
  }
  return characters.join('').trimEnd().replace(/[!x]+/g, paintBad);
}

function weightOf(character: string): number {
  return WEIGHTS[character] ?? 1;
}

/** As many moments as there is room for, the first and last among them. */
function axis({ startedMs, endedMs }: RunReport, parts: number): string {
  const last = printDuration(endedMs);
  const count = Math.max(1, Math.floor(parts / 14));
  let line = '';
  for (let index = 0; index < count; index += 1) {
    const at = Math.round((index * parts) / count);
    const text = printDuration(startedMs + ((endedMs - startedMs) * index) / count);
    if (at >= line.length && at + text.length < parts - last.length) line = `${line.padEnd(at)}${text} `;
  }
  return `${line.padEnd(parts - last.length)}${last}`;
}

function legend({ lanes, steps }: RunReport): string {
  const holders = [...new Set(holdersIn(lanes))].map((name, index) => `${letterOf(index)} ${name}`);
  return [
    ...(steps.length === 0 ? [] : ['# step', 'x failed', 'u undone', '? no end']),
    ...(lanes.length === 0 ? [] : ['= good', '! bad', '~ not quite', '_ off', '. unknown']),
    ...(lanes.some(({ group }) => group === 'etcd') ? ['L leader', '0-9 voters to spare'] : []),
    ...(lanes.some(({ group }) => group === 'nodes') ? ['c cordoned'] : []),
    ...holders,
  ].join(', ');
}

/** What stands out, in words. */
function found(report: RunReport, columns: number): readonly string[] {
  const { outages, vipMoves, lowestMargin, assertions, reasons, runs } = report;
  const because = (why: string | null): string => (why === null ? '' : `: ${why}`);
  const failed = assertions.filter(({ ok }) => !ok);
  const parts: readonly (readonly [string, readonly string[]])[] = [
    [
      'Not as expected',
      failed.map(({ name, expected, observed }) => `${name}: expected ${expected}, observed ${observed}`),
    ],
    [
      'API away',
      outages.map(({ title, fromMs, toMs, why }) => {
        const end = toMs === null ? 'and not back' : `for ${printSpan(toMs - fromMs)}`;
        return `${title} from ${printMoment(fromMs)} ${end}${because(why)}`;
      }),
    ],
    [
      'Floating address',
      vipMoves.map(({ from, to, leftMs, atMs, why }) => {
        const gone = `${printSpan(Math.max(0, atMs - leftMs))} without a holder`;
        return `${from} to ${to} at ${printMoment(leftMs)}, ${gone}${because(why)}`;
      }),
    ],
    [
      'Quorum',
      lowestMargin === null
        ? []
        : [
            `at the least ${lowestMargin.spare} voter(s) to spare, from ${printMoment(lowestMargin.fromMs)} on`,
          ],
    ],
    [
      'Over all runs',
      (runs?.distributions ?? []).map(({ name, minMs, p50Ms, p95Ms, maxMs, worstSeed }) => {
        const spread = [minMs, p50Ms, p95Ms, maxMs].map(printDuration).join(' / ');
        return `${name}: ${spread} (min / p50 / p95 / max), seed ${worstSeed}`;
      }),
    ],
    ['What this cannot say', reasons],
  ];
  return parts
    .filter(([, lines]) => lines.length > 0)
    .flatMap(([title, lines]) => ['', title, ...lines.flatMap((line) => wrapped(line, columns, '  '))]);
}

function fitted(text: string, width: number): string {
  return text.length <= width ? text.padEnd(width) : `${text.slice(0, width - 1)}…`;
}
