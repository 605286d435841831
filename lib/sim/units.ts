/**
 * systemd, as far as services go: units from files, enabled or not, active, failed or waiting for a restart.
 * Dependencies between units, sockets, timers, targets other than multi-user and resource limits are not modelled.
 */
import type { Machine } from './machine.js';
import { endProcess, signalNumber, type EndingSignal, type Process } from './process.js';
import { idleTicks, Signal, sleep, waitFor, type Sim, type Task } from './task.js';

export type UnitState = 'inactive' | 'active' | 'activating' | 'deactivating' | 'failed';

export const UNIT_FOLDER = '/lib/systemd/system';
export const WANTS_FOLDER = '/etc/systemd/system/multi-user.target.wants';
/** systemd's DefaultTimeoutStopSec. */
const STOP_TIMEOUT_MS = 90_000;
/** A process that ends by one of these has ended well, in systemd's eyes. */
const CLEAN_SIGNALS = ['SIGHUP', 'SIGINT', 'SIGTERM'];

interface UnitFile {
  readonly execStart: readonly string[];
  /** Is a process that ended started again? */
  readonly restarts: (clean: boolean) => boolean;
  readonly restartMs: number;
}

class Unit {
  state: UnitState = 'inactive';
  process: Process | null = null;
  keeper: Task<void> | null = null;
  /** Exit code of the last process that ended; null before. */
  lastExit: number | null = null;
  /** When the state last changed in this boot, by the machine's clock; null when it has not. */
  changedMs: number | null = null;
  readonly changed: Signal;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    this.changed = new Signal(`unit ${name}`);
  }
}

export class Units {
  readonly #machine: Machine;
  readonly #units = new Map<string, Unit>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Full unit name: `kubelet` → `kubelet.service`. */
  static nameOf(name: string): string {
    return /\.[a-z]+$/.test(name) ? name : `${name}.service`;
  }

  /** The unit's file, parsed; null when there is none ("Unit x.service could not be found."). */
  file(name: string): UnitFile | null {
    const text = this.#machine.disk.read(`${UNIT_FOLDER}/${Units.nameOf(name)}`);
    if (text === null) return null;
    const value = (key: string): string | null =>
      new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1]?.trim() ?? null;
    const restart = value('Restart');
    return {
      execStart: (value('ExecStart') ?? '').split(/\s+/).filter((word) => word !== ''),
      restarts: (clean) => restart === 'always' || (!clean && restart !== null && restart !== 'no'),
      restartMs: Number(/^\d+/.exec(value('RestartSec') ?? '')?.[0] ?? '0') * 1_000 || 100,
    };
  }

  state(name: string): UnitState {
    return this.#unit(name).state;
  }

  process(name: string): Process | null {
    return this.#unit(name).process;
  }

  lastExit(name: string): number | null {
    return this.#unit(name).lastExit;
  }

  /** When the unit's state last changed in this boot; null when it has not. */
  changedMs(name: string): number | null {
    return this.#unit(name).changedMs;
  }

  changed(name: string): Signal {
    return this.#unit(name).changed;
  }

  isEnabled(name: string): boolean {
    return this.#machine.disk.exists(`${WANTS_FOLDER}/${Units.nameOf(name)}`);
  }

  enable(name: string): void {
    this.#machine.disk.makeDirectories(WANTS_FOLDER);
    this.#machine.disk.write(`${WANTS_FOLDER}/${Units.nameOf(name)}`, '');
  }

  disable(name: string): void {
    this.#machine.disk.remove(`${WANTS_FOLDER}/${Units.nameOf(name)}`);
  }

  /** Units that start at boot, in order of their names. */
  enabled(): string[] {
    return this.#machine.disk.list(WANTS_FOLDER);
  }

  /** Starts a unit's process and looks after it; no effect on one that is active. */
  start(name: string): void {
    const unit = this.#unit(name);
    if (unit.state === 'active' || unit.state === 'activating') return;
    const { scheduler } = this.#machine.world;
    unit.keeper = scheduler.spawn(this.#machine.group, `unit ${unit.name}`, this.#keep(unit));
    this.#set(unit, 'activating');
  }

  /** Stops a unit: SIGTERM, and SIGKILL when that was not enough. */
  *stop(name: string): Sim<void> {
    const unit = this.#unit(name);
    if (unit.state === 'inactive') return;
    unit.keeper?.kill();
    unit.keeper = null;
    const process = unit.process;
    if (process !== null && process.running) {
      this.#set(unit, 'deactivating');
      yield* endProcess(process, STOP_TIMEOUT_MS);
    }
    unit.process = null;
    this.#set(unit, 'inactive');
  }

  /** Power was lost: nothing is active any more. */
  reset(): void {
    for (const unit of this.#units.values()) {
      unit.state = 'inactive';
      unit.process = null;
      unit.keeper = null;
      unit.lastExit = null;
      unit.changedMs = null;
    }
  }

  *#keep(unit: Unit): Sim<void> {
    for (;;) {
      const file = this.file(unit.name);
      if (file === null || file.execStart.length === 0) {
        this.#set(unit, 'failed');
        return;
      }
      const process = this.#machine.start(file.execStart);
      unit.process = process;
      this.#set(unit, 'active');
      if (process.running) yield* waitFor([process.exited]);
      unit.process = null;
      unit.lastExit = process.exitCode;
      const clean = process.exitCode === 0 || CLEAN_SIGNALS.includes(process.endedBy ?? '');
      this.#noteExit(unit, process, clean);
      if (!file.restarts(clean)) {
        this.#set(unit, clean ? 'inactive' : 'failed');
        return;
      }
      this.#set(unit, 'activating');
      const { hopelessUntil } = process;
      if (hopelessUntil === null) yield* sleep(file.restartMs);
      else yield* idleTicks(this.#machine.world.scheduler, file.restartMs, hopelessUntil);
    }
  }

  #noteExit(unit: Unit, process: Process, clean: boolean): void {
    const { name } = unit;
    const signal = process.endedBy as EndingSignal | null;
    const code = process.exitCode ?? 0;
    if (!clean || signal !== null) {
      const how =
        signal === null
          ? `code=exited, status=${code}${code === 1 ? '/FAILURE' : '/n/a'}`
          : `code=killed, status=${signalNumber(signal)}/${signal.slice(3)}`;
      this.#machine.log(name, `${name}: Main process exited, ${how}`);
    }
    const result = signal === null ? 'exit-code' : 'signal';
    this.#machine.log(
      name,
      clean ? `${name}: Deactivated successfully.` : `${name}: Failed with result '${result}'.`,
    );
  }

  #set(unit: Unit, state: UnitState): void {
    if (unit.state === state) return;
    unit.state = state;
    unit.changedMs = this.#machine.wallMs;
    this.#machine.world.emit(this.#machine.name, 'systemd', `${unit.name} ${state}`, {});
    unit.changed.fire();
  }

  #unit(name: string): Unit {
    const full = Units.nameOf(name);
    const unit = this.#units.get(full) ?? new Unit(full);
    this.#units.set(full, unit);
    return unit;
  }
}
