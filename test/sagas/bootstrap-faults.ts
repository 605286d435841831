// The bootstrap when things go wrong: power cuts at many moments, machines of others, wrong images, a taken address.
import t from 'tap';
import { canonicalJson } from '../../lib/base/digest.js';
import { must } from '../../lib/base/errors.js';
import type { Overrides } from '../../lib/config/flags.js';
import type { StepContext } from '../../lib/engine/saga.js';
import type { LabSpec } from '../../lib/model/lab.js';
import type { Shell } from '../../lib/provider/provider.js';
import { simHeader, simImage } from '../../lib/provider/sim/sim-lab.js';
import { SimProvider, type SimProviderOptions } from '../../lib/provider/sim/sim-provider.js';
import { etcdctlArgv, etcdHealthy, etcdMembers } from '../../lib/sagas/etcd.js';
import { runBootstrap, type Fault, type Ran } from '../helpers/bootstrap-runs.js';
import { SMALL } from '../helpers/bootstrap-sweep.js';
import { differences } from '../helpers/crash-sweep.js';
import { leaks, secretsOf } from '../helpers/secrets.js';
import { bootstrapOnSim, labOf, memoryLog } from '../helpers/sim-lab.js';
import { worldShape } from '../helpers/world-shape.js';

t.setTimeout(300_000);

/** How many moments of a run are tried for each machine. */
const MOMENTS = 25;
const ALL = process.env['HOMELAB_SWEEP'] === 'all';
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;

/** A moment within the step's first attempt, as the same run without a fault has it. */
function within({ result }: Ran, key: string, part: number): number {
  const step = must(
    result.steps.find((one) => one.key === key),
    `there is a step ${key}`,
  );
  return Math.round((step.startedAtMs ?? 0) + (step.durationMs ?? 0) * part);
}

void t.test('a power cut inside the join of the third control plane', async (t) => {
  for (const overrides of [{}, { ...SMALL, 'vip-provider': 'haproxy' }]) {
    const lab = labOf(overrides);
    const clean = await runBootstrap(lab);
    const dueMs = within(clean, 'join:stage-cp-3', 0.5);
    const cut: Fault = { dueMs, machine: 'stage-cp-3', action: 'cut' };
    const lost = await runBootstrap(lab, { faults: [cut] });
    t.match(lost.result, { outcome: 'compensated', error: { code: String } });
    t.strictSame(lost.residue, []);
    t.notOk(lost.files.has('kubeconfig'));
    const back: Fault = { ...cut, dueMs: dueMs + 60 * SECOND_MS, action: 'start' };
    const restored = await runBootstrap(lab, { faults: [cut, back] });
    t.equal(restored.result.outcome, 'completed');
    const join = restored.result.steps.find(({ key }) => key === 'join:stage-cp-3');
    t.ok((join?.attempts ?? 0) > 1, 'after further attempts');
    const shapes = [restored, clean].map(({ provider }) => worldShape(provider.world, lab));
    t.strictSame(differences(shapes[0], shapes[1]), [], 'the lab is as if nothing had happened');
  }
});

/**
 * Prints one letter for each moment: `c` completed, `u` undone, everything else is a problem. `some` are the machines
 * that are tried when not all are.
 */
async function cutEverywhere(
  t: Tap,
  overrides: Overrides,
  some: readonly string[],
  powerBackAfterMs: number | null,
): Promise<void> {
  const lab = labOf(overrides);
  const { result } = await runBootstrap(lab);
  const problems: string[] = [];
  for (const { name: machine } of lab.machines.filter(({ name }) => ALL || some.includes(name))) {
    let row = '';
    for (let moment = 0; moment < MOMENTS; moment += 1) {
      const dueMs = Math.round(((moment + 0.5) * result.durationMs) / MOMENTS);
      const cut: Fault = { dueMs, machine, action: 'cut' };
      const faults: Fault[] =
        powerBackAfterMs === null
          ? [cut]
          : [cut, { machine, dueMs: dueMs + powerBackAfterMs, action: 'start' }];
      const ran = await runBootstrap(lab, { faults, seed: moment + 1 });
      row += { completed: 'c', compensated: 'u' }[ran.result.outcome as string] ?? '!';
      if (powerBackAfterMs !== null && ran.result.outcome !== 'completed')
        problems.push(`${machine} at ${dueMs} ms: ${ran.result.outcome}`);
      problems.push(...problemsOf(ran).map((problem) => `${machine} cut at ${dueMs} ms: ${problem}`));
    }
    t.comment(`${machine.padEnd(11)} ${row}`);
  }
  t.strictSame(problems, []);
}

function problemsOf(ran: Ran): readonly string[] {
  const { result, residue, said, provider, log } = ran;
  const { outcome, error } = result;
  const isOver = outcome === 'completed' || outcome === 'compensated';
  return [
    ...(isOver ? [] : [`${outcome}: ${error?.message ?? ''}`]),
    ...(outcome === 'completed' ? [] : residue.map(({ machine, what }) => `left on ${machine}: ${what}`)),
    ...(outcome === 'compensated' && error === null ? ['it does not say why'] : []),
    ...leaks(said, secretsOf(provider.world, log)).map((secret) => `said the secret ${secret}`),
  ];
}

void t.test('power cuts that last, at any moment', async (t) => {
  await cutEverywhere(t, SMALL, ['stage-cp-1', 'stage-cp-3', 'stage-w-1'], null);
});

void t.test('power cuts that last, at any moment, behind HAProxy', async (t) => {
  await cutEverywhere(t, { ...SMALL, 'vip-provider': 'haproxy' }, ['stage-lb-1', 'stage-cp-2'], null);
});

void t.test('power cuts of forty seconds, at any moment', async (t) => {
  await cutEverywhere(t, SMALL, ['stage-cp-1', 'stage-cp-3'], 40 * SECOND_MS);
});

/** A world of one's own making, for what no configuration can say. */
function worldOf(lab: LabSpec, other: Partial<SimProviderOptions> = {}) {
  const log = memoryLog();
  const provider = new SimProvider({ log, header: simHeader(lab, 1), image: simImage(lab), ...other });
  return { provider, log, files: new Map<string, string>() };
}

void t.test('machines that were there before are cleaned and kept', async (t) => {
  for (const overrides of [SMALL, { ...SMALL, 'vip-provider': 'haproxy' }, { cni: 'cilium', csi: 'none' }]) {
    const lab = labOf(overrides);
    const existing = lab.machines.map(({ name }) => name);
    const prepared = async () => {
      const world = worldOf(lab);
      await world.provider.create(lab.machines, {});
      return world;
    };
    const input = { existing, initialized: false };
    const clean = await runBootstrap(lab, { world: await prepared(), input });
    t.equal(clean.result.outcome, 'completed');
    for (const key of ['init:stage-cp-1', 'join:stage-cp-2', 'join:stage-cp-3', 'join:stage-w-1']) {
      const machine = must(key.split(':')[1], 'a key names its machine');
      const world = await prepared();
      const before = worldShape(world.provider.world, lab);
      const faults: Fault[] = [{ dueMs: within(clean, key, 0.5), machine, action: 'cut' }];
      const { result, residue } = await runBootstrap(lab, { world, input, faults });
      t.match(result, { outcome: 'compensated' }, key);
      t.strictSame(residue, [], key);
      t.ok(
        (await world.provider.machines()).every(({ state }) => state === 'running'),
        `${key}: all run`,
      );
      // The kubelet of a machine without a cluster restarts for ever; a reset stops it. Neither is left over.
      const left = differences(worldShape(world.provider.world, lab), before);
      t.strictSame(
        left.filter((one) => !/ units 1 1: "(in)?activ/.test(one)),
        [],
        `${key}: as before`,
      );
    }
  }
});

void t.test('an address that somebody has already', async (t) => {
  for (const overrides of [SMALL, { ...SMALL, 'vip-provider': 'haproxy' }]) {
    const lab = labOf(overrides);
    const world = worldOf(lab);
    world.provider.world.host.labNic.addresses.set(must(lab.vip, 'the lab has one').address, 24);
    const { result, residue } = await runBootstrap(lab, { world });
    t.match(result, { outcome: 'compensated', error: { code: 'vip-taken', remedy: /api_vip/ } });
    t.strictSame(residue, []);
    t.equal(result.steps.find(({ key }) => key === 'init:stage-cp-1')?.outcome, 'pending');
  }
});

void t.test('images that are not what the lab wants', async (t) => {
  const lab = labOf(SMALL);
  const wrong: Record<string, [Partial<SimProviderOptions>, RegExp]> = {
    'another kubeadm': [
      { image: { ...simImage(lab), kubernetesVersion: 'v1.30.8' } },
      /kubeadm is v1\.30\.8, the lab wants v1\.31\.4/,
    ],
    'another interface': [
      { header: { ...simHeader(lab, 1), interfaceName: 'enp7s0' } },
      /enp7s0 carries 192\.168\.62\.\d+, and k8s\.ha\.interface says that eth1 does/,
    ],
  };
  for (const [name, [other, message]] of Object.entries(wrong)) {
    const { result, residue } = await runBootstrap(lab, { world: worldOf(lab, other) });
    t.match(result, { outcome: 'compensated', error: { code: 'wrong-image', message } }, name);
    t.strictSame(residue, [], name);
    t.ok(
      result.steps.every(({ attempts }) => attempts <= 1),
      `${name}: nothing is tried again`,
    );
  }
});

void t.test('the same seed says the same, another seed something else', async (t) => {
  const lab = labOf();
  const cut: Fault = { dueMs: 180 * SECOND_MS, machine: 'stage-cp-3', action: 'cut' };
  const run = async (seed: number) => {
    const { said, log } = await runBootstrap(lab, { seed, faults: [cut] });
    return said + canonicalJson(log.read());
  };
  const first = await run(7);
  t.ok((await run(7)) === first, 'byte for byte');
  t.notOk((await run(8)) === first);
});

interface Tap {
  comment(text: string): void;
  strictSame(found: unknown, wanted: unknown): boolean;
}

void t.test('a member that was added and never started is not healthy, whatever etcdctl says', async (t) => {
  const lab = labOf(SMALL);
  const { provider } = await bootstrapOnSim(lab);
  const context = contextOn(provider);
  const first = must(lab.machines[0], 'a lab has machines').name;
  const healthy = async (): Promise<boolean> =>
    etcdHealthy(context, lab, first, must(await etcdMembers(context, lab, first), 'a list of members'));
  t.ok(await healthy());
  const ask = async (...args: readonly string[]): Promise<unknown> =>
    provider.shell(first).run({ argv: etcdctlArgv(...args), timeoutMs: MINUTE_MS });
  const added = await ask('member', 'add', 'late', '--peer-urls', 'https://192.168.62.99:2380');
  t.match(added, { kind: 'exited', code: 0 });
  t.match(
    await ask('endpoint', 'health', '--cluster'),
    { kind: 'exited', code: 0 },
    'it has no address to ask',
  );
  t.notOk(await healthy());
});

function contextOn(provider: SimProvider): StepContext {
  const { signal } = new AbortController();
  const shell = (machine: string): Shell => provider.shell(machine);
  return { provider, clock: provider.clock, signal, shell, log: () => undefined };
}
