// docs/simulator.md against the code: its timings, its statements and their tests, and whole operations' durations.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { TIMINGS } from '../../lib/model/timings.js';
import { KubeadmLab, type Result } from '../helpers/kubeadm-lab.js';
import { packageRoot } from '../helpers/package-root.js';

const PAGE = readFileSync(join(packageRoot(), 'docs/simulator.md'), 'utf8');

t.test('the table of timings in the docs is that of the code', async (t) => {
  const row = /^\| `(\w+)` +\| ([\d.]+) +\| ([\d.]+) +\| ([\d.]+) +\|/gm;
  const rows = [...PAGE.matchAll(row)].map(([, name, ...seconds]) => [name, ...seconds.map(Number)]);
  const code = Object.entries(TIMINGS).map(([name, { minMs, typicalMs, maxMs }]) => [
    name,
    ...[minMs, typicalMs, maxMs].map((ms) => ms / 1_000),
  ]);
  t.strictSame(rows, code);
});

t.test('every file that the page names exists', async (t) => {
  const paths = [...PAGE.matchAll(/`((?:lib|test)\/[^`]+\.ts)`/g)].map(([, path = '']) => path);
  t.ok(paths.length > 0);
  for (const path of new Set(paths)) t.ok(existsSync(join(packageRoot(), path)), path);
});

interface Statement {
  readonly id: string;
  readonly text: string;
  /** Files without their ending, and names of tests in them. */
  readonly tests: readonly (readonly [string, string])[];
}

function statements(): Statement[] {
  const part = PAGE.slice(PAGE.indexOf('\n## Statement by statement'));
  return part
    .split(/\n- /)
    .slice(1)
    .map((item) => {
      const text = (item.split('\n\n')[0] ?? '').replace(/\s+/g, ' ');
      const tests = [...text.matchAll(/`(test\/\S+)` "([^"]+)"/g)];
      return {
        id: /^`([A-Z][A-Za-z0-9-]+)`: /.exec(text)?.[1] ?? text,
        text,
        tests: tests.map(([, file = '', name = '']) => [file, name] as const),
      };
    });
}

/** Names of the tests of a file as they are written there; `${…}` of a template stays as it is. */
function testNames(file: string): string[] {
  const text = readFileSync(join(packageRoot(), `${file}.ts`), 'utf8');
  const calls = text.matchAll(/\bt\.test\(\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`)/g);
  return [...calls].map(([, literal = '']) => literal.slice(1, -1).replaceAll("\\'", "'"));
}

t.test('every statement has an id of its own and a test that exists, or says why not', async (t) => {
  const all = statements();
  t.ok(all.length > 200, `${all.length} statements`);
  const ids = all.map(({ id }) => id);
  t.strictSame(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    [],
    'ids are unique',
  );
  for (const section of 'ABCDEFGHILN')
    t.ok(
      ids.some((id) => id.startsWith(section)),
      `section ${section}`,
    );
  const known = new Map<string, string[]>();
  for (const { id, text, tests } of all) {
    t.match(id, /^[A-I LN]\d?\w?-/, 'an id names its section');
    const reasons = Number(/ \*\*Not modelled\*\*: \w/.test(text));
    t.equal(reasons, tests.length > 0 ? 0 : 1, `${id}: tests or a reason, not both and not neither`);
    for (const [file, name] of tests) {
      const names = known.get(file) ?? testNames(file);
      known.set(file, names);
      t.ok(names.includes(name), `${id}: ${file} has no test "${name}"`);
    }
  }
});

t.test('durations of whole operations lie where real ones lie', async (t) => {
  const within = (what: string, { code, tookMs, stderr }: Result, min: number, max: number): void => {
    t.equal(code, 0, `${what}: ${stderr}`);
    t.ok(tookMs >= min * 1_000 && tookMs <= max * 1_000, `${what} took ${tookMs} ms, not ${min} to ${max} s`);
  };
  for (const seed of [1, 2, 3, 4]) {
    const lab = new KubeadmLab({ seed, controlPlanes: 2, workers: 1 });
    within('init', lab.initFirst(), 20, 300);
    lab.pass(20_000);
    lab.placeKubeVip('cp-2', '/etc/kubernetes/admin.conf');
    within('join of a control plane', lab.join('cp-2'), 15, 300);
    lab.pass(10_000);
    within('join of a worker', lab.join('worker-1'), 5, 300);
    within('reset of a worker', lab.kubeadm('worker-1', 'reset', '--force'), 4, 60);
    within('reset of a control plane', lab.kubeadm('cp-2', 'reset', '--force'), 4, 60);
  }
});
