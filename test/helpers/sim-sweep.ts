/** The crash sweep's subject on the simulator: worlds that are opened again from their logs, as a new process would. */
import type { Saga } from '../../lib/engine/saga.js';
import type { LabSpec } from '../../lib/model/lab.js';
import type { WorldLog, WorldRecord } from '../../lib/provider/sim/world-log.js';
import type { SweepSubject, SweepWorld } from './crash-sweep.js';
import { openSim } from './sim-lab.js';
import { worldShape } from './world-shape.js';

/** What a dead process still writes does not reach the disk. */
class MortalLog implements WorldLog {
  readonly #records: WorldRecord[];
  #isDead = false;

  constructor(records: readonly WorldRecord[]) {
    this.#records = [...records];
  }

  read(): readonly WorldRecord[] {
    return [...this.#records];
  }

  append(records: readonly WorldRecord[]): void {
    if (!this.#isDead) this.#records.push(...records);
  }

  die(): void {
    this.#isDead = true;
  }
}

/** `before` is what the world has been through already. */
export function simSubject(
  lab: LabSpec,
  saga: () => Saga,
  before: readonly WorldRecord[] = [],
): SweepSubject {
  return { saga, fresh: async () => sweepWorld(lab, before) };
}

function sweepWorld(lab: LabSpec, records: readonly WorldRecord[]): SweepWorld {
  const log = new MortalLog(records);
  const provider = openSim(lab, { log });
  return {
    provider,
    // The world drives itself while somebody waits; whoever died waits no more, and writes no more.
    drive: (work) =>
      work.catch((error: unknown) => {
        log.die();
        throw error;
      }),
    reopen: async () => {
      log.die();
      return sweepWorld(lab, log.read());
    },
    shape: async () => worldShape(provider.world, lab),
  };
}
