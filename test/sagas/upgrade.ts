// The upgrade as it should go, on the simulator: what becomes new, how long it takes, and what is up meanwhile.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import type { Overrides } from '../../lib/config/flags.js';
import { controlPlanes, type LabSpec } from '../../lib/model/lab.js';
import { upgradePlan } from '../../lib/report/upgrade-plan.js';
import { LaneFold, type Lane } from '../../lib/report/lanes.js';
import { outagesOf } from '../../lib/report/outages.js';
import { bootstrapSaga } from '../../lib/sagas/bootstrap.js';
import { gatherFacts } from '../../lib/sagas/facts/gather.js';
import { upgradeSaga } from '../../lib/sagas/upgrade.js';
import { upgradeFindings } from '../../lib/sagas/upgrade/findings.js';
import { outdated } from '../../lib/sagas/upgrade/prune.js';
import { outdatedParts } from '../../lib/sagas/upgrade/verify.js';
import { commandsOf, mostAtOnce, operationsOf } from '../helpers/bootstrap-runs.js';
import { SMALL } from '../helpers/bootstrap-sweep.js';
import { leaks, secretsOf } from '../helpers/secrets.js';
import { memoryPorts, runOnSim } from '../helpers/sim-lab.js';
import { contextOf, openLab, runUpgrade, upLab, type UpgradeRun } from '../helpers/upgrade-runs.js';
import { watchQuorum } from '../helpers/upgrade-watch.js';

t.setTimeout(300_000);

async function isNew(t: Tap, { lab, provider, input }: UpgradeRun): Promise<void> {
  const facts = await gatherFacts(contextOf(provider), lab);
  t.strictSame(outdatedParts(facts, { lab, input, ports: memoryPorts() }), [], 'everything is new and well');
  const nodes = lab.machines.filter(({ role }) => role !== 'load-balancer');
  t.equal(facts.nodes?.length, nodes.length);
  t.ok(
    facts.nodes?.every(({ version, ready }) => ready && version === input.to),
    'every node is Ready at the new version',
  );
}

void t.test('k8s-ha from v1.31.4 to v1.32.0', async (t) => {
  const up = await upLab();
  const opened = openLab(up);
  const watch = watchQuorum(opened);
  const fold = new LaneFold({ exact: true });
  const watching = opened.provider.watch((seen) => {
    fold.see(seen);
  });
  const ran = await runUpgrade(opened);
  await watching.stop();
  t.match(ran.result, { outcome: 'completed', error: null });
  await isNew(t, ran);
  t.strictSame(ran.files.get('version'), 'v1.32.0', 'the lab remembers');

  const ports = memoryPorts();
  const plan = upgradePlan(up.lab, upgradeSaga(up.lab, ran.input, ports), ran.input, [], []);
  const ratio = ran.result.durationMs / plan.typicalMs;
  t.comment(`lab time ${ran.result.durationMs} ms, plan ${plan.typicalMs} ms, ratio ${ratio.toFixed(2)}`);
  t.ok(ratio > 0.75 && ratio < 1.25, 'lab time within a quarter of what the plan says');
  t.ok(ran.result.durationMs > 600_000 && ran.result.durationMs < 3_600_000, 'ten minutes to an hour');

  t.comment(`fewest voters up: ${watch.fewestUp()} of 3`);
  t.equal(watch.fewestUp(), 2, 'one at a time, and never two');
  explained(t, ran, fold.lanes(ran.provider.clock.nowMs()));
  const changing = ['apply', 'node'].flatMap((verb) => commandsOf(ran.log, 'kubeadm', 'upgrade', verb));
  t.equal(changing.length, 6);
  t.equal(mostAtOnce(changing), 1);
  t.strictSame(leaks(ran.said, secretsOf(ran.provider.world, ran.log)), [], 'no secret was said');
  const copy = must(ran.files.get('snapshots/0001-before-v1.32.0.db'), 'there is a copy of etcd');
  t.ok(copy.length > 100_000);
  for (const { name } of controlPlanes(up.lab)) {
    const kept = ran.provider.world.machine(name).disk.list('/etc/kubernetes/tmp');
    const kinds = kept.map((folder) => folder.replace(/[-\d]+$/, ''));
    t.strictSame(kinds, ['kubeadm-backup-etcd', 'kubeadm-backup-manifests', 'kubeadm-kubelet-config'], name);
  }

  const lab: LabSpec = { ...up.lab, kubernetes: { ...up.lab.kubernetes, version: 'v1.32.0' } };
  const existing = lab.machines.map(({ name }) => name);
  const again = bootstrapSaga(lab, { existing, initialized: true }, memoryPorts(ran.files));
  const repeated = await runOnSim(again, { provider: ran.provider });
  t.equal(repeated.outcome, 'completed');
  const done = repeated.steps.filter(({ outcome, key }) => outcome !== 'skipped' && key !== 'kubeconfig');
  t.strictSame(
    done.map(({ key }) => key),
    [],
    '`up` finds nothing to do afterwards',
  );
});

/** No API server goes away but while its own machine is worked on: what restarts it is waited for. */
function explained(t: Tap, { result }: UpgradeRun, lanes: readonly Lane[]): void {
  const outages = outagesOf(lanes);
  for (const { lane, fromMs, toMs } of outages) {
    const machine = lane.slice('api:'.length);
    const during = result.steps
      .filter(
        ({ startedAtMs, durationMs }) =>
          startedAtMs !== null && startedAtMs <= fromMs && fromMs <= startedAtMs + (durationMs ?? 0),
      )
      .map(({ key }) => key);
    const isOwn =
      machine === 'endpoint' ? during.length > 0 : during.some((key) => key.endsWith(`:${machine}`));
    t.ok(isOwn, `${lane} away from ${fromMs} to ${toMs ?? 'the end'}: ${during.join(', ') || 'no step'}`);
  }
  const away = new Set(outages.map(({ lane }) => lane));
  t.equal([...away].filter((lane) => lane !== 'api:endpoint').length, 3);
}

const OTHERS: Record<string, readonly [Overrides, string, string]> = {
  'behind HAProxy': [{ ...SMALL, 'vip-provider': 'haproxy' }, 'v1.31.4', 'v1.32.0'],
  'from v1beta3 to v1beta4': [{ ...SMALL, 'kubernetes-version': 'v1.30.8' }, 'v1.30.8', 'v1.31.4'],
  'within a minor': [SMALL, 'v1.31.4', 'v1.31.9'],
  'one control plane': [{ topology: 'k8s-multi', cni: 'flannel', csi: 'none' }, 'v1.31.4', 'v1.32.0'],
  'from a bundle': [{ ...SMALL, bundle: './b' }, 'v1.31.4', 'v1.32.0'],
  'one machine': [{ topology: 'k8s-single', csi: 'none', ingress: 'none' }, 'v1.31.4', 'v1.32.0'],
};

for (const [name, [overrides, from, to]] of Object.entries(OTHERS)) {
  void t.test(name, async (t) => {
    const opened = openLab(await upLab(overrides));
    const { provider, lab, log } = opened;
    // What comes from a bundle is missed by nobody without a network.
    const { machines } = lab.bundle === null ? { machines: [] } : lab;
    for (const machine of machines) {
      await provider.shell(machine.name).run({ argv: ['rm', '/etc/resolv.conf'], timeoutMs: 60_000 });
    }
    const ran = await runUpgrade(opened, { wishes: { from, to } });
    t.equal(commandsOf(log, 'apt-get').length > 0, lab.bundle === null, 'packages, or files of the bundle');
    t.match(ran.result, { outcome: 'completed', error: null });
    await isNew(t, ran);
  });
}

void t.test('several workers at once, and a cordoned node stays cordoned', async (t) => {
  const opened = openLab(await upLab({ ...SMALL, workers: '3' }));
  const { provider } = opened;
  const cordon = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf', 'cordon', 'stage-w-2'];
  await provider.shell('stage-cp-1').run({ argv: cordon, timeoutMs: 60_000 });
  const ran = await runUpgrade(opened, { wishes: { maxUnavailable: 2 } });
  t.match(ran.result, { outcome: 'completed' });
  await isNew(t, ran);
  const drains = operationsOf(ran.log).flatMap((one) =>
    one.op.kind === 'run' && one.op.argv.includes('drain')
      ? [one.op.argv[one.op.argv.indexOf('drain') + 1]]
      : [],
  );
  t.strictSame([...new Set(drains)].length, 6, 'every node was drained');
  const busy = ['stage-w-1', 'stage-w-2', 'stage-w-3'].map((machine) => {
    const own = operationsOf(ran.log).filter(
      ({ op }) => op.kind === 'run' && op.machine === machine && op.argv[0] === 'apt-get',
    );
    return {
      op: must(own[0], 'it installed').op,
      atMs: own[0]?.atMs ?? 0,
      doneAtMs: own.at(-1)?.doneAtMs ?? null,
    };
  });
  t.equal(mostAtOnce(busy), 2);
  const nodes = (await provider.observe()).nodes ?? [];
  t.strictSame(
    nodes.filter(({ schedulable }) => !schedulable).map(({ name }) => name),
    ['stage-w-2'],
  );
});

void t.test('which backups are old', async (t) => {
  const tmp = '/etc/kubernetes/tmp';
  const lines = [
    `100 ${tmp}/kubeadm-backup-etcd-2026-01-01-00-00-00`,
    `200 ${tmp}/kubeadm-backup-etcd-2026-01-02-00-00-00`,
    `150 ${tmp}/kubeadm-backup-manifests-2026-01-01-00-00-00`,
    `170 ${tmp}/kubeadm-upgraded-manifests123`,
    `10 ${tmp}/mine`,
  ];
  t.strictSame(outdated(`${lines.join('\n')}\n`), [
    `${tmp}/kubeadm-backup-etcd-2026-01-01-00-00-00`,
    `${tmp}/kubeadm-upgraded-manifests123`,
  ]);
  t.strictSame(outdated(''), []);
});

void t.test('a healthy lab has nothing to say, and each thing that is wrong has its finding', async (t) => {
  const { lab, provider } = openLab(await upLab(SMALL));
  const target = { from: 'v1.31.4', to: 'v1.32.0' };
  const facts = await gatherFacts(contextOf(provider), lab);
  t.strictSame(facts.reasons, []);
  t.strictSame(upgradeFindings(facts, lab, target), []);
  const first = must(facts.machines[0], 'there is one');
  const others = facts.machines.slice(1);
  const members = must(facts.etcd, 'etcd answered').members;
  const budget = {
    ...{ namespace: 'default', name: 'web', minAvailable: '2', maxUnavailable: null, expectedPods: 2 },
    ...{ currentHealthy: 2, desiredHealthy: 2, disruptionsAllowed: 0, pods: [] },
  };
  const wrong: Record<string, Partial<typeof facts>> = {
    'machine-off': { machines: [{ ...first, state: 'off' }, ...others] },
    'api-silent': { nodes: null },
    'node-not-ready': { nodes: (facts.nodes ?? []).map((node) => ({ ...node, ready: false })) },
    'node-missing': { nodes: [] },
    'etcd-silent': { etcd: null },
    'etcd-learner': { etcd: { members: members.map((one) => ({ ...one, learner: true })), dbBytes: 1 } },
    'etcd-unhealthy': { etcd: { members: members.map((one) => ({ ...one, healthy: false })), dbBytes: 1 } },
    'no-tolerance': { etcd: { members: members.slice(1), dbBytes: 1 } },
    'certificate-expires': {
      machines: [
        { ...first, certificates: [{ name: 'apiserver', residual: '20h', hoursLeft: 20 }] },
        ...others,
      ],
    },
    'disk-full': { machines: [{ ...first, freeBytes: 10_000_000 }, ...others] },
    'super-admin-mounted': { machines: [{ ...first, mountsSuperAdmin: true }, ...others] },
    'budget-never': { budgets: [budget] },
    'budget-full': { budgets: [{ ...budget, expectedPods: 3 }] },
    'longhorn-budget': { budgets: [{ ...budget, namespace: 'longhorn-system' }] },
    'bare-pod': { barePods: [{ namespace: 'default', name: 'solo', node: 'stage-w-1' }] },
    'unexpected-version': { kubeadm: { version: 'v1.29.0', api: 'kubeadm.k8s.io/v1beta4' } },
    'config-rewritten': { kubeadm: { version: 'v1.31.4', api: 'kubeadm.k8s.io/v1beta3' } },
    'config-too-old': { kubeadm: { version: 'v1.31.4', api: 'kubeadm.k8s.io/v1beta2' } },
    'version-skew': { nodes: (facts.nodes ?? []).map((node) => ({ ...node, version: 'v1.32.0' })) },
    'node-cordoned': { nodes: (facts.nodes ?? []).map((node) => ({ ...node, schedulable: false })) },
    'addon-untested': {
      workloads: [
        { kind: 'DaemonSet', namespace: 'kube-system', name: 'c', images: ['quay.io/cilium/cilium:v1.16.3'] },
      ],
    },
  };
  for (const [code, change] of Object.entries(wrong)) {
    const found = upgradeFindings({ ...facts, ...change }, lab, target);
    t.ok(
      found.some((one) => one.code === code),
      `${code}: ${found.map((one) => one.code).join(' ')}`,
    );
    t.ok(found.every(({ explanation, reference }) => explanation.endsWith('.') && /^https:/.test(reference)));
  }
});

void t.test('what a finding depends on', async (t) => {
  const { lab, provider } = openLab(await upLab(SMALL));
  const facts = await gatherFacts(contextOf(provider), lab);
  const target = { from: 'v1.31.4', to: 'v1.32.0' };
  const [first, ...others] = facts.machines;
  const etcdPod = {
    ...{ node: 'stage-cp-1', component: 'etcd', running: true },
    image: 'registry.k8s.io/etcd:3.5.21-0',
  };
  const jump = upgradeFindings({ ...facts, staticPods: [etcdPod] }, lab, { from: 'v1.31.4', to: 'v1.34.1' });
  t.ok(jump.some(({ code, severity }) => code === 'etcd-jump' && severity === 'error'));
  const ahead = upgradeFindings({ ...facts, staticPods: [etcdPod] }, lab, { from: 'v1.32.0', to: 'v1.33.1' });
  t.ok(
    ahead.some(({ code, severity }) => code === 'etcd-jump' && severity === 'warning'),
    'a minor before',
  );
  const certificates = [{ name: 'apiserver', residual: '20d', hoursLeft: 480 }];
  const aging = upgradeFindings(
    { ...facts, machines: [{ ...must(first, 'there is one'), certificates }, ...others] },
    lab,
    target,
  );
  t.match(aging, [{ code: 'certificate-expires', severity: 'warning' }]);
  t.strictSame(upgradeFindings(facts, lab, { from: 'v1.31.4', to: 'v1.31.4' }), [], 'nor as it is');
});

interface Tap {
  strictSame(found: unknown, wanted: unknown, message: string): boolean;
  equal(found: unknown, wanted: unknown): boolean;
  ok(value: unknown, message: string): boolean;
}
