/** The part of a report's page that is about many runs: how they ended, and how what was measured is spread. */
import { printDuration } from '../base/duration.js';
import { element, raw, table, type Markup } from './markup.js';
import type { ReportDistribution, ReportRuns } from './run-report.js';

export function runsSection({ count, firstSeed, worstSeed, verdicts, distributions }: ReportRuns): Markup {
  const counts = Object.entries(verdicts).filter(([, number]) => number > 0);
  const told = counts.map(([word, number]) => `${word} ${number}`).join(', ');
  const seeds = count === 1 ? `seed ${firstSeed}` : `seeds ${firstSeed} to ${firstSeed + count - 1}`;
  const runs = count === 1 ? '1 run' : `${count} runs`;
  const longestMs = Math.max(1, ...distributions.map(({ maxMs }) => maxMs));
  const rows = distributions.map((one) => [
    ...[one.name, String(one.count), printDuration(one.minMs), printDuration(one.p50Ms)],
    ...[printDuration(one.p95Ms), printDuration(one.maxMs), String(one.worstSeed)],
    spread(one, longestMs),
  ]);
  const heads = ['What', 'Runs', 'Min', 'P50', 'P95', 'Max', 'Worst seed', 'Spread'];
  return element('section', {}, [
    element('h2', {}, ['All runs']),
    element('p', {}, [`${runs} on copies of the lab, ${seeds}: ${told}.`]),
    distributions.length === 0 ? raw('') : table(heads, rows),
    element('p', {}, [
      `Everything below is of the run to look at first, which is that of seed ${worstSeed}.`,
    ]),
  ]);
}

/** Of the longest duration of all: a thin line from the shortest to the longest, a thick one up to P95, P50 marked. */
function spread({ minMs, p50Ms, p95Ms, maxMs }: ReportDistribution, longestMs: number): Markup {
  const at = (ms: number): number => (ms / longestMs) * WIDTH;
  const bar = (kind: string, fromMs: number, toMs: number, height: number): Markup =>
    element(
      'rect',
      {
        class: kind,
        x: at(fromMs).toFixed(1),
        y: String((HEIGHT - height) / 2),
        width: Math.max(1.5, at(toMs) - at(fromMs)).toFixed(1),
        height: String(height),
      },
      [],
    );
  const label = `half of the runs within ${printDuration(p50Ms)}, the longest ${printDuration(maxMs)}`;
  const viewBox = `0 0 ${WIDTH + 2} ${HEIGHT}`;
  return element('svg', { class: 'spread', viewBox, role: 'img', 'aria-label': label }, [
    bar('line', minMs, maxMs, 2),
    bar('most', minMs, p95Ms, 8),
    bar('middle', p50Ms, p50Ms, HEIGHT),
  ]);
}

const WIDTH = 160;
const HEIGHT = 14;
