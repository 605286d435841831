/**
 * One simulated machine: a disk that survives, and everything else (processes, ports, caches, units' states) that
 * goes with the power. How power changes over time is in power.ts.
 */
import type { Prng } from '../base/prng.js';
import type { Role } from '../model/lab.js';
import { must } from '../base/errors.js';
import type { ContainerSpec } from './container.js';
import { ContainerRuntime } from './containerd.js';
import { Disk } from './disk.js';
import { Firewall } from './firewall.js';
import { isLoopback } from './connection.js';
import type { ArpEntry, Listener, Nic } from './network.js';
import { Process, type Invocation, type Program } from './process.js';
import type { Shaping } from './shaping.js';
import { Signal, TaskGroup, type Sim } from './task.js';
import { Units } from './units.js';
import type { World } from './world.js';

export type MachinePower = 'off' | 'booting' | 'running' | 'paused';

export interface MachineOptions {
  readonly name: string;
  readonly role: Role | 'host';
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly address: string;
  readonly prefixLength: number;
}

export interface RunOptions {
  readonly stdin?: Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly container?: ContainerSpec;
  /** What `ps` shows of it when that is not its name and its arguments. */
  readonly commandLine?: string;
  readonly executable?: string;
  /** Takes what the program prints as it prints it, instead of the process keeping it. */
  readonly output?: (stream: 'stdout' | 'stderr', text: string) => void;
}

/** One line of the system journal. */
export interface JournalLine {
  /** By the machine's clock. */
  readonly atMs: number;
  readonly unit: string;
  readonly text: string;
}

const SEARCH_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin'];
/** A journal is bounded, as journald's is by size. */
const JOURNAL_LINES = 2_000;

export class Machine {
  readonly options: MachineOptions;
  readonly world: World;
  readonly prng: Prng;
  readonly disk: Disk;
  readonly labNic: Nic;
  readonly units: Units;
  readonly containers: ContainerRuntime;
  readonly journal: JournalLine[] = [];
  /** Fires whenever `power` changes. */
  readonly powerChanged: Signal;
  /** Fires when others may no longer hear this machine, or hear it again: power, cable, separation, an address. */
  readonly reachChanged: Signal;
  /** Fires when a process starts or stops to listen. */
  readonly portsChanged: Signal;
  power: MachinePower = 'off';
  /** False while the hypervisor still copies its disk; until then there is no machine to see. */
  defined = false;
  /** When the current or last boot began; uptime counts from here. */
  bootedMs = 0;
  /** By how much its clock is ahead of the lab's, or behind it; its programs know no other clock. */
  clockSkewMs = 0;
  /** Fires with every line of the journal. */
  readonly journalChanged: Signal;
  /** Fires when somebody set its clock. */
  readonly clockChanged: Signal;
  /** Counts boots, so that whoever waited across a reboot can tell. */
  boots = 0;
  /** Everything that runs; made anew at every boot. */
  group = new TaskGroup();
  readonly processes = new Map<number, Process>();
  readonly listeners: Listener[] = [];
  readonly arp = new Map<string, ArpEntry>();
  /** Routes through the lab card that were added: destination → gateway. Shown, and of no effect on the one segment. */
  readonly routes = new Map<string, string>();
  readonly firewall = new Firewall();
  /** What the queueing discipline of the lab card does; null for the one that every card has. */
  shaping: Shaping | null = null;
  #nextPid = 300;
  /** What was looked up in /etc/hosts as it is now. */
  #hosts: { readonly file: Uint8Array | null; readonly found: Map<string, string | null> } = {
    ...{ file: null, found: new Map() },
  };

  constructor(world: World, options: MachineOptions) {
    this.world = world;
    this.options = options;
    this.prng = world.prng.fork(`machine:${options.name}`);
    this.disk = new Disk(() => this.wallMs);
    this.powerChanged = new Signal(`power of ${options.name}`);
    this.journalChanged = new Signal(`journal of ${options.name}`);
    this.clockChanged = new Signal(`clock of ${options.name}`);
    this.reachChanged = new Signal(`reach of ${options.name}`);
    this.portsChanged = new Signal(`ports of ${options.name}`);
    const serial = this.prng.fork('mac').hex(6);
    this.labNic = {
      name: world.network.interfaceName,
      mac: `52:54:00:${serial.slice(0, 2)}:${serial.slice(2, 4)}:${serial.slice(4, 6)}`,
      linked: true,
      addresses: new Map(),
    };
    this.units = new Units(this);
    this.containers = new ContainerRuntime(this);
  }

  get name(): string {
    return this.options.name;
  }

  /** What its clock says, as milliseconds of lab time. */
  get wallMs(): number {
    return this.world.nowMs + this.clockSkewMs;
  }

  /** What its clock says, as RFC 3339. */
  date(fraction = false): string {
    return this.world.date(this.wallMs, fraction);
  }

  /** True while the kernel runs and answers on its cards. */
  get answersNetwork(): boolean {
    return this.power === 'running' || (this.power === 'booting' && this.labNic.addresses.size > 0);
  }

  setPower(power: MachinePower): void {
    if (this.power === power) return;
    this.power = power;
    this.world.emit(this.name, 'power', power, {});
    this.powerChanged.fire();
    this.reachChanged.fire();
    this.world.network.changed.fire();
  }

  setClock(wallMs: number): void {
    const skewMs = wallMs - this.world.nowMs;
    if (skewMs === this.clockSkewMs) return;
    this.clockSkewMs = skewMs;
    this.world.emit(this.name, 'clock', 'set', { skewMs });
    this.clockChanged.fire();
    this.world.network.changed.fire();
  }

  /** Loses everything that is not on the disk, at once. */
  losePower(): void {
    this.setPower('off');
    this.group.killAll();
    for (const process of [...this.processes.values()]) process.exit(137);
    this.processes.clear();
    this.listeners.length = 0;
    this.arp.clear();
    this.routes.clear();
    this.firewall.clear();
    this.shaping = null;
    // A virtual machine takes the time of its host when it starts.
    this.clockSkewMs = 0;
    this.labNic.addresses.clear();
    this.units.reset();
    this.containers.losePower();
    this.group = new TaskGroup();
  }

  hasAddress(address: string): boolean {
    return isLoopback(address) || this.labNic.addresses.has(address);
  }

  /** The address for a host name: itself when it is one, else from /etc/hosts. Null when it is not known. */
  lookup(host: string): string | null {
    if (/^[\d.]+$/.test(host) || isLoopback(host)) return host;
    const file = this.disk.readBytes('/etc/hosts');
    if (file !== this.#hosts.file) this.#hosts = { file, found: new Map() };
    const known = this.#hosts.found.get(host);
    if (known !== undefined) return known;
    const address = this.#searchHosts(host);
    this.#hosts.found.set(host, address);
    return address;
  }

  #searchHosts(host: string): string | null {
    for (const line of (this.disk.read('/etc/hosts') ?? '').split('\n')) {
      if (!line.includes(host)) continue;
      const [address, ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/);
      if (address !== undefined && names.includes(host)) return address;
    }
    return null;
  }

  listenerOn(address: string, port: number): Listener | null {
    return (
      this.listeners.find((one) => one.port === port && (one.address === null || one.address === address)) ??
      null
    );
  }

  /** Where a program is found on the search path; null when it is not installed. */
  which(program: string): string | null {
    if (program.startsWith('/')) return this.disk.isFile(program) ? program : null;
    for (const folder of SEARCH_PATH) {
      if (this.disk.isFile(`${folder}/${program}`)) return `${folder}/${program}`;
    }
    return null;
  }

  /** Starts a program of the search path. An unknown one exits 127 with the shell's words. */
  start(argv: readonly string[], options: RunOptions = {}): Process {
    const name = must(argv[0], 'empty argv');
    const path = this.which(name);
    const program =
      path === null ? undefined : this.world.programs.get(path.slice(path.lastIndexOf('/') + 1));
    const from = path === null ? {} : { executable: path };
    return this.run(name, program ?? notFound(name), argv.slice(1), { ...options, ...from });
  }

  /** Runs a program given as a function, as a process with a pid of its own. */
  run(name: string, program: Program, args: readonly string[], options: RunOptions = {}): Process {
    const pid = (this.#nextPid += 1);
    const process = new Process(this, pid, name, options.commandLine ?? [name, ...args].join(' '));
    this.processes.set(pid, process);
    const call: Invocation = {
      world: this.world,
      machine: this,
      process,
      executable: options.executable ?? null,
      args,
      stdin: options.stdin ?? new Uint8Array(),
      container: options.container ?? null,
      env: options.env ?? {},
      prng: this.prng.fork(`${name}#${pid}`),
      print: (text) => {
        if (options.output === undefined) process.stdout.push(text);
        else options.output('stdout', typeof text === 'string' ? text : new TextDecoder().decode(text));
      },
      printError: (text) => {
        if (options.output === undefined) process.stderr.push(text);
        else options.output('stderr', text);
      },
    };
    this.world.scheduler.spawn(
      process.group,
      `${this.name}: ${name}[${pid}]`,
      mainTask(process, program(call)),
    );
    return process;
  }

  processEnded(process: Process): void {
    this.processes.delete(process.pid);
    const before = this.listeners.length;
    for (let index = this.listeners.length - 1; index >= 0; index -= 1) {
      if (this.listeners[index]?.process === process) this.listeners.splice(index, 1);
    }
    if (this.listeners.length !== before) this.portsChanged.fire();
  }

  log(unit: string, text: string): void {
    this.journal.push({ atMs: this.wallMs, unit, text });
    if (this.journal.length > JOURNAL_LINES) this.journal.splice(0, this.journal.length - JOURNAL_LINES);
    this.journalChanged.fire();
  }
}

function* mainTask(process: Process, body: Sim<number>): Sim<void> {
  const code = yield* body;
  process.exit(code);
}

function notFound(name: string): Program {
  return function* commandNotFound(call) {
    yield* [];
    call.printError(`bash: line 1: ${name}: command not found\n`);
    return 127;
  };
}
