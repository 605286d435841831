// The same seed and inputs give the same events, to the byte: run twice, against recorded digests, and opened again.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { must } from '../../lib/base/errors.js';
import { sha256Hex } from '../../lib/base/digest.js';
import type { LabSpec } from '../../lib/model/lab.js';
import { SIMULATOR_VERSION, type WorldRecord } from '../../lib/provider/sim/world-log.js';
import { worldAt } from '../../lib/provider/sim/world-copy.js';
import type { TraceEvent } from '../../lib/sim/world.js';
import { isCi } from '../helpers/golden.js';
import { packageRoot } from '../helpers/package-root.js';
import { bootstrapOnSim, labOf, memoryLog, openSim } from '../helpers/sim-lab.js';

const BARE = { cni: 'none', csi: 'none', ingress: 'none' };
const small = labOf({ topology: 'k8s-single', ...BARE });
const whole = labOf();

/** Every event of a bootstrap, and the log of the world, as bytes would be written. */
async function record(lab: LabSpec, seed: number): Promise<{ trace: string; log: string }> {
  const log = memoryLog();
  const events: TraceEvent[] = [];
  await bootstrapOnSim(lab, { seed, log, onTrace: (event) => events.push(event) });
  return { trace: lines(events), log: lines(log.read()) };
}

function lines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('');
}

function seeds(from: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => from + index);
}

void t.test('200 seeds give the same world twice, and 200 worlds', async (t) => {
  const traces = new Set<string>();
  for (const seed of seeds(1, 200)) {
    const first = await record(small, seed);
    const second = await record(small, seed);
    if (first.trace !== second.trace || first.log !== second.log) t.fail(`seed ${seed} played differently`);
    traces.add(sha256Hex(first.trace));
  }
  t.equal(traces.size, 200, 'and no two seeds give the same one');
});

interface Digests {
  readonly simulator: number;
  /** SHA-256 of trace and log of a whole bootstrap of `k8s-ha`, by seed. */
  readonly bootstrap: Readonly<Record<string, string>>;
}

void t.test('the recorded digests of ten seeds', async (t) => {
  const found: Record<string, string> = {};
  for (const seed of seeds(1, 10)) {
    const { trace, log } = await record(whole, seed);
    found[seed] = sha256Hex(trace + log);
  }
  const digests: Digests = { simulator: SIMULATOR_VERSION, bootstrap: found };
  const path = join(packageRoot(), 'test/fixtures/trace-digests.json');
  if (process.env['HOMELAB_SNAP'] === '1' && !isCi(process.env['CI']))
    writeFileSync(path, `${JSON.stringify(digests, null, 2)}\n`);
  const recorded = JSON.parse(readFileSync(path, 'utf8')) as Digests;
  t.strictSame(digests, recorded, 'as recorded; where that was meant: npm run snap');
});

void t.test('a whole bootstrap, opened again, plays the same events', async (t) => {
  const log = memoryLog();
  const live: TraceEvent[] = [];
  await bootstrapOnSim(whole, { seed: 4711, log, onTrace: (event) => live.push(event) });
  const replayed: TraceEvent[] = [];
  openSim(whole, { log, onTrace: (event) => replayed.push(event) });
  t.equal(lines(replayed), lines(live));
});

void t.test('the past is the same from whichever later moment it is looked at', async (t) => {
  const log = memoryLog();
  const { provider } = await bootstrapOnSim(whole, { seed: 5, log });
  const endMs = provider.clock.nowMs();
  const eventsUntil = (records: readonly WorldRecord[]): readonly TraceEvent[] => {
    const events: TraceEvent[] = [];
    openSim(whole, { log: memoryLog(records), onTrace: (event) => events.push(event) });
    return events;
  };
  const all = eventsUntil(log.read());
  for (const part of [1, 2, 3, 4, 5, 6, 7]) {
    const atMs = Math.floor((endMs * part) / 8);
    const before = all.filter((event) => event.atMs <= atMs);
    t.equal(lines(eventsUntil(worldAt(log.read(), atMs))), lines(before), `cut at ${atMs} ms`);
  }
});

void t.test('machines that have nothing to do with each other do not shift each other', async (t) => {
  const { machines } = labOf(BARE);
  const [a, b] = [must(machines[0], 'a machine'), must(machines[1], 'another machine')];
  const played = async (sets: readonly (typeof machines)[]): Promise<string> => {
    const events: TraceEvent[] = [];
    const provider = openSim(labOf(BARE), { onTrace: (event) => events.push(event) });
    await Promise.all(sets.map((set) => provider.create(set, {})));
    await provider.clock.sleep(300_000 - provider.clock.nowMs());
    // What the operator was told to do is numbered in the order in which it was told.
    const own = events.filter(({ machine, service }) => machine === a.name && service !== 'operator');
    return lines(own);
  };
  const alone = await played([[a]]);
  t.not(alone, '');
  t.equal(await played([[a, b]]), alone);
  t.equal(await played([[b, a]]), alone);
  t.equal(await played([[b], [a]]), alone);
  t.equal(await played([[...machines].reverse()]), alone);
});

void t.test('the world of another simulator, or one that plays differently here, is refused', async (t) => {
  const log = memoryLog();
  const provider = openSim(small, { log });
  await provider.create(small.machines, {});
  const [header, ...rest] = log.read();
  const other = { ...header, world: 999 } as unknown as WorldRecord;
  const remedy = /homelab that made it.*homelab destroy/;
  t.throws(() => openSim(small, { log: memoryLog([other, ...rest]) }), { code: 'world-version', remedy });
  const shifted = log.read().map((one) => ('doneAtMs' in one ? { ...one, doneAtMs: one.doneAtMs + 1 } : one));
  t.throws(() => openSim(small, { log: memoryLog(shifted) }), { code: 'world-diverged', remedy });
});
