// Lanes folded from observations, what they say of the API, the address and quorum, and why that was so.
import t from 'tap';
import type { Observation } from '../../lib/provider/provider.js';
import { clipped, LaneFold, type Lane } from '../../lib/report/lanes.js';
import { lowestMarginOf, outagesOf, vipMovesOf, vipSharedOf } from '../../lib/report/outages.js';
import { runReport, type RunFacts } from '../../lib/report/run-report.js';
import { plannedFaults } from '../../lib/report/saga-report.js';

const MEMBER = { started: true, learner: false, healthy: true };

/** A lab of two control planes in which all is well, with something else than usual. */
function seen(atMs: number, other: Partial<Observation> = {}): Observation {
  return {
    atMs,
    machines: ['cp-1', 'cp-2'].map((name) => ({ name, state: 'running' })),
    nodes: ['cp-1', 'cp-2'].map((name) => ({ name, ready: true, version: 'v1.31.4', schedulable: true })),
    etcd: {
      members: ['cp-2', 'cp-1'].map((name) => ({ name, ...MEMBER })),
      ...{ leader: 'cp-1', quorum: true, tolerance: 1 },
    },
    vipHolders: ['cp-1'],
    api: { endpoint: true, nodes: { 'cp-1': true, 'cp-2': true } },
    pods: [pod('a', 'cp-1'), pod('b', 'cp-1'), pod('c', null), { ...pod('d', 'cp-2'), phase: 'Succeeded' }],
    truth: null,
    reasons: [],
    ...other,
  };
}

function pod(
  name: string,
  node: string | null,
  ready = node !== null,
): NonNullable<Observation['pods']>[number] {
  return { namespace: 'x', name, node, phase: node === null ? 'Pending' : 'Running', ready, restarts: 0 };
}

function folded(observations: readonly Observation[], untilMs: number): readonly Lane[] {
  const fold = new LaneFold({ exact: true, order: ['cp-1', 'cp-2'] });
  for (const one of observations) fold.see(one);
  return fold.lanes(untilMs);
}

function values(lanes: readonly Lane[], key: string): readonly string[] {
  const lane = lanes.find((one) => one.key === key);
  return (lane?.intervals ?? []).map(
    ({ fromMs, toMs, value, good }) => `${fromMs}-${toMs} ${value}${good ? '' : ' !'}`,
  );
}

t.test('lanes come by group, then in the order of the lab, and say what is there', async (t) => {
  const lanes = folded([seen(5)], 100);
  t.strictSame(
    lanes.map(({ key, intervals }) => [key, intervals.map(({ value }) => value).join()]),
    [
      ['power:cp-1', 'running'],
      ['power:cp-2', 'running'],
      ['etcd:margin', '1'],
      ['etcd:cp-1', 'leader'],
      ['etcd:cp-2', 'voter'],
      ['vip', 'cp-1'],
      ['api:endpoint', 'answers'],
      ['api:cp-1', 'answers'],
      ['api:cp-2', 'answers'],
      ['node:cp-1', 'Ready v1.31.4'],
      ['node:cp-2', 'Ready v1.31.4'],
      ['pods:cp-1', '2 of 2 ready'],
      ['pods:', '1 waiting'],
    ],
    'a pod that came to its end is not counted',
  );
});

t.test(
  'what cannot be read is unknown, what is gone is absent, a flicker of no time is nothing',
  async (t) => {
    const off = seen(10, {
      machines: [{ name: 'cp-1', state: 'running' }],
      nodes: null,
      pods: null,
      vipHolders: [],
      etcd: { members: null, leader: null, quorum: false, tolerance: -1 },
    });
    const lanes = folded([seen(0), off, seen(20), seen(30, { vipHolders: [] }), seen(30)], 50);
    t.strictSame(values(lanes, 'power:cp-2'), ['0-10 running', '10-20 absent !', '20-50 running']);
    t.strictSame(values(lanes, 'node:cp-1'), [
      '0-10 Ready v1.31.4',
      '10-20 unknown !',
      '20-50 Ready v1.31.4',
    ]);
    t.strictSame(values(lanes, 'etcd:margin'), ['0-10 1', '10-20 unknown !', '20-50 1']);
    t.strictSame(values(lanes, 'vip'), ['0-10 cp-1', '10-20 nobody !', '20-50 cp-1']);
    t.strictSame(values(clipped(lanes, 15, 40), 'vip'), ['15-20 nobody !', '20-40 cp-1']);
    t.strictSame(values(clipped(lanes, 20, 40), 'vip'), ['20-40 cp-1']);
  },
);

const moving: readonly Observation[] = [
  seen(0, { api: { endpoint: false, nodes: { 'cp-1': false } } }),
  seen(10),
  seen(20, { vipHolders: [], api: { endpoint: false, nodes: { 'cp-1': false, 'cp-2': true } } }),
  seen(25, { vipHolders: ['cp-2'], etcd: { members: null, leader: null, quorum: false, tolerance: -1 } }),
  seen(30, {
    vipHolders: ['cp-1', 'cp-2'],
    etcd: { members: [], leader: null, quorum: false, tolerance: -1 },
  }),
  seen(31, { vipHolders: ['cp-2'], api: { endpoint: true, nodes: { 'cp-1': false } } }),
];

t.test('outages begin where the API had answered, moves of the address between two holders', async (t) => {
  const lanes = folded(moving, 40);
  const short = outagesOf(lanes).map(({ lane, fromMs, toMs }) => `${lane} ${fromMs} ${String(toMs)}`);
  t.strictSame(short, ['api:endpoint 20 25', 'api:cp-1 20 25', 'api:cp-1 31 null', 'api:cp-2 31 null']);
  t.strictSame(vipMovesOf(lanes), [{ from: 'cp-1', to: 'cp-2', leftMs: 20, atMs: 25 }]);
  t.match(vipSharedOf(lanes), [{ fromMs: 30, toMs: 31, value: 'cp-1 + cp-2' }]);
  t.match(lowestMarginOf(lanes), { spare: -1, fromMs: 30 });
  t.equal(lowestMarginOf([]), null);
});

function facts(other: Partial<RunFacts>): RunFacts {
  return {
    ...{
      lab: 'stage',
      provider: 'sim',
      seed: 1,
      operation: 1,
      command: 'homelab up',
      startedMs: 0,
      endedMs: 40,
    },
    subject: { kind: 'saga', name: 'bootstrap', description: '' },
    versions: { homelab: '0', kubernetes: 'v1.31.4' },
    verdict: { word: 'completed', ok: true, lines: [] },
    ...{ steps: [], faults: [], assertions: [], lanes: folded(moving, 40), measures: [], reasons: [] },
    ...other,
  };
}

t.test('an outage is explained by the fault or the step that touches its machine', async (t) => {
  const step = (
    key: string,
    title: string,
    fromMs: number,
    toMs: number | null,
  ): RunFacts['steps'][number] => ({
    ...{ key, title, stage: 's', outcome: 'done', takesDown: [] },
    spans: [{ fromMs, toMs, kind: 'attempt', ok: true }],
  });
  const steps = [
    step('kubelet:cp-1', 'restart the kubelet on cp-1', 18, 22),
    step('kubelet:cp-2', 'restart the kubelet on cp-2', 30, null),
    step('wait', 'wait', 0, 40),
  ];
  const why = (other: Partial<RunFacts>): readonly (string | null)[] =>
    runReport(facts(other)).outages.map((outage) => outage.why);
  t.strictSame(why({}), ['the floating address moved from cp-1 to cp-2', null, null, null]);
  t.strictSame(why({ steps }), [
    'the floating address moved from cp-1 to cp-2: restart the kubelet on cp-1',
    'restart the kubelet on cp-1',
    'restart the kubelet on cp-1, which had ended 9 ms before',
    'restart the kubelet on cp-2',
  ]);
  const down = { ...step('apply', 'upgrade apply', 1, 2), takesDown: ['cp-2'] };
  t.match(why({ steps: [...steps, down] }), [
    /cp-1$/,
    /cp-1$/,
    /before$/,
    /^upgrade apply, .* 29 ms before$/,
  ]);
  const faults = plannedFaults(
    [
      { dueMs: 19, machine: 'cp-1', action: 'cut' },
      { dueMs: 24, machine: 'cp-1', action: 'start' },
      { dueMs: 90, machine: 'cp-2', action: 'cut' },
    ],
    0,
    40,
  );
  t.match(faults, [{ title: 'cut cp-1', machines: ['cp-1'], fromMs: 19, toMs: 24 }]);
  t.equal(faults.length, 1, 'starting is no fault, and what is due later has not come');
  t.match(why({ steps, faults }), [/: cut cp-1$/, 'cut cp-1', 'cut cp-1', 'restart the kubelet on cp-2']);
  t.match(runReport(facts({ faults })).vipMoves, [{ from: 'cp-1', why: 'cut cp-1' }]);
});
