/**
 * Chaos on real machines without Kubernetes, by the real program: power, pauses, cables, firewalls, a floating address
 * that keepalived moves. Each experiment holds, and is lifted after a kill; that they deviate when nothing is injected
 * is shown on the simulator, because four more minutes of real machines would show nothing else.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { must } from '../../lib/base/errors.js';
import type { ChaosDocument } from '../../lib/cli/chaos/documents.js';
import type { StatusDocument } from '../../lib/cli/commands/status.js';
import { controlPlanes } from '../../lib/model/lab.js';
import { chooseMachines } from '../../lib/chaos/plan.js';
import { readScenario } from '../../lib/chaos/read-scenario.js';
import { packageRoot } from '../helpers/package-root.js';
import type { Shape } from './helpers/configuration.js';
import { labFolder, makeLab, notPrepared, type TestLab } from './helpers/lab.js';
import { on, put } from './helpers/machine.js';
import { show, type } from './helpers/show.js';
import { answersPing, waitUntil } from './helpers/watch.js';

t.setTimeout(60 * 60_000);

/** The scenarios' durations are stretched by the scale too. */
const SHAPE: Shape = { name: 't5', subnet: '192.168.85', controlPlanes: 3, workers: 0, timeScale: 2 };
const FOLDER = join(packageRoot(), 'test/libvirt/scenarios');
/** Elections among the two, on software emulation. */
const PATIENCE_S = 600;
const SHORT_MS = 1_500;

void t.test('chaos on machines without Kubernetes', { skip: notPrepared() }, async (t) => {
  const lab = makeLab(t, SHAPE);
  await type(t, lab, 'up --until machines', 0);
  await startKeepalived(lab);
  const address = must(lab.spec.vip, 'a lab with a floating address').address;
  t.ok((await waitUntil(() => answersPing(address), PATIENCE_S)) !== null, 'the floating address answers');

  for (const name of ['machines', 'frozen-holder']) {
    const run = `chaos run ${join(FOLDER, `${name}.yaml`)} --seed ${seedOf(lab, name)} -o json`;
    const held = await type(t, lab, run, 0);
    t.match(JSON.parse(held.stdout), { verdict: 'held' });
    tell(t, held.stdout);
  }

  await t.test('kill -9 in the middle, then abort', (t) => killed(t, lab, address));
  await type(t, lab, 'destroy -y', 0);
  t.strictSame(lab.leftovers(), [], 'nothing of the lab is left');
});

/** Debian's keepalived on two machines: both stand by, and whoever has the address keeps it. */
async function startKeepalived(lab: TestLab): Promise<void> {
  const { vip, network } = lab.spec;
  const provider = await lab.open();
  try {
    const [first, second, third] = controlPlanes(lab.spec).map(({ name }) => name);
    const candidates = [first ?? '', second ?? ''].map(async (name, i) => {
      const text = [
        ...['vrrp_instance floating {', '  state BACKUP', '  nopreempt', '  virtual_router_id 62'],
        ...[`  interface ${network.interface}`, `  priority ${100 - i}`, '  advert_int 2'],
        ...['  virtual_ipaddress {', `    ${vip?.address ?? ''}/32`, '  }', '}', ''],
      ];
      await put(provider, name, '/etc/keepalived/keepalived.conf', text.join('\n'));
      await on(provider, name, 'systemctl', 'enable', '--now', '--quiet', 'keepalived');
    });
    await Promise.all([
      ...candidates,
      on(provider, third ?? '', 'systemctl', 'enable', '--now', '--quiet', 'containerd'),
    ]);
  } finally {
    await provider.close();
  }
}

/** A seed whose method does not wait long for its beginning: nothing is periodic in this lab. */
function seedOf(lab: TestLab, name: string): number {
  const file = join(FOLDER, `${name}.yaml`);
  const scenario = must(
    readScenario({ file, text: readFileSync(file, 'utf8') }).scenario,
    'a sound scenario',
  );
  const [first = ''] = controlPlanes(lab.spec).map((machine) => machine.name);
  const properties = { 'vip-holder': [first], 'etcd-leader': null, 'haproxy-active-backend': null };
  for (let seed = 1; ; seed += 1)
    if (chooseMachines(lab.spec, scenario, properties, seed).phaseMs < SHORT_MS) return seed;
}

/** When one machine is off and another one is frozen. */
async function killed(t: Test, lab: TestLab, address: string): Promise<void> {
  const line = `chaos run ${join(FOLDER, 'machines.yaml')} --seed ${seedOf(lab, 'machines')}`;
  const before = journals(lab).length;
  const started = lab.start(line);
  const isFrozen = (): boolean =>
    journals(lab).length > before &&
    (journals(lab).at(-1) ?? '')
      .split('\n')
      .some((record) => record.includes('"step.done"') && record.includes('"inject:frozen"'));
  const seenMs = await waitUntil(isFrozen, PATIENCE_S, 50);
  t.ok(seenMs !== null && started.child.kill('SIGKILL'), 'killed with two faults in force');
  show(t, line, await started.ended, seenMs ?? NaN);
  const broken = await statesOf(t, lab);
  t.strictSame([...broken].sort(), ['off', 'paused', 'running']);
  const aborted = await type(t, lab, 'abort -o json', 0);
  t.match(JSON.parse(aborted.stdout), { verdict: 'aborted' });
  t.strictSame(await statesOf(t, lab), ['running', 'running', 'running'], 'every machine runs');
  t.ok(answersPing(address), 'and the floating address answers');
}

async function statesOf(t: Test, lab: TestLab): Promise<readonly string[]> {
  const { stdout } = await type(t, lab, 'status -o json', 0);
  return (JSON.parse(stdout) as StatusDocument).machines.map(({ state }) => state);
}

function journals(lab: TestLab): readonly string[] {
  const folder = join(labFolder(lab), 'journal');
  return readdirSync(folder)
    .sort()
    .map((name) => readFileSync(join(folder, name), 'utf8'));
}

/** What was seen, for the log of the run. */
function tell(t: Test, stdout: string): void {
  const { assertions, measures } = JSON.parse(stdout) as ChaosDocument;
  for (const { ok, name, observed } of assertions) t.comment(`  ${ok ? 'ok' : 'NOT'}: ${name}: ${observed}`);
  for (const { name, ms } of measures) t.comment(`  ${ms} ms: ${name}`);
}
