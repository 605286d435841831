/** What many runs of one experiment measured: for each duration how it is spread, and the seed that was worst. */
import type { ReportDistribution } from '../report/run-report.js';
import type { Measure, Verdict, VerdictWord } from './verdict.js';

export interface Trial {
  readonly seed: number;
  readonly verdict: Pick<Verdict, 'word' | 'ok' | 'lines' | 'measures'>;
}

/** In the order in which they were first measured. */
export function distributionsOf(trials: readonly Trial[]): readonly ReportDistribution[] {
  const byName = new Map<string, { seed: number; ms: number }[]>();
  for (const { seed, verdict } of trials) {
    for (const { name, ms } of verdict.measures) {
      const all = byName.get(name) ?? [];
      all.push({ seed, ms });
      byName.set(name, all);
    }
  }
  return [...byName].map(([name, all]) => {
    const sorted = all.toSorted((a, b) => a.ms - b.ms || a.seed - b.seed);
    const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]?.ms ?? 0;
    const worst = sorted.at(-1);
    const [minMs, maxMs] = [sorted[0]?.ms ?? 0, worst?.ms ?? 0];
    return {
      name,
      count: all.length,
      minMs,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      maxMs,
      worstSeed: worst?.seed ?? 0,
    };
  });
}

export function countsOf(trials: readonly Trial[]): Readonly<Record<VerdictWord, number>> {
  const count = (word: VerdictWord): number => trials.filter(({ verdict }) => verdict.word === word).length;
  return {
    held: count('held'),
    deviated: count('deviated'),
    aborted: count('aborted'),
    stuck: count('stuck'),
  };
}

const RANK: Readonly<Record<VerdictWord, number>> = { held: 0, aborted: 1, deviated: 2, stuck: 3 };

/** The run to look at first: the worst verdict, and of equals the one that took longest to recover. */
export function worstOf(trials: readonly Trial[]): Trial | null {
  const recovery = ({ verdict }: Trial): number =>
    verdict.measures.find(({ name }: Measure) => name === 'recovery')?.ms ?? 0;
  const sorted = trials.toSorted(
    (a, b) => RANK[b.verdict.word] - RANK[a.verdict.word] || recovery(b) - recovery(a) || a.seed - b.seed,
  );
  return sorted[0] ?? null;
}
