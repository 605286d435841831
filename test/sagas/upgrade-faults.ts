// The upgrade when things go wrong: power cuts, budgets that hold a drain up, full disks, machines that are off.
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import type { SimProvider } from '../../lib/provider/sim/sim-provider.js';
import { gatherFacts } from '../../lib/sagas/facts/gather.js';
import { standing } from '../../lib/sagas/upgrade/standing.js';
import { outdatedParts } from '../../lib/sagas/upgrade/verify.js';
import type { Fault } from '../helpers/bootstrap-runs.js';
import { SMALL } from '../helpers/bootstrap-sweep.js';
import { differences } from '../helpers/crash-sweep.js';
import { leaks, secretsOf } from '../helpers/secrets.js';
import { memoryPorts } from '../helpers/sim-lab.js';
import { contextOf, goOn, openLab, runUpgrade, upLab, type UpgradeRun } from '../helpers/upgrade-runs.js';
import { watchHolders } from '../helpers/upgrade-watch.js';
import { worldShape } from '../helpers/world-shape.js';

t.setTimeout(600_000);

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const up = await upLab(SMALL);
const watched = openLab(up);
const holders = watchHolders(watched);
const clean = await runUpgrade(watched);
const before = worldShape(openLab(up).provider.world, up.lab);
const cleanShape = worldShape(clean.provider.world, up.lab);
const beganMs = must(clean.result.steps[0]?.startedAtMs, 'it began');

/** A moment within a step, counted from the beginning of the upgrade, as the run without a fault has it. */
function within(key: string, part: number): number {
  const step = must(
    clean.result.steps.find((one) => one.key === key),
    `there is a step ${key}`,
  );
  return Math.round((step.startedAtMs ?? 0) - beganMs + (step.durationMs ?? 0) * part);
}

/** When a command of the clean run began, counted likewise. */
function commandAt(machine: string, ...argv: readonly string[]): number {
  const records = clean.log.read();
  const found = records.find(
    (one) =>
      'op' in one &&
      one.op.kind === 'run' &&
      one.op.machine === machine &&
      argv.every((word) => one.op.kind === 'run' && one.op.argv.includes(word)),
  );
  return must(found !== undefined && 'atMs' in found ? found.atMs : null, argv.join(' ')) - beganMs;
}

function cut(machine: string, dueMs: number, backAfterMs: number | null): readonly Fault[] {
  const off: Fault = { machine, dueMs, action: 'cut' };
  return backAfterMs === null ? [off] : [off, { machine, dueMs: dueMs + backAfterMs, action: 'start' }];
}

async function asIfNothing(t: Tap, ran: UpgradeRun): Promise<void> {
  t.match(ran.result, { outcome: 'completed', error: null });
  t.strictSame(differences(worldShape(ran.provider.world, ran.lab), cleanShape), [], 'as without the fault');
  t.strictSame(leaks(ran.said, secretsOf(ran.provider.world, ran.log)), [], 'no secret was said');
}

/** The power is back; the resume brings everything to its end. */
async function resumed(t: Tap, ran: UpgradeRun, machine: string): Promise<void> {
  await ran.provider.power(machine, 'start');
  await asIfNothing(t, await goOn(ran, 'resume'));
}

type Ending = 'stuck' | 'compensated';

/** With the end that a cut must have when the power does not come back. */
const CUTS: Record<string, readonly [machine: string, dueMs: number, ending: Ending]> = {
  'during apply on the first control plane': ['stage-cp-1', within('apply:stage-cp-1', 0.5), 'stuck'],
  'early in apply': ['stage-cp-1', within('apply:stage-cp-1', 0.15), 'stuck'],
  'between the stop of a kubelet and its start': [
    'stage-cp-1',
    commandAt('stage-cp-1', 'systemctl', 'restart', 'kubelet') + 100,
    'stuck',
  ],
  'during the drain of a worker': ['stage-w-1', commandAt('stage-cp-1', 'drain', 'stage-w-1') + 200, 'stuck'],
  'of the second control plane during its upgrade': [
    'stage-cp-2',
    within('upgrade-node:stage-cp-2', 0.5),
    'stuck',
  ],
  'of a machine that is not being upgraded': ['stage-cp-3', within('upgrade-node:stage-cp-2', 0.5), 'stuck'],
  'of a machine that is not being upgraded, after etcd has been exchanged': [
    'stage-cp-3',
    within('apply:stage-cp-1', 0.7),
    'stuck',
  ],
  // kubeadm puts its manifests back, the gate of the quorum then lets nobody try again, and all is taken back.
  'of a machine that is not being upgraded, while etcd is exchanged': [
    'stage-cp-3',
    within('apply:stage-cp-1', 0.5),
    'compensated',
  ],
};

for (const [name, [machine, dueMs, ending]] of Object.entries(CUTS)) {
  void t.test(`a power cut of two minutes ${name}`, async (t) => {
    const ran = await runUpgrade(openLab(up), { faults: cut(machine, dueMs, 2 * MINUTE_MS) });
    await asIfNothing(t, ran);
  });
  void t.test(`a power cut that lasts, ${name}`, async (t) => {
    const ran = await runUpgrade(openLab(up), { faults: cut(machine, dueMs, null) });
    t.equal(ran.result.outcome, ending, ran.result.error?.message ?? 'without an error');
    if (ending === 'compensated') {
      await ran.provider.power(machine, 'start');
      await ran.provider.clock.sleep(5 * MINUTE_MS);
      t.strictSame(differences(worldShape(ran.provider.world, ran.lab), before), [], 'the old version');
      return;
    }
    const facts = await gatherFacts(contextOf(ran.provider), ran.lab);
    const lines = standing(facts, ran.lab, ran.input);
    t.match(lines.join('\n'), `${machine}: off`);
    t.match(lines.join('\n'), /etcd writes: [23] of 3 voters are up, and [01] more may fail/);
    await resumed(t, ran, machine);
  });
}

void t.test('a power cut of whoever holds the address, at several moments', async (t) => {
  for (const part of [0.2, 0.5, 0.8]) {
    const dueMs = within('upgrade-node:stage-cp-3', part);
    // The same in every run of this seed until something differs.
    const holder = must(holders.at(beganMs + dueMs)[0], 'somebody holds it');
    const ran = await runUpgrade(openLab(up), { faults: cut(holder, dueMs, 2 * MINUTE_MS) });
    t.comment(`${holder} held it`);
    await asIfNothing(t, ran);
  }
});

async function apply(provider: SimProvider, text: string): Promise<void> {
  const file = '/root/given.yaml';
  await provider.shell('stage-cp-1').writeFile(file, text, { timeoutMs: MINUTE_MS });
  await kubectl(provider, 'apply', '-f', file);
}

async function kubectl(provider: SimProvider, ...args: readonly string[]): Promise<void> {
  const argv = ['kubectl', '--kubeconfig', '/etc/kubernetes/admin.conf', ...args];
  const ended = await provider.shell('stage-cp-1').run({ argv, timeoutMs: MINUTE_MS });
  if (ended.kind !== 'exited' || ended.code !== 0) {
    throw new Error(new TextDecoder().decode(ended.stderr));
  }
}

const WEB = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: registry.k8s.io/pause:3.10}]}
`;
const BUDGET = `apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web, namespace: default}
spec:
  minAvailable: MIN
  selector: {matchLabels: {app: web}}
`;

void t.test('a budget that can never be met refuses the upgrade', async (t) => {
  const opened = openLab(up);
  await apply(opened.provider, `${WEB}---\n${BUDGET.replace('MIN', '2')}`);
  await opened.provider.clock.sleep(MINUTE_MS);
  const { result } = await runUpgrade(opened);
  t.match(result, {
    outcome: 'compensated',
    error: {
      code: 'upgrade-preflight',
      message: /default\/web \(minAvailable 2, 2 pods\) never lets a pod go/,
    },
  });
  t.ok(result.steps.slice(1).every(({ outcome }) => outcome === 'pending'));
});

void t.test('a budget that holds a drain up gives the node back, and is named', async (t) => {
  const opened = openLab(up);
  // One worker only: what is evicted has nowhere to go, so the second pod may not follow the first.
  await apply(opened.provider, `${WEB}---\n${BUDGET.replace('MIN', '1')}`);
  await opened.provider.clock.sleep(MINUTE_MS);
  const ran = await runUpgrade(opened, { wishes: { drainTimeoutMs: 2 * MINUTE_MS } });
  t.match(ran.result, {
    outcome: 'stuck',
    error: {
      code: 'drain-blocked',
      message: /stage-w-1 cannot be drained: PodDisruptionBudget default\/web/,
    },
  });
  const node = (await opened.provider.observe()).nodes?.find(({ name }) => name === 'stage-w-1');
  t.match(node, { schedulable: true, ready: true, version: 'v1.31.4' });
  await kubectl(opened.provider, 'delete', 'poddisruptionbudget', 'web', '-n', 'default');
  const after = await goOn(ran, 'resume');
  t.match(after.result, { outcome: 'completed' });
  const facts = await gatherFacts(contextOf(ran.provider), ran.lab);
  t.strictSame(outdatedParts(facts, { lab: ran.lab, input: ran.input, ports: memoryPorts() }), []);
});

async function fill(provider: SimProvider, machine: string, freeMiB: number): Promise<void> {
  const free = Math.floor(provider.world.machine(machine).disk.freeBytes / 1_048_576);
  const argv = ['fallocate', '-l', `${free - freeMiB}M`, '/root/big'];
  const ended = await provider.shell(machine).run({ argv, timeoutMs: MINUTE_MS });
  if (ended.kind !== 'exited' || ended.code !== 0) throw new Error('the disk was not filled');
}

void t.test('a full disk', async (t) => {
  const before = openLab(up);
  await fill(before.provider, 'stage-cp-1', 200);
  const refused = await runUpgrade(before);
  t.match(refused.result, {
    outcome: 'compensated',
    error: { code: 'upgrade-preflight', message: /stage-cp-1 has \d+ MB of disk left/ },
  });

  // Filled up by somebody else while the upgrade was under way.
  const opened = openLab(up);
  const untouched = worldShape(opened.provider.world, up.lab);
  const filling = opened.provider.clock.sleep(within('plan:stage-cp-1', 0)).then(async () => {
    await fill(opened.provider, 'stage-cp-1', 450);
  });
  const [ran] = await Promise.all([runUpgrade(opened), filling]);
  t.match(ran.result, { outcome: 'compensated', error: { message: /no space left on device/i } });
  await opened.provider.shell('stage-cp-1').run({ argv: ['rm', '/root/big'], timeoutMs: MINUTE_MS });
  t.strictSame(
    differences(worldShape(opened.provider.world, up.lab), untouched),
    [],
    'the old version, untouched',
  );
  t.strictSame([...ran.files.keys()], [], 'no copy of etcd is left');
});

void t.test('a machine that is off, and a kubeadm that cannot be fetched', async (t) => {
  const off = openLab(up);
  await off.provider.power('stage-cp-3', 'halt');
  const { result } = await runUpgrade(off);
  t.match(result, { outcome: 'compensated', error: { message: /stage-cp-3 is off[^]*none may fail/ } });

  const opened = openLab(up);
  const untouched = worldShape(opened.provider.world, up.lab);
  const { disk } = opened.provider.world.machine('stage-cp-1');
  const resolver = must(disk.read('/etc/resolv.conf'), 'it has one');
  disk.write('/etc/resolv.conf', '');
  const ran = await runUpgrade(opened);
  t.match(ran.result, { outcome: 'stuck', error: { code: 'package-missing' } }, 'nor can the old one be');
  disk.write('/etc/resolv.conf', resolver);
  const back = await goOn(ran, 'abort');
  t.match(back.result, { outcome: 'compensated' });
  t.strictSame(differences(worldShape(opened.provider.world, up.lab), untouched), []);
});

interface Tap {
  match(found: unknown, wanted: unknown): boolean;
  strictSame(found: unknown, wanted: unknown, message: string): boolean;
}
