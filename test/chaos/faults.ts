/**
 * Every kind of fault comes into force, is told of by its probe, goes, and leaves a lab that recovers. What must never
 * happen is seen when it does.
 */
import t from 'tap';
import { FAULT_KINDS } from '../../lib/chaos/fault-kinds.js';
import { faultTimes } from '../../lib/chaos/moments.js';
import { tryScenario } from '../helpers/chaos-runs.js';
import { Truths, type Taken } from '../../lib/chaos/truths.js';
import { KUBE_VIP_MANIFEST, SUPER_ADMIN_CONF } from '../../lib/generate/paths.js';
import type { GroundTruth, Observation } from '../../lib/provider/provider.js';
import { must } from '../../lib/sagas/remote.js';
import { contextOf, openLab, upLab, type Opened, type UpLab } from '../helpers/upgrade-runs.js';

t.setTimeout(600_000);

/** Brought up once; every run has a copy. */
const up = upLab({ cni: 'bridge', csi: 'none', ingress: 'none' });

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
  'expire-certificate': ['machines: cp-2, certificate: etcd-peer', 'etcd of it'],
};

t.test('each kind of fault', async (t) => {
  const lab = await up;
  const done = new Set<string>(Object.keys(CASES));
  t.strictSame(
    FAULT_KINDS.filter((kind) => !done.has(kind)),
    [],
    'all of them',
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

/** What the truth of a lab breaks while something is done to it that no operation of homelab does. */
async function brokenBy(
  lab: UpLab,
  act: (opened: Opened) => Promise<void>,
  taken: readonly string[] = [],
): Promise<readonly string[]> {
  const opened = openLab(lab);
  const { provider } = opened;
  const fromMs = provider.clock.nowMs();
  const truths = new Truths(lab.lab, fromMs);
  const watching = provider.watch((seen) => {
    truths.see(seen);
  });
  await act(opened);
  await provider.clock.sleep(60_000);
  await watching.stop();
  const endedMs = provider.clock.nowMs();
  const faults = taken.map((machine): Taken => ({ machine, fromMs, toMs: endedMs }));
  return truths
    .judge(endedMs, faults)
    .filter(({ ok }) => !ok)
    .map(({ name, machine }) => `${name} ${machine ?? ''}`);
}

t.test('what must never happen, by the truth of the simulator', async (t) => {
  const lab = await up;
  const tell = ({ provider, lab: spec }: Opened, machine: string, ...argv: readonly string[]) =>
    must(contextOf(provider), machine, argv, { timeoutMs: 60_000 * spec.timeScale });
  t.strictSame(await brokenBy(lab, async () => undefined), [], 'nothing, while nothing is done');

  const cutTwo = async ({ provider }: Opened): Promise<void> => {
    await provider.power('stage-cp-2', 'cut');
    await provider.power('stage-cp-3', 'cut');
  };
  t.strictSame(
    await brokenBy(lab, cutTwo),
    ['quorum-not-given-up stage-cp-2'],
    'two, and no fault took them',
  );
  t.strictSame(
    await brokenBy(lab, cutTwo, ['stage-cp-2']),
    ['quorum-not-given-up stage-cp-3'],
    'one more than was taken',
  );
  t.strictSame(await brokenBy(lab, cutTwo, ['stage-cp-2', 'stage-cp-3']), [], 'faults may take two');

  const bootstrapAgain = async (opened: Opened): Promise<void> => {
    const shell = opened.provider.shell('stage-cp-1');
    const manifest = new TextDecoder().decode(
      (await shell.readFile(KUBE_VIP_MANIFEST, { timeoutMs: 60_000 })) ?? new Uint8Array(),
    );
    const mounting = manifest.replace('path: /etc/kubernetes/admin.conf', `path: ${SUPER_ADMIN_CONF}`);
    t.not(mounting, manifest, 'it mounts another file');
    await shell.writeFile(KUBE_VIP_MANIFEST, mounting, { mode: 0o600, timeoutMs: 60_000 });
  };
  t.strictSame(await brokenBy(lab, bootstrapAgain), ['super-admin-not-mounted stage-cp-1']);

  const newer =
    (machine: string) =>
    async (opened: Opened): Promise<void> => {
      const shell = opened.provider.shell(machine);
      const program = await shell.readFile('/usr/bin/kubelet', { timeoutMs: 60_000 });
      const text = new TextDecoder().decode(program ?? new Uint8Array()).replace('v1.31.', 'v1.32.');
      await shell.writeFile('/usr/bin/kubelet', text, { mode: 0o755, timeoutMs: 60_000 });
      await tell(opened, machine, 'systemctl', 'restart', 'kubelet');
    };
  t.strictSame(await brokenBy(lab, newer('stage-w-1')), ['kubelet-not-newer stage-w-1']);
  t.strictSame(await brokenBy(lab, newer('stage-cp-2')), ['kubelet-not-newer stage-cp-2']);
});

t.test('only what happens while it is looked at, and only what is true', async (t) => {
  const lab = await up;
  const observed = await openLab(lab).provider.observe();
  const at = (atMs: number, truth: Partial<GroundTruth>): Observation => ({
    ...observed,
    atMs,
    truth: observed.truth === null ? null : { ...observed.truth, ...truth },
  });
  const led = (atMs: number, machine: string, term: number): Observation =>
    at(atMs, { leaders: [{ cluster: 'one', machine, term }] });
  const judged = (...seen: readonly Observation[]): unknown => {
    const truths = new Truths(lab.lab, 1_000);
    for (const one of seen) truths.see(one);
    return truths.judge(9_000, []).filter(({ ok }) => !ok);
  };
  const rivals = [
    { name: 'one-leader-per-term', machine: 'b', atMs: 3_000, observed: /a and b both led in term 7/ },
  ];
  t.match(
    judged(led(2_000, 'a', 7), led(3_000, 'b', 7)),
    rivals,
    'raft forbids it, and so the simulator never does it',
  );
  t.strictSame(judged(led(2_000, 'a', 7), led(3_000, 'b', 8), led(4_000, 'a', 9)), []);
  const mounted = { superAdmin: ['stage-cp-1'] };
  t.strictSame(
    judged(at(10, mounted), at(900, {}), at(2_000, {})),
    [],
    'what was before the experiment is history',
  );
  t.match(judged(at(10, mounted), at(2_000, {})), [{ name: 'super-admin-not-mounted', atMs: 1_000 }]);
  t.strictSame(new Truths(lab.lab, 0).judge(9_000, []), [], 'where nobody saw the truth, nothing is claimed');
});
