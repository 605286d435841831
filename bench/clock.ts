/** Wall-clock measuring: the only place of the benchmark that looks at a clock. */

/** Wall milliseconds that `work` takes. */
export async function timed(work: () => unknown): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

/** The least of several runs: what else the computer does can only add to a run. */
export async function least(runs: number, work: () => unknown): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < runs; run += 1) best = Math.min(best, await timed(work));
  return best;
}

/** The least of several runs of each, in turn, so that a slow moment of the computer meets them all. */
export async function leastInTurn(runs: number, works: readonly (() => unknown)[]): Promise<number[]> {
  const best = works.map(() => Infinity);
  for (let run = 0; run < runs; run += 1) {
    for (const [index, work] of works.entries()) {
      best[index] = Math.min(best[index] ?? Infinity, await timed(work));
    }
  }
  return best;
}
