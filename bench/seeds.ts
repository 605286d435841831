/**
 * `npm run bench:seeds [-- COUNT [FROM]]`: bootstraps of k8s-ha with 10,000 seeds and no fault, one process for each
 * processor. Prints how many completed, the seeds that did not, those in which a step needed another attempt, and
 * the wall time. Exits with 1 when one did not complete.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../test/helpers/package-root.js';
import { timed } from './clock.js';
import type { Done, Remarkable } from './seeds-range.js';

const [count = 10_000, first = 1] = process.argv.slice(2).map(Number);
const remarkable: Remarkable[] = [];
const done: number[] = [];

/** One of `workers` processes, with its share of the seeds. */
async function range(worker: number, workers: number): Promise<void> {
  const from = first + Math.floor((count * worker) / workers);
  const to = first + Math.floor((count * (worker + 1)) / workers) - 1;
  if (to < from) return;
  const program = join(packageRoot(), 'dist/bench/seeds-range.js');
  const child = spawn(process.execPath, [program, String(from), String(to)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  for await (const line of createInterface({ input: child.stdout })) note(worker, line);
  const code = await ended;
  if (code !== 0) throw new Error(`the process of seeds ${from} to ${to} ended with ${String(code)}`);
}

function note(worker: number, line: string): void {
  const said = JSON.parse(line) as Done | Remarkable;
  if ('done' in said) {
    done[worker] = said.done;
    process.stderr.write(`\r${doneOfAll()} of ${count}`);
    return;
  }
  remarkable.push(said);
  process.stderr.write(`\r${line}\n`);
}

function doneOfAll(): number {
  return done.reduce((sum, one) => sum + one, 0);
}

const workers = availableParallelism();
const wallMs = await timed(() =>
  Promise.all(Array.from({ length: workers }, (_, one) => range(one, workers))),
);
const failed = remarkable.filter(({ outcome }) => outcome !== 'completed');
const again = remarkable.filter(({ outcome }) => outcome === 'completed');
const list = (some: readonly Remarkable[]): string => {
  const seeds = some.map(({ seed }) => seed).sort((a, b) => a - b);
  return seeds.length === 0 ? '' : ` (seeds ${seeds.join(', ')})`;
};
process.stderr.write('\n');
process.stdout.write(
  [
    `bootstraps        ${doneOfAll()}, seeds ${first} to ${first + count - 1}`,
    `completed         ${doneOfAll() - failed.length}`,
    `not completed     ${failed.length}${list(failed)}`,
    `with a retry      ${again.length}${list(again)}`,
    `wall time         ${(wallMs / 1_000).toFixed(0)} s with ${workers} processes`,
    `a bootstrap       ${((wallMs * workers) / Math.max(1, doneOfAll())).toFixed(0)} ms of one processor`,
    '',
  ].join('\n'),
);
process.exitCode = failed.length > 0 ? 1 : 0;
