/** The real program: an upgrade planned, refused, done, killed and resumed; copies of etcd; questions about quorum. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { bundleNeeds } from '../../lib/bundle/needs.js';
import type { StatusDocument } from '../../lib/cli/commands/status.js';
import type { LabRecord } from '../../lib/cli/labs.js';
import type { Inventory } from '../../lib/model/inventory.js';
import type { LintDocument } from '../../lib/report/lint.js';
import type { Rehearsal } from '../../lib/report/rehearsal.js';
import type { UpgradePlanDocument } from '../../lib/report/upgrade-plan.js';
import { SMALL } from '../helpers/bootstrap-sweep.js';
import { fill } from '../helpers/bundle-folder.js';
import { documentProblems } from '../helpers/documents.js';
import {
  homelab,
  journalLines,
  journalPaths,
  signalAt,
  startHomelab,
  type Ended,
} from '../helpers/real-time.js';
import { labOf } from '../helpers/sim-lab.js';

t.setTimeout(600_000);

const CONFIG = `name: stage
k8s: {version: v1.31.4, cni: bridge, csi: none, ingress: none, workers: {count: 1}}
`;

function parsed(t: Tap, schema: string, { stdout }: Ended): unknown {
  const document: unknown = JSON.parse(stdout);
  t.strictSame(documentProblems(schema, document), [], `fits ${schema}.schema.json`);
  return document;
}

/** All that its configuration needs for two versions, and no network to get it from. */
void t.test('an upgrade from a bundle', async (t) => {
  const cwd = t.testdir({ 'config-homelab.yaml': `${CONFIG}bundle: ./b\n` });
  await fill(join(cwd, 'b'), bundleNeeds(labOf(SMALL), ['v1.32.0']));
  await run(t, cwd, 'bundle index b', 0);
  await run(t, cwd, 'up', 0);
  for (const { name } of recordOf(cwd).spec.machines)
    await run(t, cwd, `exec ${name} -- rm /etc/resolv.conf`, 0);
  const planned = parsed(t, 'upgrade-plan', await run(t, cwd, 'k8s upgrade --to v1.32 --dry-run -o json', 0));
  const { notes, steps } = planned as UpgradePlanDocument;
  t.match(notes, [/v1\.32 means v1\.32\.0, the newest patch in the bundle/]);
  const commands = steps.flatMap((step) => step.commands);
  t.ok(commands.some((line) => /^ctr -n k8s\.io images import v1\.32\.0\/images\/\d+\.tar$/.test(line)));
  t.notOk(commands.some((line) => line.startsWith('apt')));
  t.match(
    (await run(t, cwd, 'k8s upgrade --to v1.32.1', 2)).stderr,
    /does not bring v1\.32\.1; it has v1\.31\.4, v1/,
  );

  const kubelet = join(cwd, 'b/v1.32.0/bin/kubelet');
  const content = readFileSync(kubelet);
  writeFileSync(kubelet, content.fill(7, 64, 65));
  t.match((await run(t, cwd, 'k8s upgrade --to v1.32', 2)).stderr, /v1\.32\.0\/bin\/kubelet/);
  t.equal(journalPaths(cwd).length, 1, 'nothing was begun');
  await fill(join(cwd, 'b'), bundleNeeds(labOf(SMALL), ['v1.32.0']));
  await run(t, cwd, 'bundle index b', 0);

  const before = journalLines(cwd);
  for (const more of [12, 30, 60]) {
    const line = more === 12 ? 'k8s upgrade --to v1.32' : 'resume';
    await signalAt(startHomelab(cwd, line.split(' ')), cwd, before + more, 'SIGKILL');
  }
  await run(t, cwd, 'resume', 0);
  const { nodes } = JSON.parse((await run(t, cwd, 'status -o json', 0)).stdout) as StatusDocument;
  t.strictSame([...new Set(nodes?.map(({ version }) => version))], ['v1.32.0']);
});

const recordOf = (cwd: string): LabRecord =>
  JSON.parse(readFileSync(join(cwd, '.homelab/stage/lab.json'), 'utf8')) as LabRecord;

async function run(t: Tap, cwd: string, line: string, code: number): Promise<Ended> {
  const ended = await homelab(cwd, line);
  t.equal(ended.code, code, `${line}: ${ended.stderr.slice(-300)}`);
  return ended;
}

async function refusals(t: Tap, cwd: string): Promise<void> {
  await run(t, cwd, 'machine halt stage-cp-3', 0);
  const refused = JSON.parse((await run(t, cwd, 'k8s upgrade --to v1.32.0 -o json', 2)).stdout) as {
    readonly problems: readonly { readonly code: string }[];
  };
  const codes = refused.problems.map(({ code }) => code);
  t.ok(
    ['machine-off', 'etcd-unhealthy', 'no-tolerance'].every((code) => codes.includes(code)),
    codes.join(' '),
  );
  t.equal(journalPaths(cwd).length, 1, 'nothing was begun');
  const both = JSON.parse((await run(t, cwd, 'k8s upgrade --to v1.33 -o json', 2)).stdout) as typeof refused;
  t.ok(['minor-skipped', 'machine-off'].every((code) => both.problems.some((one) => one.code === code)));
  const linted = parsed(t, 'lint', await run(t, cwd, 'lint -o json', 4)) as LintDocument;
  t.ok(linted.findings.some(({ code, severity }) => code === 'machine-off' && severity === 'error'));
  t.match(linted, { ok: false, to: null, reasons: ['stage-cp-3 is off'] });
  await run(t, cwd, 'machine start stage-cp-3', 0);
  await run(t, cwd, 'wait --for ready', 0);
  await run(t, cwd, 'wait 60s', 0);
}

async function rehearsed(t: Tap, cwd: string): Promise<void> {
  const line = 'k8s upgrade --to v1.32.0 --rehearse --runs 2 --seed 7';
  const found = parsed(t, 'rehearsal', await run(t, cwd, `${line} -o json`, 0)) as Rehearsal & {
    report: string;
  };
  t.match(found, { seed: 7, runs: 2, completed: 2, notes: [/modelled, not executed/] });
  t.ok(found.lowestMargin === 0 && found.vipMoves.worst > 0 && found.evictedPods.p50 > 0);
  t.match(JSON.parse(readFileSync(join(cwd, found.report), 'utf8')), { kind: 'Rehearsal', runs: 2 });
  const { worst } = found;
  const again = parsed(
    t,
    'rehearsal',
    await run(t, cwd, `${worst.command.replace('homelab ', '')} -o json`, 0),
  );
  t.match(again, { runs: 1, durationMs: { p50: worst.durationMs } }, 'the command repeats the worst run');
  await fromInventory(t, cwd, found);
  const { nowMs } = JSON.parse((await run(t, cwd, 'status -o json', 0)).stdout) as { readonly nowMs: number };
  const fault = `${nowMs + 20_000}ms=cut:stage-w-1`;
  const failing = await run(t, cwd, `k8s upgrade --to v1.32.0 --rehearse --runs 1 --fault ${fault}`, 4);
  t.match(
    failing.stdout,
    /0 of 1 runs completed[^]*Riskiest steps:\n {2}1\. .*stage-w-1: it failed in 1 of 1/,
  );
}

/** A cluster that is made what the lab's inventory says comes to what copies of the lab itself came to. */
async function fromInventory(t: Tap, cwd: string, own: Rehearsal): Promise<void> {
  const taken = parsed(t, 'inventory', await run(t, cwd, 'k8s inventory -o json', 0)) as Inventory;
  t.match(taken, { reasons: [], workloads: [], machines: [{ kubelet: 'v1.31.4', state: 'running' }] });
  writeFileSync(join(cwd, 'i.yaml'), (await run(t, cwd, 'k8s inventory', 0)).stdout);
  const line = 'k8s upgrade --to v1.32.0 --rehearse --runs 2 --seed 7 --from i.yaml -o json';
  const found = parsed(t, 'rehearsal', await run(t, cwd, line, 0)) as Rehearsal;
  t.match(found, { completed: 2, assumed: [], lowestMargin: own.lowestMargin, evictedPods: own.evictedPods });
  const ratio = found.durationMs.p50 / own.durationMs.p50;
  t.comment(`from the inventory ${found.durationMs.p50} ms, of the lab itself ${own.durationMs.p50} ms`);
  t.ok(ratio > 0.8 && ratio < 1.25, 'they take about as long');
  t.match(found.worst.command, / --from i\.yaml/);
  writeFileSync(join(cwd, 'i.json'), JSON.stringify({ ...taken, etcdBytes: null, budgets: null }));
  const less = JSON.parse((await run(t, cwd, line.replace('i.yaml', 'i.json'), 0)).stdout) as Rehearsal;
  t.match(less.assumed, [/^etcd's database/, /^there are no budgets/]);
  writeFileSync(join(cwd, 'i.json'), JSON.stringify({ ...taken, machines: 'all' }));
  t.match((await run(t, cwd, line.replace('i.yaml', 'i.json'), 2)).stdout, /wrong-value/);
  t.match((await run(t, cwd, line.replace('i.yaml', 'none'), 2)).stdout, /no-inventory/);
}

const copies = (t: Tap, cwd: string): Promise<unknown> =>
  t.test('copies of etcd', async (t) => {
    const saved = parsed(t, 'etcd-snapshots', await run(t, cwd, 'etcd snapshot save -o json', 0)) as {
      readonly snapshots: readonly { name: string; path: string; bytes: number }[];
    };
    t.match(saved.snapshots, [{ name: '0002-by-hand' }]);
    const file = statSync(join(cwd, saved.snapshots[0]?.path ?? ''));
    t.equal(file.mode & 0o777, 0o600);
    t.equal(file.size, saved.snapshots[0]?.bytes);
    const list = await run(t, cwd, 'etcd snapshot list', 0);
    t.match(list.stdout, /0001-before-v1\.32\.0 .*v1\.31\.4[^]*0002-by-hand .*v1\.32\.0/);
    writeFileSync(join(cwd, saved.snapshots[0]?.path ?? ''), 'something else');
    const after = await run(t, cwd, 'etcd snapshot list', 0);
    t.notMatch(after.stdout, /0002/);
    t.match(after.stderr, /0002-by-hand\.db is damaged/);
  });

const questions = (t: Tap, cwd: string): Promise<unknown> =>
  t.test('questions about the quorum', async (t) => {
    const ask = async (what: string): Promise<unknown> => {
      const started = startHomelab(cwd, ['quorum', '--what-if', what, '-o', 'json']);
      return parsed(t, 'quorum', await started.ended);
    };
    t.match(await ask('halt cp-2'), { machines: ['stage-cp-2'], keepsQuorum: true, toleranceAfter: 0 });
    t.match(await ask('cut cp-1 stage-cp-2'), { keepsQuorum: false, upAfter: 1 });
    const bad = await startHomelab(cwd, ['quorum', '--what-if', 'kick cp-1']).ended;
    t.match([bad.code, bad.stderr], [2, /no action on machines/]);
    await run(t, cwd, 'machine cut stage-cp-2', 0);
    const stopped = await run(t, cwd, 'machine halt stage-cp-1 -o json', 2);
    t.match(JSON.parse(stopped.stdout), {
      error: {
        code: 'quorum-at-risk',
        message: /2 of them up; without stage-cp-1 1 is up, and 2 are a quorum/,
      },
    });
    await run(t, cwd, 'machine halt -y stage-cp-1', 0);
  });

void t.test('an upgrade from its plan to the end', async (t) => {
  const cwd = t.testdir({ 'config-homelab.yaml': CONFIG });
  t.match((await run(t, cwd, 'k8s upgrade --to v1.32', 2)).stderr, /no lab/);
  await run(t, cwd, 'up --until machines', 0);
  t.match((await run(t, cwd, 'k8s upgrade --to v1.32', 2)).stderr, /unfinished bootstrap/);
  t.match((await run(t, cwd, 'lint', 2)).stderr, /never been brought up/);
  await run(t, cwd, 'up', 0);

  const world = readFileSync(join(cwd, '.homelab/stage/world.jsonl'), 'utf8');
  const plan = parsed(
    t,
    'upgrade-plan',
    await run(t, cwd, 'k8s upgrade --to v1.32.0 --dry-run -o json', 0),
  ) as UpgradePlanDocument;
  t.match(plan, { from: 'v1.31.4', to: 'v1.32.0', nothingToDo: false, findings: [] });
  t.equal(plan.steps.filter(({ kind }) => kind === 'pivot').length, 1);
  t.ok(plan.steps.every(({ votersUp, voters }) => voters === 3 && votersUp >= 2));
  t.ok(plan.steps.some(({ api, tolerance }) => api === 'moves' && tolerance === 0));
  t.match(
    (await run(t, cwd, 'k8s upgrade --to v1.32 --dry-run', 0)).stdout,
    /v1\.32 means v1\.32\.\d+.*as of/,
  );
  const same = parsed(t, 'upgrade-plan', await run(t, cwd, 'k8s upgrade --to 1.31.4 -o json', 0));
  t.match(same, { nothingToDo: true, steps: [] });
  const skipped = await run(t, cwd, 'k8s upgrade --to v1.33 -o json', 2);
  t.match(JSON.parse(skipped.stdout), { error: { code: 'minor-skipped', message: /first --to v1\.32/ } });
  t.match(JSON.parse((await run(t, cwd, 'k8s upgrade --to v1.30 -o json', 2)).stdout), {
    error: { code: 'downgrade' },
  });
  t.match(
    (await run(t, cwd, 'lint --to v1.32', 0)).stdout,
    /v1\.31\.4, on the way to v1\.32\.\d+\): nothing to say/,
  );
  const far = await run(t, cwd, 'lint --to v1.33', 4);
  t.match(
    far.stdout,
    /error minor-skipped: .*first --to v1\.32.*\n {2}why .*\n {2}do .*\n {2}read {2}https:/,
  );
  t.equal(readFileSync(join(cwd, '.homelab/stage/world.jsonl'), 'utf8'), world, 'looking changed nothing');

  await rehearsed(t, cwd);
  t.equal(readFileSync(join(cwd, '.homelab/stage/world.jsonl'), 'utf8'), world, 'nor did the rehearsal');

  await refusals(t, cwd);
  const upgraded = parsed(
    t,
    'saga-result',
    await run(t, cwd, 'k8s upgrade --to v1.32.0 --max-unavailable 2 --drain-timeout 3m -o json', 0),
  );
  t.match(upgraded, { saga: 'upgrade', outcome: 'completed', error: null });
  t.equal(recordOf(cwd).spec.kubernetes.version, 'v1.32.0');
  t.match((await run(t, cwd, 'kubectl get nodes', 0)).stdout, /stage-w-1 +Ready .*v1\.32\.0/);
  t.match((await run(t, cwd, 'saga show', 0)).stdout, /upgrade of lab stage: completed/);
  t.match((await run(t, cwd, 'up', 2)).stderr, /is of v1\.32\.0, and the configuration says v1\.31\.4/);
  writeFileSync(join(cwd, 'config-homelab.yaml'), CONFIG.replace('v1.31.4', 'v1.33.1'));
  t.match((await run(t, cwd, 'up', 2)).stderr, /homelab k8s upgrade --to v1\.33\.1/);
  writeFileSync(join(cwd, 'config-homelab.yaml'), CONFIG.replace('v1.31.4', 'v1.32.0'));
  t.match((await run(t, cwd, 'up', 0)).stderr, /skipped +kubeadm init/);

  await copies(t, cwd);
  await questions(t, cwd);
});

void t.test('kill -9 in the middle of a restore, then resume', async (t) => {
  const cwd = t.testdir({});
  const flags = '--cni bridge --csi none --ingress none --workers 1 --topology k8s-multi';
  await run(t, cwd, `up ${flags}`, 0);
  await run(t, cwd, 'etcd snapshot save', 0);
  const unasked = await run(t, cwd, 'k8s restore --snapshot 0001-by-hand', 2);
  t.match(unasked.stderr, /is lost: .*\n {2}- every control plane stops \(stage-cp-1\)[^]*nobody said yes/);
  t.match((await run(t, cwd, 'k8s restore --snapshot 7 -y -o json', 2)).stdout, /no-snapshot/);
  let kills = 0;
  for (const moment of [3, 9, 15, 21, 27]) {
    await run(t, cwd, 'kubectl create configmap late', 0);
    const line = 'k8s restore -y --snapshot 0001-by-hand';
    const before = journalLines(cwd);
    const started = startHomelab(cwd, line.split(' '));
    if (await signalAt(started, cwd, before + moment, 'SIGKILL')) kills += 1;
    const resumed = await homelab(cwd, 'resume -o json');
    if (resumed.code === 2) t.match(resumed.stdout, /nothing-to-resume/);
    else t.match(JSON.parse(resumed.stdout), { saga: 'restore', outcome: 'completed' });
    t.match((await run(t, cwd, 'kubectl get configmap late', 1)).stderr, /not found/, `killed at ${moment}`);
  }
  t.comment(`kills: ${kills}`);
  t.ok(kills >= 2, 'most kills came in time');
});

void t.test('kill -9 in the middle of an upgrade, then resume', async (t) => {
  const cwd = t.testdir({});
  const flags = '--cni bridge --csi none --ingress none --workers 1 --topology k8s-multi';
  let kills = 0;
  for (const moment of [3, 15, 24, 33, 40]) {
    rmSync(join(cwd, '.homelab'), { recursive: true, force: true });
    t.equal((await homelab(cwd, `up ${flags}`)).code, 0);
    const [first = ''] = journalPaths(cwd);
    const before = readFileSync(first, 'utf8').split('\n').length - 1;
    const started = startHomelab(cwd, 'k8s upgrade --to v1.32.0'.split(' '));
    if (await signalAt(started, cwd, before + moment, 'SIGKILL')) kills += 1;
    const resumed = await homelab(cwd, 'resume -o json');
    if (resumed.code === 2) t.match(resumed.stdout, /nothing-to-resume/);
    else t.match(JSON.parse(resumed.stdout), { saga: 'upgrade', outcome: 'completed' });
    t.equal(recordOf(cwd).spec.kubernetes.version, 'v1.32.0', `killed at line ${moment}`);
    t.match((await homelab(cwd, 'kubectl get nodes')).stdout, /stage-w-1 +Ready .*v1\.32\.0/);
  }
  t.comment(`kills: ${kills}`);
  t.ok(kills >= 2, 'most kills came in time');
});

type Tap = Test;
