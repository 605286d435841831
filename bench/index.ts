/**
 * `npm run bench`: measures, prints the table, writes bench/last.json, and exits with 1 when a figure misses its
 * target. docs/performance.md says what each figure is for.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EventQueue } from '../lib/sim/queue.js';
import { packageRoot } from '../test/helpers/package-root.js';
import { leastInTurn, timed } from './clock.js';
import { isReached, table, type Figure } from './figure.js';
import { bootstrap, bootstrapAndUpgrade, defaultLab, labOf } from './labs.js';
import { largeFigures, programFigures } from './programs.js';

const RUNS = 5;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const EVENTS = 1_000_000;

/** A million events pushed at scattered times and then all popped. */
function fillAndDrain(): void {
  const queue = new EventQueue();
  const nothing = (): void => undefined;
  for (let index = 0; index < EVENTS; index += 1) queue.push((index * 7_919) % EVENTS, 0, nothing);
  while (queue.pop() !== null);
}

async function bootstrapFigures(): Promise<Figure[]> {
  const lab = defaultLab();
  for (let run = 0; run < RUNS; run += 1) await bootstrap(lab);
  const [queueMs = NaN, upMs = NaN, dayMs = NaN] = await leastInTurn(RUNS, [
    fillAndDrain,
    () => bootstrap(lab),
    async () => (await bootstrap(lab)).clock.sleep(DAY_MS),
  ]);
  const { world } = await bootstrap(lab);
  return [
    {
      name: 'bootstrap',
      what: 'bootstrap of k8s-ha, warm ÷ 1,000,000 push and pop on the bare queue',
      ...{ value: upMs / queueMs, unit: '', target: { bound: 'at most', value: 0.3 } },
    },
    {
      name: 'idle-day',
      what: 'the same bootstrap with 24 idle hours after it ÷ without',
      ...{ value: dayMs / upMs, unit: '', target: { bound: 'at most', value: 1.2 } },
    },
    {
      name: 'speed',
      what: 'lab time ÷ wall time of the bootstrap',
      ...{ value: world.nowMs / upMs, unit: '', target: null },
    },
    {
      name: 'events-bootstrap',
      what: 'events a second in the bootstrap, with all that its programs do',
      value: (world.scheduler.ran / upMs) * 1_000,
      ...{ unit: 'events/s', target: null },
    },
    await trafficFigure(),
  ];
}

/** A cluster under steady traffic: every machine pings every other for an hour of lab time. */
async function trafficFigure(): Promise<Figure> {
  const { world } = await bootstrap(defaultLab());
  const machines = [...world.machines.values()];
  for (const from of machines) {
    for (const to of machines) if (from !== to) from.start(['ping', '-c', '3600', to.options.address]);
  }
  const before = world.scheduler.ran;
  const wallMs = await timed(() => {
    world.scheduler.runUntil(world.nowMs + HOUR_MS);
  });
  return {
    name: 'events',
    what: 'events a second while every machine pings every other for an hour',
    value: ((world.scheduler.ran - before) / wallMs) * 1_000,
    ...{ unit: 'events/s', target: { bound: 'at least', value: 300_000 } },
  };
}

async function upgradeFigures(): Promise<Figure[]> {
  const lab = defaultLab();
  for (let run = 0; run < RUNS; run += 1) await bootstrapAndUpgrade(lab);
  const [queueMs = NaN, bothMs = NaN] = await leastInTurn(RUNS, [
    fillAndDrain,
    () => bootstrapAndUpgrade(lab),
  ]);
  const { world } = await bootstrapAndUpgrade(lab);
  return [
    {
      name: 'upgrade',
      what: 'bootstrap and upgrade of k8s-ha, warm ÷ 1,000,000 push and pop on the bare queue',
      ...{ value: bothMs / queueMs, unit: '', target: { bound: 'at most', value: 0.7 } },
    },
    {
      name: 'upgrade-speed',
      what: 'lab time ÷ wall time of both',
      ...{ value: world.nowMs / bothMs, unit: '', target: null },
    },
  ];
}

async function growthFigure(): Promise<Figure> {
  const six = labOf(6);
  const hundred = labOf(100);
  const [smallMs = NaN] = await leastInTurn(RUNS, [() => bootstrap(six)]);
  const largeMs = await timed(() => bootstrap(hundred));
  return {
    name: 'growth',
    what: 'bootstrap of 100 machines ÷ of 6 machines',
    ...{ value: largeMs / smallMs, unit: '', target: { bound: 'at most', value: 25 } },
  };
}

const figures = [
  ...(await bootstrapFigures()),
  ...(await upgradeFigures()),
  await growthFigure(),
  ...largeFigures(1_000),
  ...(await programFigures()),
];
process.stdout.write(table(figures));
const missed = figures.filter((figure) => !isReached(figure)).map(({ name }) => name);
const document = { node: process.versions.node, figures };
writeFileSync(join(packageRoot(), 'bench/last.json'), `${JSON.stringify(document, null, 2)}\n`);
if (missed.length > 0) process.stderr.write(`missed: ${missed.join(', ')}\n`);
process.exitCode = missed.length > 0 ? 1 : 0;
