/** Simulated programs and the processes that run them. */
import type { Prng } from '../base/prng.js';
import type { ContainerSpec } from './container.js';
import type { Listener } from './network.js';
import type { Machine } from './machine.js';
import type { World } from './world.js';
import { Signal, TaskGroup, waitFor, type Sim } from './task.js';

/** What a simulated program is given. */
export interface Invocation {
  readonly world: World;
  readonly machine: Machine;
  readonly process: Process;
  /** The file that it was started from; null for a container and for what systemd starts. */
  readonly executable: string | null;
  /** Arguments without the program's own name. */
  readonly args: readonly string[];
  readonly stdin: Uint8Array;
  /** The container it runs in; null for a program on the machine itself. */
  readonly container: ContainerSpec | null;
  readonly env: Readonly<Record<string, string>>;
  /** The program's own random stream. */
  readonly prng: Prng;
  print(text: string | Uint8Array): void;
  printError(text: string): void;
}

/** A simulated program: takes simulated time, may be ended at any yield, and returns its exit code. */
export type Program = (call: Invocation) => Sim<number>;

const SIGNAL_NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGKILL: 9, SIGTERM: 15 };

export type EndingSignal = keyof typeof SIGNAL_NUMBERS;

/** The numbers of the signals that end programs; SIGSTOP and SIGCONT do not. */
export function signalNumber(signal: EndingSignal): number {
  return SIGNAL_NUMBERS[signal];
}

export class Process {
  readonly pid: number;
  readonly name: string;
  /** What `ps` shows of it. */
  readonly commandLine: string;
  readonly startedMs: number;
  readonly machine: Machine;
  readonly group: TaskGroup;
  readonly stdout: (string | Uint8Array)[] = [];
  readonly stderr: string[] = [];
  readonly exited: Signal;
  /** Fires on SIGTERM for programs that set `handlesTerminate`. */
  readonly terminate: Signal;
  handlesTerminate = false;
  /** Set by a program that ends where another try must end the same way until one of these fires. */
  hopelessUntil: readonly Signal[] | null = null;
  /** What a container's readiness probe finds; null for a program that has no say in it. */
  readiness: boolean | null = null;
  readonly readinessChanged: Signal;
  terminating = false;
  /** Stopped by SIGSTOP: its ports are open, and nobody answers. What else it is sent waits for SIGCONT. */
  stopped = false;
  /** Fires when it was stopped or goes on. */
  readonly stopChanged: Signal;
  #pending: EndingSignal[] = [];
  /** Null while it runs. */
  exitCode: number | null = null;
  /** The signal that ended it. */
  endedBy: string | null = null;

  constructor(machine: Machine, pid: number, name: string, commandLine = name) {
    this.machine = machine;
    this.pid = pid;
    // What the kernel calls it is the last name of its file.
    this.name = name.slice(name.lastIndexOf('/') + 1);
    this.commandLine = commandLine;
    this.startedMs = machine.world.nowMs;
    this.group = new TaskGroup(machine.group);
    this.stopChanged = new Signal(`stop of ${name}[${pid}]`);
    this.exited = new Signal(`exit of ${name}[${pid}]`);
    this.terminate = new Signal(`SIGTERM of ${name}[${pid}]`);
    this.readinessChanged = new Signal(`readiness of ${name}[${pid}]`);
  }

  get running(): boolean {
    return this.exitCode === null;
  }

  /** SIGTERM ends a program that has no handler for it; SIGKILL ends every program. */
  kill(signal: EndingSignal): void {
    if (!this.running) return;
    if (this.stopped && signal !== 'SIGKILL') {
      this.#pending.push(signal);
      return;
    }
    if (signal === 'SIGTERM' && this.handlesTerminate) {
      this.terminating = true;
      this.terminate.fire();
      return;
    }
    this.endedBy = signal;
    this.exit(128 + SIGNAL_NUMBERS[signal]);
  }

  /** SIGSTOP. */
  stop(): void {
    if (!this.running || this.stopped) return;
    this.stopped = true;
    this.group.freeze();
    this.#noteStop();
  }

  /** SIGCONT. */
  continue(): void {
    if (!this.running || !this.stopped) return;
    this.stopped = false;
    this.group.thaw();
    this.#noteStop();
    for (const signal of this.#pending.splice(0)) this.kill(signal);
  }

  /** To its peers that is much like a machine which is not heard any more. */
  #noteStop(): void {
    this.stopChanged.fire();
    this.machine.reachChanged.fire();
    this.machine.world.network.changed.fire();
  }

  /** Ends the process: its tasks stop where they are and its ports close. */
  exit(code: number): void {
    if (!this.running) return;
    this.exitCode = code;
    this.group.killAll();
    this.group.detach();
    this.machine.processEnded(this);
    this.exited.fire();
  }

  setReady(ready: boolean): void {
    if (this.readiness === ready) return;
    this.readiness = ready;
    this.readinessChanged.fire();
  }

  listen(listener: Omit<Listener, 'process'>): void {
    this.machine.listeners.push({ ...listener, process: this });
    this.machine.portsChanged.fire();
  }
}

/** SIGTERM, and SIGKILL when the process still runs after `graceMs`. */
export function* endProcess(process: Process, graceMs: number): Sim<void> {
  process.kill('SIGTERM');
  if (process.exitCode === null) yield* waitFor([process.exited], graceMs);
  process.kill('SIGKILL');
}
