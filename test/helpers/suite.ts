/**
 * Which files `npm test`, `npm run snap` and `npm run test:libvirt` run. The sources say it, not dist/, where files of
 * deleted or renamed tests may linger.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from './package-root.js';
import { runTests, summary } from './run-tests.js';

/** `libvirt` is test/libvirt, which needs real virtual machines; `plain` is everything else. */
export type Suite = 'plain' | 'libvirt';

export interface SuiteOptions {
  readonly suite: Suite;
  /** Only the files whose path holds one of these; all of them when there is none. */
  readonly filters: readonly string[];
  /** Only `npm run snap` may rewrite golden files, whatever the shell has exported. */
  readonly snap?: boolean;
  /** Added to the environment of the test files. */
  readonly env?: Readonly<Record<string, string>>;
}

const NOT_TESTS = /(^|\/)(helpers|fixtures)\/|(^|\/)(run|snap)\.ts$/;
/** The slowest plain files explore thousands of simulated runs; real ones may bring up Kubernetes without KVM. */
const TIMEOUT_MS: Readonly<Record<Suite, number>> = { plain: 20 * 60_000, libvirt: 6 * 60 * 60_000 };
const GRACE_MS = 10_000;

/** Files of test/ that belong to the suite, relative to test/, sorted. */
export function selectTests(paths: readonly string[], filters: readonly string[], suite: Suite): string[] {
  return paths
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && !NOT_TESTS.test(path))
    .filter((path) => path.startsWith('libvirt/') === (suite === 'libvirt'))
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
    .sort();
}

/** The test files of this checkout. */
export function testsOf(suite: Suite, filters: readonly string[]): readonly string[] {
  const sources = readdirSync(join(packageRoot(), 'test'), { recursive: true, encoding: 'utf8' });
  return selectTests(sources, filters, suite);
}

/** A sweep that began last would keep one core busy for minutes while the others have nothing left to do. */
function longestFirst(names: readonly string[]): readonly string[] {
  const isLong = (name: string): boolean => name.includes('sweep');
  return [...names.filter(isLong), ...names.filter((name) => !isLong(name))];
}

/** Runs what fits, prints `N passed, N failed` as the last line and resolves with the exit code. */
export async function runSuite({ suite, filters, snap = false, env = {} }: SuiteOptions): Promise<number> {
  const root = packageRoot();
  const write = (line: string): void => {
    process.stdout.write(`${line}\n`);
  };
  const files = longestFirst(testsOf(suite, filters)).map((name) => ({
    name: name.replace(/\.ts$/, ''),
    path: join(root, 'dist/test', name.replace(/\.ts$/, '.js')),
  }));
  const totals = await runTests({
    files,
    cwd: root,
    env: { ...process.env, ...env, HOMELAB_SNAP: snap ? '1' : '0' },
    // Real machines need the computer for themselves: tests at their side would measure one another.
    jobs: suite === 'libvirt' ? 1 : availableParallelism(),
    timeoutMs: TIMEOUT_MS[suite],
    graceMs: GRACE_MS,
    write,
  });
  write(summary(totals));
  return totals.failed === 0 ? 0 : 1;
}
