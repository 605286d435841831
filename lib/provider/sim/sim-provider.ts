/** The provider contract on the simulated world: every operation is logged, then done, then answered. */
import { toBase64Bytes } from '../../base/base64.js';
import type { Clock } from '../../base/clock.js';
import { UserError, type Problem } from '../../base/errors.js';
import type { MachineSpec } from '../../model/lab.js';
import { CONTAINERS } from '../../sim/containers.js';
import { PROGRAMS } from '../../sim/commands/index.js';
import { printArchive } from '../../sim/archive.js';
import { installHost, printProgram, type NodeImage } from '../../sim/image.js';
import { definedMachines, observeWorld } from '../../sim/observe.js';
import { Pump } from '../../sim/pump.js';
import { watchWorld } from '../../sim/watch-world.js';
import { World, type TraceEvent } from '../../sim/world.js';
import {
  FileError,
  UnreachableError,
  type Command,
  type CommandResult,
  type CreateOptions,
  type LargeFile,
  type MachineReport,
  type MachineState,
  type Observation,
  type Power,
  type PowerAction,
  type Provider,
  type Residue,
  type Shell,
  type Watching,
  type WriteOptions,
} from '../provider.js';
import { begin, type FaultAction, type Operation, type OperationResult, type Running } from './operations.js';
import type { SessionEnd } from './session.js';
import { greatestTime, headerOf, replay, type WorldHeader, type WorldLog } from './world-log.js';

export interface SimProviderOptions {
  readonly log: WorldLog;
  /** Describes the world when the log is empty; a log that has begun keeps its own. */
  readonly header: WorldHeader;
  readonly image: NodeImage;
  readonly onTrace?: (event: TraceEvent) => void;
  /** Opens the world as it was at this lab time; default the greatest time in the log. */
  readonly untilMs?: number;
  /** Begins every random stream anew under this name once the log is played: one of the ways it may go on. */
  readonly refork?: string;
  /** Told of everything that an onlooker would have seen while the log is played. */
  readonly onSeen?: (seen: Observation) => void;
}

/** A fault that was planned for a lab time. */
export interface PlannedFault {
  readonly dueMs: number;
  readonly machine: string;
  readonly action: FaultAction;
}

const EMPTY = new Uint8Array();

export class SimProvider implements Provider {
  readonly name = 'sim';
  readonly supported: readonly Power[] = ['pause', 'link', 'disk'];
  readonly clock: Clock;
  readonly seed: number;
  readonly world: World;
  readonly #pump: Pump;
  readonly #log: WorldLog;
  readonly #image: NodeImage;
  readonly #running: Running = new Map();
  readonly #endpoint: WorldHeader['endpoint'];
  #nextSeq: number;

  constructor(options: SimProviderOptions) {
    const records = options.log.read();
    const header = headerOf(records) ?? options.header;
    if (records.length === 0) options.log.append([header]);
    this.#log = options.log;
    this.#image = options.image;
    this.seed = header.seed;
    this.#endpoint = header.endpoint;
    this.world = new World({
      seed: header.seed,
      timeScale: header.timeScale,
      ...(header.timings === undefined ? {} : { timings: header.timings }),
      interfaceName: header.interfaceName,
      prefixLength: header.prefixLength,
      hostAddress: header.hostAddress,
      programs: PROGRAMS,
      containers: CONTAINERS,
      ...(options.onTrace === undefined ? {} : { onTrace: options.onTrace }),
    });
    installHost(this.world.host);
    const unwatch = options.onSeen && watchWorld(this.world, this.#endpoint, options.onSeen);
    this.#nextSeq = replay(this.world, this.#running, records, options.untilMs ?? greatestTime(records));
    unwatch?.();
    if (options.refork !== undefined) this.world.prng.refork(options.refork);
    this.#pump = new Pump(this.world);
    this.clock = {
      nowMs: () => this.world.nowMs,
      sleep: async (ms, signal) => {
        await this.#pump.sleep(ms, signal);
        this.#log.append([{ waitedUntilMs: this.world.nowMs }]);
      },
    };
  }

  async preflight(_specs: readonly MachineSpec[]): Promise<readonly Problem[]> {
    // Nothing of this computer can stand in the way of a simulated machine; what is there already is started.
    return [];
  }

  async create(specs: readonly MachineSpec[], _options: CreateOptions): Promise<readonly MachineReport[]> {
    const result = await this.#perform({ kind: 'create', machines: specs, image: this.#image });
    return result.kind === 'reports' ? result.reports : [];
  }

  async machines(): Promise<readonly MachineState[]> {
    return definedMachines(this.world).map(({ name, power }) => ({ name, state: power }));
  }

  async power(name: string, action: PowerAction): Promise<void> {
    await this.#perform({ kind: 'power', machine: name, action });
  }

  async pause(name: string): Promise<void> {
    await this.#perform({ kind: 'pause', machine: name });
  }

  async resume(name: string): Promise<void> {
    await this.#perform({ kind: 'resume', machine: name });
  }

  async link(name: string, state: 'up' | 'down'): Promise<void> {
    await this.#perform({ kind: 'link', machine: name, state });
  }

  async disk(name: string, { latencyMs }: { readonly latencyMs: number }): Promise<void> {
    await this.#perform({ kind: 'disk', machine: name, latencyMs });
  }

  /** Every etcd has a database of at least this size from now on. */
  async growEtcd(bytes: number): Promise<void> {
    await this.#perform({ kind: 'etcd-size', bytes });
  }

  async destroy(names: readonly string[]): Promise<void> {
    await this.#perform({ kind: 'destroy', machines: names });
  }

  /** Those of the whole log, whether they have come or not. */
  get faults(): readonly PlannedFault[] {
    return this.#log
      .read()
      .flatMap((record) => ('op' in record && record.op.kind === 'fault' ? [record.op] : []));
  }

  /** Plans a fault at a lab time; it is part of the log from now on. */
  async planFault(fault: PlannedFault): Promise<void> {
    await this.#perform({ kind: 'fault', ...fault });
  }

  shell(machine: string): Shell {
    return {
      machine,
      run: (command) => this.#run(machine, command),
      readFile: (path, options) => this.#readFile(machine, path, options.timeoutMs),
      writeFile: (path, content, options) => this.#writeFile(machine, path, content, options),
      sendFile: (path, file, options) => this.#sendFile(machine, path, file, options),
    };
  }

  async observe(): Promise<Observation> {
    return observeWorld(this.world, this.#endpoint);
  }

  watch(onChange: (seen: Observation) => void): Watching {
    const stop = watchWorld(this.world, this.#endpoint, onChange);
    return {
      ...{ exact: true, everyMs: 0, gaps: [] },
      stop: async () => {
        stop();
      },
    };
  }

  async residue(): Promise<readonly Residue[]> {
    return [...this.world.machines.keys()].map((name) => ({
      machine: name,
      kind: 'machine',
      what: 'still there',
    }));
  }

  async close(): Promise<void> {
    // The world lives in memory only, and its log is durable after every operation.
  }

  async #run(machine: string, command: Command): Promise<CommandResult> {
    const { argv, stdin, timeoutMs, signal } = command;
    const bytes = typeof stdin === 'string' ? new TextEncoder().encode(stdin) : (stdin ?? EMPTY);
    const operation = { kind: 'run', machine, argv, stdin: toBase64Bytes(bytes), timeoutMs } as const;
    const end = await this.#session(machine, operation, signal);
    if (end.kind === 'exited' || end.kind === 'timedOut' || end.kind === 'lost') return end;
    return { kind: 'cancelled', stdout: EMPTY, stderr: EMPTY };
  }

  async #readFile(machine: string, path: string, timeoutMs: number): Promise<Uint8Array | null> {
    const end = await this.#session(machine, { kind: 'read', machine, path, timeoutMs });
    return end.kind === 'content' ? end.content : null;
  }

  async #writeFile(
    machine: string,
    path: string,
    content: string | Uint8Array,
    options: WriteOptions,
  ): Promise<void> {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    const { mode = 0o644, owner = 'root:root', timeoutMs } = options;
    const encoded = toBase64Bytes(bytes);
    await this.#session(machine, { kind: 'write', machine, path, content: encoded, mode, owner, timeoutMs });
  }

  async #sendFile(
    machine: string,
    path: string,
    { sha256, size, content }: LargeFile,
    options: WriteOptions,
  ): Promise<void> {
    const text = 'images' in content ? printArchive(content.images) : printProgram(content);
    const { mode = 0o644, owner = 'root:root', timeoutMs } = options;
    await this.#session(machine, { kind: 'send', machine, path, text, size, sha256, mode, owner, timeoutMs });
  }

  async #session(machine: string, operation: Operation, signal?: AbortSignal): Promise<SessionEnd> {
    if (signal?.aborted === true) return { kind: 'cancelled' };
    const result = await this.#perform(operation, signal);
    if (result.kind !== 'session') return { kind: 'cancelled' };
    const { end } = result;
    if (end.kind === 'unreachable') throw new UnreachableError(machine, end.reason);
    if (end.kind === 'file-error') throw new FileError(end.message);
    return end;
  }

  async #perform(operation: Operation, signal?: AbortSignal): Promise<OperationResult> {
    const seq = this.#nextSeq;
    this.#nextSeq += 1;
    this.#log.append([{ seq, atMs: this.world.nowMs, op: operation }]);
    const cancel = (): void => {
      void this.#perform({ kind: 'cancel', seq });
    };
    signal?.addEventListener('abort', cancel, { once: true });
    const what =
      operation.kind === 'run' ? `${operation.machine}: ${operation.argv.join(' ')}` : operation.kind;
    const result = await this.#pump.perform<OperationResult>(what, (finish) => {
      begin(this.world, this.#running, seq, operation, (outcome) => {
        this.#log.append([{ seq, doneAtMs: this.world.nowMs }]);
        finish(outcome);
      });
    });
    signal?.removeEventListener('abort', cancel);
    if (result.kind === 'no-machine') throw noMachine(result.machine);
    return result;
  }
}

function noMachine(name: string): UserError {
  return new UserError({
    code: 'no-such-machine',
    message: `this lab has no machine named ${name}`,
    remedy: 'list the machines with: homelab status',
  });
}
