/**
 * The simulated world: time, one network, the operator's workstation and the machines. One seed fixes it all.
 * It knows programs and containers only as tables that it is given, and nothing of plans, sagas or faults to come.
 */
import { assert, must } from '../base/errors.js';
import { rfc3339 } from '../base/calendar.js';
import { Prng } from '../base/prng.js';
import type { ApiServer } from './apiserver-state.js';
import { Documents } from './documents.js';
import type { EtcdCluster } from './etcd-cluster.js';
import { Machine, type MachineOptions } from './machine.js';
import { Network } from './network.js';
import type { Process, Program } from './process.js';
import { EventQueue } from './queue.js';
import { Stations } from './stations.js';
import { Scheduler, TaskGroup } from './task.js';
import { drawTiming, type TimingName, type Timings } from '../model/timings.js';

/** One thing that happened, as plain data. The sequence of all of them is the trace. */
export interface TraceEvent {
  readonly atMs: number;
  /** Null for the world itself. */
  readonly machine: string | null;
  /** Such as `power`, `systemd`, `etcd`, `kube-vip`. */
  readonly service: string;
  readonly what: string;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
}

export interface WorldOptions {
  readonly seed: number;
  readonly timeScale: number;
  /** In place of entries of the timing table. */
  readonly timings?: Timings;
  /** Interface of the guests on the lab network. */
  readonly interfaceName: string;
  readonly prefixLength: number;
  /** The workstation's address on the lab network. */
  readonly hostAddress: string;
  /** Programs by the name of their file. */
  readonly programs: ReadonlyMap<string, Program>;
  /** What containers run, by image name without its tag. */
  readonly containers: ReadonlyMap<string, Program>;
  readonly onTrace?: (event: TraceEvent) => void;
}

/** Lab time 0 as a date, so that certificates and ages can be printed: 2026-01-01T00:00:00Z. */
export const EPOCH_UNIX_MS = 1_767_225_600_000;

export class World {
  readonly options: WorldOptions;
  readonly scheduler: Scheduler;
  readonly prng: Prng;
  readonly network: Network;
  readonly host: Machine;
  /** In order of creation. */
  readonly machines = new Map<string, Machine>();
  /** Replicated logs by cluster id: what the data directories with that id hold. */
  readonly etcdClusters = new Map<string, EtcdCluster>();
  /** The kube-apiserver that last ran on a machine, by the machine's name. */
  readonly apiServers = new Map<string, ApiServer>();
  /** The kubelet that last ran on a machine, by the machine's name. */
  readonly kubelets = new Map<string, { readonly process: Process; readonly version: string }>();
  readonly documents = new Documents();
  /** Tasks that belong to no machine: the hypervisor's and the operator's. */
  readonly group = new TaskGroup();
  /** Counts what balancers have found out about their servers, for onlookers. */
  balanced = 0;
  readonly #stations = new Stations();

  constructor(options: WorldOptions) {
    this.options = options;
    this.scheduler = new Scheduler(new EventQueue());
    this.prng = new Prng(options.seed);
    this.network = new Network({
      scheduler: this.scheduler,
      prng: this.prng.fork('network'),
      interfaceName: options.interfaceName,
      stations: this.#stations,
    });
    this.host = new Machine(this, {
      name: 'host',
      role: 'host',
      cpus: 8,
      memoryMiB: 65_536,
      address: options.hostAddress,
      prefixLength: options.prefixLength,
    });
    this.host.labNic.addresses.set(options.hostAddress, options.prefixLength);
    this.host.power = 'running';
    this.#stations.add(this.host);
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  get programs(): ReadonlyMap<string, Program> {
    return this.options.programs;
  }

  /** A machine that was created; a bug when it was not. */
  machine(name: string): Machine {
    return name === 'host' ? this.host : must(this.machines.get(name), `no machine ${name}`);
  }

  addMachine(options: MachineOptions): Machine {
    assert(!this.machines.has(options.name), `machine ${options.name} exists`);
    const machine = new Machine(this, options);
    this.machines.set(options.name, machine);
    this.#stations.add(machine);
    return machine;
  }

  removeMachine(machine: Machine): void {
    this.machines.delete(machine.name);
    this.#stations.remove(machine);
  }

  /** A duration of the timing table from the consumer's own stream, in ms, stretched by the lab's time scale. */
  draw(name: TimingName, prng: Prng): number {
    return drawTiming(name, prng, this.options.timeScale, this.options.timings);
  }

  /** The date of a moment of lab time, as RFC 3339. */
  date(labMs: number, fraction = false): string {
    return rfc3339(EPOCH_UNIX_MS + labMs, fraction);
  }

  emit(machine: string | null, service: string, what: string, detail: TraceEvent['detail']): void {
    this.options.onTrace?.({ atMs: this.scheduler.nowMs, machine, service, what, detail });
  }
}
