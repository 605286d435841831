/** Configurations with something wrong: each must be found, at its place, with what was expected and a remedy. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { parse } from 'yaml';
import { resolve } from '../../lib/config/resolve.js';
import { SEED_CONFIG } from '../helpers/seed-config.js';

interface Mutation {
  readonly what: string;
  readonly replace: string;
  readonly by: string;
  readonly code: string;
  readonly at: string;
  readonly severity?: 'warning';
  readonly remedy: string;
}

const FIXTURE = new URL('../../../test/fixtures/bad-configs.yaml', import.meta.url);
const MUTATIONS = parse(readFileSync(FIXTURE, 'utf8')) as readonly Mutation[];

function mutate({ what, replace, by }: Mutation): string {
  if (!SEED_CONFIG.includes(replace)) throw new Error(`${what}: the seed has no ${replace}`);
  return SEED_CONFIG.replace(replace, () => by);
}

t.test('each wrong configuration is found at its place', async (t) => {
  t.ok(MUTATIONS.length >= 40, `${MUTATIONS.length} mutations`);
  for (const mutation of MUTATIONS) {
    const text = mutate(mutation);
    const { spec, problems } = resolve({ text, file: 'config-homelab.yaml' });
    const problem = problems.find(({ code }) => code === mutation.code);
    if (problem === undefined) {
      t.fail(
        `${mutation.what}: no ${mutation.code}, but ${problems.map(({ code }) => code).join(', ') || 'nothing'}`,
      );
      continue;
    }
    t.equal(problem.severity, mutation.severity ?? 'error', `${mutation.what}: severity`);
    if (mutation.severity === undefined) t.equal(spec, null, `${mutation.what}: no lab comes out`);
    t.equal(problem.file, 'config-homelab.yaml', `${mutation.what}: file`);
    t.match(problem.remedy, new RegExp(mutation.remedy), `${mutation.what}: remedy`);
    t.ok(problem.expected && problem.found, `${mutation.what}: expected and found`);
    const line = text.split('\n')[(problem.line ?? 0) - 1] ?? '';
    const there = `${line.slice((problem.column ?? 0) - 1)}\n`;
    t.ok(
      there.startsWith(mutation.at),
      `${mutation.what}: at ${problem.line ?? 0}:${problem.column ?? 0} is ${there}`,
    );
  }
});

t.test('a wrong configuration has one error, not a trail of them', async (t) => {
  for (const mutation of MUTATIONS.filter(({ severity }) => severity === undefined)) {
    const errors = resolve({ text: mutate(mutation), file: 'c.yaml' }).problems.filter(
      (p) => p.severity === 'error',
    );
    const codes = errors.map(({ code }) => code).join(', ');
    // One stray character can break YAML twice.
    if (mutation.code === 'yaml-syntax') continue;
    t.equal(errors.length, 1, `${mutation.what}: ${codes}`);
  }
});

t.test('every problem in one go, in the order of the file', async (t) => {
  const text = `name: Stage
topolgy: ha
k8s:
  version: 1.29
  cni: cillium
  topology: k8s-haa
  pod_subnet: 10.96.0.0/16
  workers:
    memory: 4GB
vos:
  subnet: 192.168
`;
  const { problems } = resolve({ text, file: 'c.yaml' });
  t.strictSame(
    problems.map(({ code, line, column }) => `${code} ${line ?? 0}:${column ?? 0}`),
    [
      'wrong-value 1:7',
      'unknown-key 2:1',
      'unknown-version 4:12',
      'wrong-value 5:8',
      'unknown-topology 6:13',
      'ranges-overlap 7:15',
      'wrong-value 9:13',
      'wrong-range 11:11',
    ],
  );
});

t.test('the seed with its indentation lost is told where each key belongs', async (t) => {
  const text = SEED_CONFIG.replaceAll(/^ +/gm, '');
  const { problems } = resolve({ text, file: 'c.yaml' });
  const remedies = problems.filter(({ severity }) => severity === 'error').map(({ remedy }) => remedy);
  for (const key of [
    'k8s.distribution',
    'k8s.version',
    'k8s.ha.api_vip',
    'vos.cpus',
    'vos.memory',
    'acme.tld',
  ]) {
    t.ok(
      remedies.some((remedy) => /^Did you mean .*\? Move it there\.$/.test(remedy) && remedy.includes(key)),
      key,
    );
  }
  t.equal(
    problems.filter(({ code }) => code === 'yaml-syntax').length,
    2,
    'name and topology are there twice',
  );
});

t.test('a default that does not fit is shown at what was written', async (t) => {
  const { problems } = resolve({
    text: 'k8s:\n  workers: {count: 9}\nvos:\n  subnet: 10.96.0.0/16\n',
    file: 'c.yaml',
  });
  t.strictSame(
    problems.map(({ code, line, column }) => `${code} ${line ?? 0}:${column ?? 0}`),
    ['over-budget 2:20', 'over-budget 2:20', 'ranges-overlap 4:11'],
  );
  const [flagged] = resolve({ text: null, file: null, overrides: { workers: '9' } }).problems;
  t.match(flagged, {
    code: 'over-budget',
    file: null,
    message: /^--workers 9: the machines take 84GiB of memory/,
  });
});

t.test('a wrong flag is named instead of a place', async (t) => {
  const wrong: readonly (readonly [string, string, string])[] = [
    ['workers', 'three', 'wrong-value'],
    ['workers', '-1', 'wrong-value'],
    ['worker-memory', '8GB', 'wrong-value'],
    ['kubernetes-version', 'v1.12', 'unknown-version'],
    ['topology', 'k8s-haha', 'unknown-topology'],
    ['vip', '10.0.0.1', 'vip-outside-subnet'],
    ['time-scale', 'slow', 'wrong-value'],
    ['vos-memory', '8GiB', 'over-budget'],
  ];
  for (const [flag, value, code] of wrong) {
    const { spec, problems } = resolve({ text: SEED_CONFIG, file: 'c.yaml', overrides: { [flag]: value } });
    t.equal(spec, null, `--${flag} ${value}`);
    t.match(problems, [{ code, file: null, line: null, column: null }]);
    t.ok(problems[0]?.message.startsWith(`--${flag} ${value}: `), problems[0]?.message ?? 'no message');
  }
});
