/** Many runs together: which figures they give, which steps are risky, and what is said of it. */
import t from 'tap';
import { rehearsal } from '../../lib/report/rehearsal.js';
import { rehearsalText } from '../../lib/report/rehearsal-text.js';
import { rehearsedRun, type RehearsedRun } from '../../lib/report/rehearsed-run.js';
import type { Lane } from '../../lib/report/lanes.js';

const SUBJECT = {
  ...{ lab: 'stage', from: 'v1.31.4', to: 'v1.32.0', assumed: [] },
  commandOf: (seed: number) => `again ${seed}`,
};

function run(seed: number, durationMs: number, change: Partial<RehearsedRun> = {}): RehearsedRun {
  const step = { outcome: 'done', attempts: 1, atMs: 0, durationMs, apiAwayMs: 0, lowestMargin: 1 } as const;
  return {
    ...{ seed, durationMs, outcome: 'completed', error: null, windows: [], vipMoves: 1, evictedPods: 3 },
    lowestMargin: 0,
    steps: [
      { ...step, key: 'quiet', title: 'A quiet step' },
      { ...step, key: 'apply', title: 'Apply', atMs: 10, apiAwayMs: seed * 100, lowestMargin: 0 },
    ],
    ...change,
  };
}

t.test('nearest ranks of a hundred runs', async (t) => {
  const runs = Array.from({ length: 100 }, (_, index) => run(index + 1, (100 - index) * 1_000));
  const found = rehearsal(SUBJECT, runs);
  t.strictSame(found.durationMs, { p50: 50_000, p95: 95_000, worst: 100_000 });
  t.match(found, { seed: 1, runs: 100, completed: 100, lowestMargin: 0, middle: { seed: 51 } });
  t.match(found.worst, { seed: 1, outcome: 'completed', command: 'again 1' }, 'the longest one');
  t.strictSame(
    found.riskiest.map(({ key }) => key),
    ['apply'],
    'a step in which nothing is at risk is not risky',
  );
  t.match(found.riskiest[0]?.why, /away for 9\.5 s .*, 10\.0 s at worst; no further voter/);
});

t.test('a run that failed comes before one that took long, and its step before all others', async (t) => {
  const stuck = run(2, 500, {
    outcome: 'stuck',
    error: { code: 'drain-blocked', message: 'a budget' },
    steps: [
      {
        key: 'drain',
        title: 'Drain',
        outcome: 'failed',
        attempts: 5,
        atMs: 20,
        durationMs: 100,
        apiAwayMs: 0,
        lowestMargin: 1,
      },
    ],
  });
  const found = rehearsal(SUBJECT, [run(1, 1_000), stuck, run(3, 9_000)]);
  t.match(found, { completed: 2, worst: { seed: 2, outcome: 'stuck', command: 'again 2' } });
  t.match(found.riskiest[0], {
    key: 'drain',
    why: /^it failed in 1 of 3 runs; it was tried again in 1 of 3/,
  });
  const text = rehearsalText(found);
  t.match(text, /2 of 3 runs completed\nKubernetes is modelled, not executed/);
  t.match(text, /The worst run, seed 2, ended stuck: a budget\nRepeat it with: again 2\n$/);
});

t.test('windows without the API belong to the step that ran when they began', async (t) => {
  const lane = (
    key: string,
    group: Lane['group'],
    intervals: readonly (readonly [number, number, string, boolean])[],
  ): Lane => ({
    ...{ key, title: key, group, exact: true },
    intervals: intervals.map(([fromMs, toMs, value, good]) => ({ fromMs, toMs, value, good })),
  });
  const lanes = [
    lane('etcd:margin', 'etcd', [
      [1_000, 1_150, '1', true],
      [1_150, 1_180, '0', true],
      [1_180, 1_300, '1', true],
    ]),
    lane('api:endpoint', 'api', [
      [1_000, 1_160, 'answers', true],
      [1_160, 1_210, 'no answer', false],
      [1_210, 1_300, 'answers', true],
    ]),
    lane('api:cp-1', 'api', [
      [1_000, 1_250, 'answers', true],
      [1_250, 1_300, 'no answer', false],
    ]),
  ];
  const step = { outcome: 'done', attempts: 1 } as const;
  const found = rehearsedRun({
    ...{ seed: 1, beganAtMs: 1_000, endedAtMs: 1_300, lanes, evictedPods: 2 },
    result: {
      ...{ saga: 'upgrade', lab: 'stage', provider: 'sim', seed: 1, outcome: 'completed', durationMs: 300 },
      ...{ residue: [], error: null },
      steps: [
        { ...step, key: 'a', title: 'A', startedAtMs: 1_100, durationMs: 100 },
        { ...step, key: 'b', title: 'B', startedAtMs: 1_200, durationMs: 40 },
        { key: 'c', title: 'C', outcome: 'pending', attempts: 0, startedAtMs: null, durationMs: null },
      ],
    },
  });
  t.strictSame(found.windows, [
    { through: 'endpoint', fromMs: 160, durationMs: 50, during: 'A' },
    { through: 'cp-1', fromMs: 250, durationMs: 50, during: null },
  ]);
  t.match(found.steps, [
    { key: 'a', atMs: 100, apiAwayMs: 40, lowestMargin: 0 },
    { key: 'b', atMs: 200, apiAwayMs: 10, lowestMargin: 1 },
  ]);
  t.match(found, { lowestMargin: 0, vipMoves: 0, evictedPods: 2 });
});
