/** The runner of `npm test` itself: whatever goes wrong in a test file must end as a failure that is counted. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { isCi, matchGolden } from './helpers/golden.js';
import { packageRoot } from './helpers/package-root.js';
import { runTests, summary, type Totals } from './helpers/run-tests.js';
import { selectTests } from './helpers/suite.js';

const TAP = `import t from 'tap';\n`;

interface Case {
  readonly name: string;
  readonly text: string;
  readonly totals: Totals;
  /** Must be somewhere in what is written. */
  readonly says: string;
  /** Both a minute unless the case is about time. */
  readonly timeoutMs?: number;
  readonly graceMs?: number;
}

const CASES: readonly Case[] = [
  {
    name: 'passes',
    text: `${TAP}console.log('noise');
      t.test('a', async (t) => { t.ok(1); t.test('b', async (t) => t.ok(1)); t.comment('5 points'); });`,
    totals: { passed: 2, failed: 0, skipped: 0 },
    says: '# 5 points',
  },
  {
    name: 'fails',
    text: `${TAP}t.test('sums', async (t) => { t.equal(1 + 1, 3, 'two'); t.ok(1); });`,
    totals: { passed: 1, failed: 1, skipped: 0 },
    says: 'not ok: sums > two',
  },
  {
    name: 'skips',
    text: `${TAP}t.test('a', { skip: 'no ruby' }, async (t) => t.ok(0)); t.ok(1);`,
    totals: { passed: 1, failed: 0, skipped: 1 },
    says: 'no ruby',
  },
  {
    name: 'skips-all',
    text: `${TAP}t.plan(0, 'no machines');`,
    totals: { passed: 0, failed: 0, skipped: 1 },
    says: 'skipped: no machines',
  },
  {
    name: 'throws',
    text: `${TAP}t.test('a', async () => { throw new Error('boom'); });`,
    totals: { passed: 0, failed: 1, skipped: 0 },
    says: 'boom',
  },
  {
    name: 'misses-plan',
    text: `${TAP}t.test('a', async (t) => { t.plan(2); t.ok(1); });`,
    totals: { passed: 1, failed: 1, skipped: 0 },
    says: 'plan',
  },
  {
    name: 'does-not-load',
    text: `import './not-there.js';`,
    totals: { passed: 0, failed: 1, skipped: 0 },
    says: 'not-there.js',
  },
  { name: 'empty', text: TAP, totals: { passed: 0, failed: 1, skipped: 0 }, says: 'no tests in this file' },
  { name: 'silent', text: '', totals: { passed: 0, failed: 1, skipped: 0 }, says: 'no tests in this file' },
  {
    name: 'killed',
    text: `${TAP}t.ok(1); await new Promise((done) => setTimeout(done, 50)); process.kill(process.pid, 'SIGKILL');`,
    totals: { passed: 1, failed: 1, skipped: 0 },
    says: 'ended by SIGKILL',
  },
  {
    name: 'exits-early',
    text: `${TAP}t.ok(1); t.teardown(() => { process.exit(7); });`,
    totals: { passed: 1, failed: 1, skipped: 0 },
    says: 'exit code 7',
  },
  {
    name: 'hangs',
    timeoutMs: 1000,
    text: `${TAP}t.test('waits', () => new Promise(() => setInterval(() => 0, 1000)));`,
    totals: { passed: 0, failed: 1, skipped: 0 },
    says: 'timeout',
  },
  {
    name: 'spins',
    timeoutMs: 4000,
    graceMs: 1000,
    text: `${TAP}t.ok(1); process.stdout.write('', () => { for (;;); });`,
    totals: { passed: 1, failed: 1, skipped: 0 },
    says: 'killed: still there',
  },
];

t.test('every way a test file can end is counted', async (t) => {
  const folder = t.testdir(Object.fromEntries(CASES.map(({ name, text }) => [`${name}.mjs`, text])));
  const waiting = [...CASES];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { name, totals, says, timeoutMs = 60_000, graceMs = 60_000 } = next;
      const lines: string[] = [];
      const files = [{ name, path: join(folder, `${name}.mjs`) }];
      const write = (line: string): number => lines.push(line);
      const found = await runTests({
        files,
        cwd: folder,
        env: process.env,
        jobs: 1,
        timeoutMs,
        graceMs,
        write,
      });
      const text = lines.join('\n');
      t.same(found, totals, `${name}: ${text}`);
      t.match(text, says, `${name}: the reason is shown`);
      t.match(
        text,
        `${totals.failed === 0 ? 'ok  ' : 'FAIL'} ${name} · ${summary(totals)}`,
        `${name}: first line`,
      );
    }
  };
  await Promise.all([lane(), lane(), lane()]);
});

t.test('no file at all is a failure', async (t) => {
  const lines: string[] = [];
  const options = { files: [], cwd: '.', env: {}, jobs: 2, timeoutMs: 1, graceMs: 1 };
  const totals = await runTests({ ...options, write: (line) => lines.push(line) });
  t.same(totals, { passed: 0, failed: 1, skipped: 0 });
  t.same(lines, ['no test file matches']);
});

t.test('the last line', async (t) => {
  t.equal(summary({ passed: 3, failed: 0, skipped: 0 }), '3 passed, 0 failed');
  t.equal(summary({ passed: 3, failed: 1, skipped: 2 }), '3 passed, 1 failed, 2 skipped');
});

t.test('which files are tests', async (t) => {
  const paths = ['run.ts', 'snap.ts', 'tidy.ts', 'helpers/golden.ts', 'fixtures/a.ts', 'engine/runner.ts'];
  const all = [...paths, 'provider/libvirt/ssh.ts', 'libvirt/up.ts', 'engine', 'config/a.yaml'];
  t.same(selectTests(all, [], 'plain'), ['engine/runner.ts', 'provider/libvirt/ssh.ts', 'tidy.ts']);
  t.same(selectTests(all, ['engine'], 'plain'), ['engine/runner.ts']);
  const real = [...all, 'libvirt/run.ts', 'libvirt/helpers/box.ts', 'libvirt/down.ts'];
  t.same(selectTests(real, [], 'libvirt'), ['libvirt/down.ts', 'libvirt/up.ts']);
  t.same(selectTests(real, ['up'], 'libvirt'), ['libvirt/up.ts']);
});

t.test('golden files are compared, and written only when asked and not in CI', async (t) => {
  const name = 'runner-test/file.txt';
  const path = join(packageRoot(), 'test/fixtures/golden', name);
  t.teardown(() => {
    rmSync(join(path, '..'), { recursive: true, force: true });
  });
  const said: string[] = [];
  const answers = {
    comment: (text: string) => said.push(text),
    fail: (message: string) => said.push(message) < 0,
    equal: (found: string, wanted: string) => found === wanted,
  };
  const match = (text: string, env: Record<string, string>): boolean => matchGolden(answers, name, text, env);
  t.notOk(match('a', {}), 'a missing file fails');
  t.notOk(match('a', { HOMELAB_SNAP: '1', CI: 'true' }), 'CI may not write');
  t.notOk(existsSync(path));
  t.ok(match('a', { HOMELAB_SNAP: '1' }), 'snap writes');
  t.equal(readFileSync(path, 'utf8'), 'a');
  t.ok(match('a', { CI: 'true' }));
  t.notOk(match('b', {}), 'a difference fails');
  t.match(said[0], /npm run snap/);
  t.same(
    [isCi('true'), isCi('1'), isCi('false'), isCi(''), isCi(undefined)],
    [true, true, false, false, false],
  );
});
