/**
 * What rehearsals are run on: of a simulated lab its own past, played again; of a real one, or from an inventory in a
 * file, a new simulated cluster of the same plan that is made what the inventory says.
 */
import { relative, resolve as resolvePath } from 'node:path';
import { UserError, type Problem } from '../base/errors.js';
import { readInventory } from '../config/inventory.js';
import { MemoryJournal } from '../engine/journal.js';
import type { SagaRecord } from '../engine/records.js';
import { runSaga } from '../engine/runner.js';
import type { Inventory } from '../model/inventory.js';
import { memoryLog, openSimProvider } from '../provider/registry.js';
import type { WorldRecord } from '../provider/sim/world-log.js';
import { bootstrapSaga } from '../sagas/bootstrap.js';
import { applyInventory } from '../sagas/inventory/apply.js';
import { assumed } from '../sagas/inventory/assumed.js';
import { takeInventory } from '../sagas/inventory/take.js';
import type { SagaPorts } from '../sagas/ports.js';
import { asking, saidPlainly } from './asking.js';
import { fileExists, readText } from './files.js';
import type { Lab } from './labs.js';
import { openProvider, worldOf } from './providers.js';
import type { Session } from './session.js';
import { thrownAway } from './thrown-away.js';

export interface RehearsalGround {
  /** The lab as the simulator has it. */
  readonly copied: Lab;
  readonly world: readonly WorldRecord[];
  readonly assumed: readonly string[];
}

export async function groundOf(session: Session, lab: Lab, ports: SagaPorts): Promise<RehearsalGround> {
  const from = session.options['from'] as string | undefined;
  if (from === undefined && lab.record.spec.provider === 'sim')
    return { copied: lab, world: worldOf(lab, 'k8s upgrade --rehearse'), assumed: [] };
  const inventory = from === undefined ? await inventoryOf(session, lab) : fromFile(session, from);
  const { record } = lab;
  const copied: Lab = { ...lab, record: { ...record, spec: { ...record.spec, provider: 'sim' } } };
  session.note('a simulated cluster of the same plan is made what the inventory says');
  const world = await saidPlainly(() => modelled(session, copied, inventory, ports));
  return { copied, world, assumed: assumed(record.spec, inventory) };
}

/** Asks the lab itself, or a copy of it that is thrown away. */
export async function inventoryOf(session: Session, lab: Lab): Promise<Inventory> {
  const provider = await openProvider(session.io, lab, 'look');
  try {
    return await saidPlainly(() => takeInventory(asking(session, provider), lab.record.spec));
  } finally {
    await provider.close();
  }
}

function fromFile({ io }: Session, given: string): Inventory {
  const path = resolvePath(io.cwd, given);
  const shown = relative(io.cwd, path) || given;
  if (!fileExists(path)) {
    throw new UserError({
      code: 'no-inventory',
      message: `there is no file ${shown}`,
      remedy: 'Make one with: homelab k8s inventory > FILE',
    });
  }
  const { inventory, problems } = readInventory(shown, readText(path));
  if (inventory === null) throw new InventoryError(shown, problems);
  return inventory;
}

/** Carries all that is wrong with the file. */
class InventoryError extends UserError {
  readonly problems: readonly Problem[];

  constructor(shown: string, problems: readonly Problem[]) {
    super({
      code: 'bad-inventory',
      message: `${shown} is no inventory; nothing was changed`,
      remedy: 'Mend what is named above, or make a new one with: homelab k8s inventory > FILE',
    });
    this.problems = problems;
  }
}

/** Idle time after a bootstrap, so that everything has settled. */
const SETTLE_MS = 120_000;

async function modelled(
  session: Session,
  { record }: Lab,
  inventory: Inventory,
  ports: SagaPorts,
): Promise<readonly WorldRecord[]> {
  const log = memoryLog();
  const provider = openSimProvider({ lab: record.spec, seed: record.seed, log });
  const { outcome, error } = await runSaga({
    saga: bootstrapSaga(record.spec, { existing: [], initialized: false }, thrownAway(ports)),
    ...{ provider, seed: record.seed, journal: new MemoryJournal<SagaRecord>(), mode: 'run' },
    ...{ signal: session.io.signal, observer: () => undefined },
  });
  if (outcome !== 'completed') throw unmade(error?.message ?? outcome);
  await provider.clock.sleep(SETTLE_MS);
  if (inventory.etcdBytes !== null) await provider.growEtcd(inventory.etcdBytes);
  await applyInventory(asking(session, provider), record.spec, inventory);
  await provider.close();
  return log.read();
}

function unmade(why: string): UserError {
  return new UserError({
    code: 'rehearsal-ground',
    message: `the simulated cluster that stands for the lab did not come up: ${why}`,
    remedy: 'Try the same plan on the simulator: homelab up --provider sim --lab NAME',
  });
}
