/** Scenarios as texts: what is wrong with one, and what its words mean on a lab. */
import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { Prng } from '../../lib/base/prng.js';
import { activeBackends } from '../../lib/chaos/backends.js';
import { durationOn, parseDurationSum } from '../../lib/chaos/duration-sum.js';
import { judge } from '../../lib/chaos/expect.js';
import { FAULT_KINDS } from '../../lib/chaos/fault-kinds.js';
import { VipHolders } from '../../lib/chaos/invariants.js';
import { readScenario } from '../../lib/chaos/read-scenario.js';
import type { Interval } from '../../lib/chaos/recorder.js';
import { SCENARIO_SCHEMA } from '../../lib/chaos/schema.js';
import { parseSelector, resolveSelector } from '../../lib/chaos/selector.js';
import { parseSubject } from '../../lib/chaos/subject.js';
import { chaptersOf } from '../../lib/chaos/timeline.js';
import { schemaAt, schemaPaths } from '../../lib/config/tree.js';
import type { Observation } from '../../lib/provider/provider.js';
import { scenarioOfText } from '../helpers/chaos-runs.js';
import { packageRoot } from '../helpers/package-root.js';
import { labOf } from '../helpers/sim-lab.js';

const SOUND = `name: mine
description: A worker is lost.
topology: { kind: ha, vip: kube-vip }
settings:
  - { name: duration, default: 2m, description: how long }
probes:
  - { name: look, run: [ping, -c, '1', 192.168.62.21], every: 5s }
method:
  - { name: lost, fault: cut, machines: any worker, at: 5s, for: $duration }
  - { name: late, fault: loss, machines: not lost, loss: 30%, at: 1m }
during:
  - { name: it goes, watch: nodes of lost, while: lost, becomes: down, within: lease + 55s }
recovery: { within: 5m }
`;

const METHOD = 'method:';

/** In SOUND, the first text becomes the second; then there is a problem of that code at the place of the third. */
const MUTATIONS: readonly (readonly [string, string, string, string, RegExp])[] = [
  ['recovery: { within: 5m }\n', '', 'missing-key', '', /recovery/],
  ['method:', 'methods:', 'unknown-key', 'methods', /method\?/],
  ['fault: cut', 'fault: cutt', 'wrong-value', 'cutt', /cut\?/],
  ['any worker', 'any any', 'wrong-value', 'any any', /any worker/],
  ['not lost', 'not late', 'wrong-value', 'not late', /earlier fault/],
  ['$duration', '$duratoin', 'unknown-setting', '$duratoin', /\$duration\?/],
  ['at: 1m', 'at: soon', 'wrong-value', 'soon', /30s/],
  ['loss: 30%', 'loss: 130%', 'wrong-value', '130%', /30%/],
  ['loss: 30%', 'unit: kubelet, loss: 30%', 'wrong-value', 'kubelet', /Remove unit/],
  [', loss: 30%', '', 'missing-key', 'loss', /Add loss/],
  ['name: late', 'name: lost', 'wrong-value', 'lost', /otherwise/],
  ['nodes of lost', 'node lost', 'wrong-value', 'node lost', /probe NAME/],
  ['loss: 30%, at: 1m', 'loss: 30%, when: join', 'wrong-value', 'join', /Add operation/],
  ['nodes of lost', 'step join', 'wrong-value', 'step join', /something else/],
  [METHOD, `operation: { saga: rejoin }\n${METHOD}`, 'wrong-value', 'rejoin', /Add input/],
  [
    METHOD,
    `operation: { saga: upgrade, input: { machines: cp-2 } }\n${METHOD}`,
    'wrong-value',
    'cp-2',
    /Remove/,
  ],
  ['nodes of lost', 'probe loook', 'wrong-value', 'probe loook', /look\?/],
  ['while: lost', 'while: loss', 'wrong-value', 'loss', /lost\?/],
  ['becomes: down, ', '', 'wrong-value', '{ name: it goes', /one of becomes/],
  [', within: lease + 55s', '', 'wrong-value', 'down', /Add within/],
  [', vip: kube-vip', '', 'wrong-value', 'lease + 55s', /plain duration/],
  ['becomes: down, within: lease + 55s', 'failures: { at_most: 1 }', 'wrong-value', '{ at_most', /probe/],
  ["run: [ping, -c, '1', 192.168.62.21]", 'every: 1s', 'yaml-syntax', '', /syntax/],
  ["run: [ping, -c, '1', 192.168.62.21], ", '', 'wrong-value', '{ name: look', /one of run/],
  ["run: [ping, -c, '1', 192.168.62.21]", 'ping: any any', 'wrong-value', 'any any', /any worker/],
];

t.test('a scenario is sound, or every problem is told at its place', async (t) => {
  t.strictSame(readScenario({ file: 's.yaml', text: SOUND }).problems, []);
  for (const [replace, by, code, at, remedy] of MUTATIONS) {
    const text = SOUND.replace(replace, () => by);
    t.not(text, SOUND, `${replace} is there`);
    const { scenario, problems } = readScenario({ file: 's.yaml', text });
    const problem = problems.find((one) => one.code === code);
    t.equal(scenario, null, `${by}: no scenario comes out`);
    t.match(problem, { file: 's.yaml', remedy }, `${by}: ${code}`);
    const line = text.split('\n')[(problem?.line ?? 0) - 1] ?? '';
    t.ok(line.slice((problem?.column ?? 0) - 1).startsWith(at), `${by}: at its place`);
  }
  const both = SOUND.replace('fault: cut', 'fault: cutt').replace('at: 1m', 'at: 1');
  t.equal(readScenario({ file: 's.yaml', text: both }).problems.length, 2, 'all of them in one go');
  const unknown = readScenario({ file: 's.yaml', text: SOUND, settings: { duraton: '1m' } });
  t.match(unknown.problems, [{ code: 'unknown-setting', remedy: /duration/ }]);
});

t.test('settings, moments and durations on a lab', async (t) => {
  const lab = labOf();
  const [{ moments } = { moments: [] }] = chaptersOf(lab, scenarioOfText(SOUND, { duration: '3m' }));
  const told = moments.map(({ atMs, injects, lifts }) => [
    atMs,
    injects.map((f) => f.name),
    lifts.map((f) => f.name),
  ]);
  t.strictSame(told, [
    [5_000, ['lost'], []],
    [60_000, ['late'], []],
    [185_000, [], ['late', 'lost']],
  ]);
  const sum = parseDurationSum('lease + 2 retry - 1s') ?? [];
  t.equal(durationOn(lab, sum), 6_000);
  t.equal(durationOn(labOf({ 'time-scale': '2' }), sum), 12_000, 'defaults of a lease are stretched already');
  t.equal(parseDurationSum('2 lunches'), null);
});

t.test('selectors and subjects', async (t) => {
  const lab = labOf();
  const known = {
    faults: { first: ['stage-cp-2'] },
    properties: {
      'vip-holder': ['stage-cp-1'],
      'etcd-leader': ['stage-cp-3'],
      'haproxy-active-backend': null,
    },
  };
  const meant = (text: string, seed = 1): readonly string[] => {
    const selector = parseSelector(text);
    return selector === null ? ['none'] : resolveSelector(lab, known, selector, new Prng(seed));
  };
  t.strictSame(meant('cp-2'), ['stage-cp-2']);
  t.strictSame(meant('stage-w-1'), ['stage-w-1']);
  t.strictSame(meant('workers'), ['stage-w-1', 'stage-w-2', 'stage-w-3']);
  t.strictSame(meant('not etcd-leader'), ['stage-cp-1', 'stage-cp-2']);
  t.strictSame(meant('not worker'), ['stage-cp-1', 'stage-cp-2', 'stage-cp-3']);
  t.strictSame(meant('not first'), ['stage-cp-1', 'stage-cp-3']);
  t.equal(meant('2 of control-plane').length, 2);
  t.equal(
    new Set(Array.from({ length: 20 }, (_, seed) => meant('any worker', seed)[0])).size,
    3,
    'the seed chooses',
  );
  t.throws(() => meant('4 of worker'), { code: 'no-such-machines' });
  t.throws(() => meant('cp-9'), { code: 'no-such-machines' });
  t.throws(() => meant('haproxy-active-backend'), { code: 'not-seen' });
  for (const wrong of ['', 'any', 'two of worker', '0 of worker', 'Any worker'])
    t.equal(parseSelector(wrong), null, wrong);
  t.match(parseSubject('api of not first'), { kind: 'api', of: { not: true } });
  for (const wrong of ['vip of cp-1', 'pods web', 'everything']) t.equal(parseSubject(wrong), null, wrong);
});

const intervals = (...parts: readonly (readonly [number, number, string, boolean])[]): readonly Interval[] =>
  parts.map(([fromMs, toMs, value, good]) => ({ fromMs, toMs, value, good }));

/** Of HAProxy 2.6.12, shortened. */
const METRICS = `# HELP haproxy_server_status Current status of the service, per state label value.
# TYPE haproxy_server_status gauge
haproxy_server_status{proxy="k8s-control-planes",server="a",state="DOWN"} 0
haproxy_server_status{proxy="k8s-control-planes",server="a",state="UP"} 1
haproxy_server_status{proxy="k8s-control-planes",server="a",state="MAINT"} 0
haproxy_server_status{proxy="k8s-control-planes",server="b",state="DOWN"} 1
haproxy_server_status{proxy="k8s-control-planes",server="b",state="UP"} 0
haproxy_server_check_status{proxy="k8s-control-planes",server="b",state="L4CON"} 1
`;

t.test('the servers of a real HAProxy', async (t) => {
  t.strictSame(activeBackends(METRICS), ['a']);
});

t.test('what was expected against what was seen', async (t) => {
  const lab = labOf();
  const seen = intervals([0, 1_000, 'a', true], [1_000, 1_500, 'nobody', false], [1_500, 9_000, 'b', true]);
  const within = { fromMs: 500, toMs: 5_000 };
  const ms = (count: number) => [{ count, unit: 'ms' as const }];
  const becomes = { kind: 'becomes', up: false, within: ms(400), notBefore: null } as const;
  t.match(judge(lab, becomes, seen, within), { ok: false, measuredMs: 500, atMs: 1_000 });
  t.match(judge(lab, { ...becomes, within: ms(500) }, seen, within), { ok: true });
  t.match(judge(lab, { ...becomes, within: ms(900), notBefore: ms(600) }, seen, within), { ok: false });
  t.match(judge(lab, { kind: 'stays', up: true }, seen, within), { ok: false, atMs: 1_000 });
  t.match(judge(lab, { kind: 'stays', up: true }, seen, { fromMs: 2_000, toMs: 3_000 }), { ok: true });
  t.match(judge(lab, { kind: 'stays', up: true }, [], within), { ok: false }, 'nothing seen is no proof');
  const outage = { kind: 'outage', atLeast: ms(500), atMost: ms(500) } as const;
  t.match(judge(lab, outage, seen, within), { ok: true, measuredMs: 500 });
  t.match(judge(lab, { ...outage, atMost: ms(499) }, seen, within), { ok: false });
  t.match(judge(lab, { kind: 'changes', expected: true }, seen, within), {
    ok: true,
    measuredMs: 1_000,
    observed: /^a, then b/,
  });
  t.match(judge(lab, { kind: 'changes', expected: false }, seen, within), { ok: false });
  t.match(judge(lab, { kind: 'failures', atLeast: 1, atMost: 1, saying: null }, seen, within), { ok: true });
});

t.test('two holders of the floating address, and for how long they may be two', async (t) => {
  const lab = labOf();
  const seen = (atMs: number, vipHolders: readonly string[], answers: boolean): Observation => ({
    ...{ atMs, vipHolders, nodes: null, pods: null, truth: null, reasons: [] },
    machines: vipHolders.map((name) => ({ name, state: 'running' as const })),
    etcd: { members: null, leader: null, quorum: true, tolerance: 1 },
    api: { endpoint: true, nodes: { 'stage-cp-1': answers, 'stage-cp-2': true } },
  });
  const both = ['stage-cp-1', 'stage-cp-2'];
  const overlap = (lengthMs: number, answers: boolean, woken: readonly number[] = [], everyMs = 0) => {
    const holders = new VipHolders(lab);
    holders.see(seen(0, ['stage-cp-1'], answers));
    holders.see(seen(10_000, both, answers));
    holders.see(seen(10_000 + lengthMs, ['stage-cp-2'], answers));
    return holders.judge(60_000, woken, everyMs);
  };
  t.match(overlap(100, true), { ok: true, longestMs: 100 }, 'a clean release');
  t.match(overlap(101, true), { ok: false, longestMs: 101 });
  t.match(overlap(2_100, false), { ok: true }, 'a release that hangs: 3 + 3 + 1 - 5 seconds');
  t.match(overlap(2_101, false), { ok: false });
  t.match(
    overlap(4_100, true, [10_000]),
    { ok: true },
    'until one that woke up has failed to renew: 1 + 3 seconds',
  );
  t.match(overlap(4_101, true, [10_000]), { ok: false });
  t.match(overlap(4_100, true, [], 2_000), { ok: true }, 'what two looks saw may have been a clean release');
  t.match(overlap(4_101, true, [], 2_000), { ok: false });
});

t.test('docs/chaos.md has every key, every fault and every shipped scenario', async (t) => {
  const page = readFileSync(`${packageRoot()}/docs/chaos.md`, 'utf8');
  const items = ['settings', 'probes', 'steady_state', 'method', 'during'].flatMap((list) =>
    schemaPaths(schemaAt(SCENARIO_SCHEMA, [list])?.items ?? {}).map((path) => path.join('.')),
  );
  for (const key of [...schemaPaths(SCENARIO_SCHEMA).map((path) => path.join('.')), ...items])
    t.ok(page.includes(`\`${key}\``), `the key ${key}`);
  for (const kind of FAULT_KINDS) t.ok(page.includes(`| \`${kind}\``), `a row for the fault ${kind}`);
  for (const file of readdirSync(`${packageRoot()}/scenarios`))
    t.ok(page.includes(`### ${file.replace('.yaml', '')}\n`), file);
});
