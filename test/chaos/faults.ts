/** Every kind of fault comes into force, is told of by its probe, goes, and leaves a lab that recovers. */
import t from 'tap';
import { FAULT_KINDS } from '../../lib/chaos/fault-kinds.js';
import { faultTimes } from '../../lib/chaos/moments.js';
import { tryScenario } from '../helpers/chaos-runs.js';
import { upLab } from '../helpers/upgrade-runs.js';

t.setTimeout(600_000);

/** What each does to an onlooker, or null where nothing need be seen from outside. */
const CASES: Readonly<Record<string, readonly [string, string | null]>> = {
  halt: ['machines: any worker', 'machines of it'],
  cut: ['machines: any worker', 'machines of it'],
  reboot: ['machines: any worker', 'machines of it'],
  pause: ['machines: any worker', 'machines of it'],
  link: ['machines: any worker', 'nodes of it'],
  partition: ['machines: any worker', 'nodes of it'],
  loss: ['machines: any worker, loss: 30%', null],
  delay: ['machines: any worker, delay: 50ms', null],
  'fill-disk': ['machines: any worker', null],
  'stop-unit': ['machines: any worker, unit: kubelet', 'nodes of it'],
  'remove-manifest': ['machines: cp-2, manifest: kube-apiserver', 'api of it'],
  'kill-process': ['machines: cp-2, process: etcd', 'etcd of it'],
  drain: ['machines: any worker', 'nodes of it'],
  cordon: ['machines: any worker', 'nodes of it'],
  'lose-etcd-data': ['machines: cp-2', 'etcd of it'],
  'registry-unreachable': ['machines: any worker', null],
  'slow-disk': ['machines: any worker, latency: 100ms', null],
  'clock-skew': ['machines: any worker, skew: 2h', null],
};

t.test('each kind of fault', async (t) => {
  const lab = await upLab({ cni: 'bridge', csi: 'none', ingress: 'none' });
  const done = new Set<string>(Object.keys(CASES));
  t.strictSame(
    FAULT_KINDS.filter((kind) => !done.has(kind)),
    ['expire-certificate'],
    'all that this version can do',
  );
  for (const [kind, [parameters, seenAs]] of Object.entries(CASES)) {
    const watch =
      seenAs === null
        ? 'watch: quorum, while: it, stays: up'
        : `watch: ${seenAs}, while: it, becomes: down, within: 85s`;
    const text = `name: one
description: One fault.
method:
  - { name: it, fault: ${kind}, ${parameters}, at: 5s, for: 90s }
during:
  - { name: it is seen, ${watch} }
recovery: { within: 5m }
`;
    const { verdict, seen } = await tryScenario(lab, text);
    t.equal(verdict.word, 'held', `${kind}: ${verdict.lines.join('; ')}`);
    const { inForceMs, goneMs } = faultTimes(seen.records, 'it');
    t.ok(inForceMs !== null && goneMs !== null && inForceMs < goneMs, `${kind}: it came and went`);
  }
});

t.test('whom HAProxy gives connections to', async (t) => {
  const plain = { cni: 'bridge', csi: 'none', ingress: 'none', workers: '0' };
  const lab = await upLab({ ...plain, 'vip-provider': 'haproxy' });
  const text = `name: one
description: A server of HAProxy is lost, and then another one.
steady_state:
  - { watch: machines }
  - { watch: probe marked }
probes:
  - { name: marked, backend: it, every: 100ms }
method:
  - { name: it, fault: cut, machines: any haproxy-active-backend, at: 5s, for: 30s }
during:
  - { name: its machine is off, watch: machines of it, while: it, becomes: down, within: 1s }
  - { name: HAProxy finds it dead, watch: probe marked, while: it, becomes: down, within: 12s, not_before: 4s }
  - { name: and alive again, watch: probe marked, after: it, becomes: up, within: 3m }
recovery: { within: 5m }
`;
  const chosen = new Set<string>();
  for (const seed of [1, 2, 3, 4]) {
    const { verdict } = await tryScenario(lab, text, { seed });
    t.equal(verdict.word, 'held', verdict.lines.join('; '));
    for (const { machine } of verdict.assertions) if (machine !== null) chosen.add(machine);
  }
  t.ok(chosen.size > 1, `the seed chooses: ${[...chosen].join(', ')}`);
  const elsewhere = await upLab(plain);
  await t.rejects(tryScenario(elsewhere, text), { code: 'scenario-impossible', message: /no load balancer/ });
  const unseen = text.replace('  - { watch: probe marked }\n', '').replace(/probes:\n.*\n/, '');
  const withoutProbe = unseen.replaceAll(/^ {2}- .*probe marked.*\n/gm, '');
  await t.rejects(tryScenario(elsewhere, withoutProbe), { code: 'not-seen' }, 'and nobody can be asked');
});
