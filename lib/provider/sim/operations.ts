/**
 * Everything that can be done to a simulated world from outside, as plain data, and how each begins. The world's
 * log holds these, so an operation must mean the same whenever it is played: it may read the world, its own
 * fields and nothing else.
 */
import { fromBase64Bytes } from '../../base/base64.js';
import type { MachineSpec } from '../../model/lab.js';
import type { NodeImage } from '../../sim/image.js';
import {
  createMachine,
  cutMachine,
  destroyMachine,
  haltMachine,
  pauseMachine,
  resumeMachine,
  slowDisk,
  startMachine,
} from '../../sim/power.js';
import { join, type Sim, type Task } from '../../sim/task.js';
import type { World } from '../../sim/world.js';
import type { MachineReport, PowerAction } from '../provider.js';
import { endText, operationText } from './operation-text.js';
import { readSession, runSession, sendSession, writeSession, type SessionEnd } from './session.js';

export type FaultAction = 'cut' | 'halt' | 'start';

export type Operation =
  | { readonly kind: 'create'; readonly machines: readonly MachineSpec[]; readonly image: NodeImage }
  | { readonly kind: 'power'; readonly machine: string; readonly action: PowerAction }
  | { readonly kind: 'pause' | 'resume'; readonly machine: string }
  | { readonly kind: 'link'; readonly machine: string; readonly state: 'up' | 'down' }
  | { readonly kind: 'disk'; readonly machine: string; readonly latencyMs: number }
  | { readonly kind: 'destroy'; readonly machines: readonly string[] }
  /** Gives every etcd a database of at least this size: of a copy that stands for a lab with a past. */
  | { readonly kind: 'etcd-size'; readonly bytes: number }
  | {
      readonly kind: 'run';
      readonly machine: string;
      readonly argv: readonly string[];
      /** Base64. */
      readonly stdin: string;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'read'; readonly machine: string; readonly path: string; readonly timeoutMs: number }
  | {
      readonly kind: 'write';
      readonly machine: string;
      readonly path: string;
      /** Base64. */
      readonly content: string;
      readonly mode: number;
      readonly owner: string;
      readonly timeoutMs: number;
    }
  | SendOperation
  /** Ends the remote program of operation `seq`. */
  | { readonly kind: 'cancel'; readonly seq: number }
  /** A fault that was planned ahead: happens at `dueMs`, whatever is going on then. */
  | {
      readonly kind: 'fault';
      readonly dueMs: number;
      readonly machine: string;
      readonly action: FaultAction;
    };

/** A large file on its way to a machine. */
export interface SendOperation {
  readonly kind: 'send';
  readonly machine: string;
  readonly path: string;
  /** What stands on the simulated disk in the place of its bytes. */
  readonly text: string;
  readonly size: number;
  readonly sha256: string;
  readonly mode: number;
  readonly owner: string;
  readonly timeoutMs: number;
  /** Never in a log: its connection went with the process that sent it, before all of it was there. */
  readonly cutShort?: boolean;
}

export type OperationResult =
  | { readonly kind: 'session'; readonly end: SessionEnd }
  | { readonly kind: 'reports'; readonly reports: readonly MachineReport[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'no-machine'; readonly machine: string };

/** What is under way, so that it can be cancelled by its number. */
export type Running = Map<number, Task<SessionEnd>>;

/** Begins an operation inside the world at the present moment and calls `finish` when it is over. */
export function begin(
  world: World,
  running: Running,
  seq: number,
  operation: Operation,
  finish: (result: OperationResult) => void,
): void {
  const { scheduler } = world;
  const missing = missingMachine(world, operation);
  if (missing !== null) {
    finish({ kind: 'no-machine', machine: missing });
    return;
  }
  const machine = 'machine' in operation && operation.kind !== 'fault' ? operation.machine : null;
  const detail = { operation: seq };
  world.emit(machine, 'operator', operationText(operation), detail);
  if (operation.kind === 'fault') {
    // At once: an operation that begins at the fault's moment comes after it, also when the log is played.
    scheduleFault(world, operation);
    finish({ kind: 'done' });
    return;
  }
  const acted: Acted = operation;
  function* perform(): Sim<void> {
    const result = yield* act(world, running, seq, acted);
    if (result.kind === 'session') world.emit(machine, 'operator', endText(result.end), detail);
    finish(result);
  }
  scheduler.spawn(world.group, `operation ${seq}: ${operation.kind}`, perform());
}

function missingMachine(world: World, operation: Operation): string | null {
  if (!('machine' in operation) || operation.kind === 'fault') return null;
  return operation.machine === 'host' || world.machines.has(operation.machine) ? null : operation.machine;
}

type Acted = Exclude<Operation, { readonly kind: 'fault' }>;

function* act(world: World, running: Running, seq: number, operation: Acted): Sim<OperationResult> {
  switch (operation.kind) {
    case 'create':
      return { kind: 'reports', reports: yield* createAll(world, operation.machines, operation.image) };
    case 'power':
      yield* power(world, operation.machine, operation.action);
      return { kind: 'done' };
    case 'pause':
      pauseMachine(world.machine(operation.machine));
      return { kind: 'done' };
    case 'resume':
      resumeMachine(world.machine(operation.machine));
      return { kind: 'done' };
    case 'link':
      world.network.setLink(world.machine(operation.machine), operation.state === 'up');
      return { kind: 'done' };
    case 'disk':
      slowDisk(world.machine(operation.machine), operation.latencyMs);
      return { kind: 'done' };
    case 'etcd-size':
      for (const { size } of world.etcdClusters.values()) size.grow(operation.bytes);
      return { kind: 'done' };
    case 'destroy':
      yield* destroyAll(world, operation.machines);
      return { kind: 'done' };
    case 'run':
    case 'read':
    case 'write':
    case 'send':
      return { kind: 'session', end: yield* session(world, running, seq, operation) };
    case 'cancel':
      running.get(operation.seq)?.kill();
      return { kind: 'done' };
  }
}

type SessionOperation = Extract<Operation, { kind: 'run' | 'read' | 'write' | 'send' }>;

/** A session is a task of its own, so that it can be cancelled; what it started on the machine is then ended. */
function* session(world: World, running: Running, seq: number, operation: SessionOperation): Sim<SessionEnd> {
  const machine = world.machine(operation.machine);
  const task = world.scheduler.spawn(world.group, `session ${seq}`, sessionBody(operation, machine));
  running.set(seq, task);
  const end = yield* join(task);
  running.delete(seq);
  return end ?? { kind: 'cancelled' };
}

function sessionBody(operation: SessionOperation, machine: ReturnType<World['machine']>): Sim<SessionEnd> {
  switch (operation.kind) {
    case 'run':
      return runSession(machine, operation.argv, fromBase64Bytes(operation.stdin), operation.timeoutMs);
    case 'read':
      return readSession(machine, operation.path);
    case 'write':
      return writeSession(machine, { ...operation, content: fromBase64Bytes(operation.content) });
    case 'send':
      return sendSession(machine, operation);
  }
}

function* createAll(world: World, specs: readonly MachineSpec[], image: NodeImage): Sim<MachineReport[]> {
  const { prefixLength } = world.options;
  const tasks = specs.map((spec) => ({
    name: spec.name,
    task: world.scheduler.spawn(
      world.group,
      `create ${spec.name}`,
      createMachine(world, { ...spec, prefixLength }, image),
    ),
  }));
  const reports: MachineReport[] = [];
  for (const { name, task } of tasks) {
    const created = yield* join(task);
    const off = world.machines.get(name)?.power !== 'running';
    reports.push({
      name,
      created: created === true,
      error: off ? 'the machine lost its power while it booted' : null,
    });
  }
  return reports;
}

function* destroyAll(world: World, names: readonly string[]): Sim<void> {
  for (const name of names) {
    const machine = world.machines.get(name);
    if (machine !== undefined) yield* destroyMachine(world, machine);
  }
}

function* power(world: World, name: string, action: PowerAction): Sim<void> {
  const machine = world.machine(name);
  switch (action) {
    case 'start':
      return yield* startMachine(machine);
    case 'halt':
      return yield* haltMachine(machine);
    case 'cut':
      cutMachine(machine);
      return;
    case 'reboot':
      yield* haltMachine(machine);
      return yield* startMachine(machine);
  }
}

function scheduleFault(world: World, fault: Extract<Operation, { kind: 'fault' }>): void {
  world.scheduler.fromOutside(Math.max(fault.dueMs, world.nowMs), () => {
    const exists = world.machines.has(fault.machine);
    world.emit(fault.machine, 'fault', exists ? fault.action : `${fault.action} missed: no such machine`, {});
    if (!exists) return;
    world.scheduler.spawn(world.group, `fault ${fault.action}`, power(world, fault.machine, fault.action));
  });
}
