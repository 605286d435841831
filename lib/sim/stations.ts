/** Everybody on the lab's network segment: the workstation first, then the machines in order of creation. */
import type { Machine } from './machine.js';

export class Stations implements Iterable<Machine> {
  readonly #all = new Set<Machine>();
  readonly #byMac = new Map<string, Machine>();

  add(machine: Machine): void {
    this.#all.add(machine);
    // Of two cards with one address the switch knows the older.
    if (!this.#byMac.has(machine.labNic.mac)) this.#byMac.set(machine.labNic.mac, machine);
  }

  remove(machine: Machine): void {
    this.#all.delete(machine);
    if (this.#byMac.get(machine.labNic.mac) === machine) this.#byMac.delete(machine.labNic.mac);
  }

  byMac(mac: string): Machine | null {
    return this.#byMac.get(mac) ?? null;
  }

  [Symbol.iterator](): Iterator<Machine> {
    return this.#all.values();
  }
}
