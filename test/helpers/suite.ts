/**
 * Which files `npm test` and `npm run snap` run. The sources say it, not dist/, where files of deleted or renamed
 * tests may linger. Tests in test/libvirt need real virtual machines and run when HOMELAB_REAL=1.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from './package-root.js';
import { runTests, summary } from './run-tests.js';

const NOT_TESTS = /^(helpers|fixtures)\/|^(run|snap)\.ts$/;
/** The slowest files explore thousands of simulated runs. */
const TIMEOUT_MS = 20 * 60_000;
const GRACE_MS = 10_000;

/** Files of test/ whose path holds one of `filters`, or all of them; relative to test/, sorted. */
export function selectTests(paths: readonly string[], filters: readonly string[], real: boolean): string[] {
  return paths
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && !NOT_TESTS.test(path))
    .filter((path) => real || !path.startsWith('libvirt/'))
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
    .sort();
}

/** Runs what fits, prints `N passed, N failed` as the last line and resolves with the exit code. */
export async function runSuite(filters: readonly string[], snap: boolean): Promise<number> {
  const root = packageRoot();
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const sources = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
  const names = selectTests(sources, filters, process.env['HOMELAB_REAL'] === '1');
  const files = names.map((name) => ({
    name: name.replace(/\.ts$/, ''),
    path: join(root, 'dist/test', name.replace(/\.ts$/, '.js')),
  }));
  // Only `npm run snap` may rewrite golden files, whatever the shell has exported.
  const env = { ...process.env, HOMELAB_SNAP: snap ? '1' : '0' };
  const jobs = availableParallelism();
  const totals = await runTests({
    files,
    cwd: root,
    env,
    jobs,
    timeoutMs: TIMEOUT_MS,
    graceMs: GRACE_MS,
    write,
  });
  write(summary(totals));
  return totals.failed === 0 ? 0 : 1;
}
