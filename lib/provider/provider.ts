/**
 * The contract between operations and machines. A saga touches the world through `Provider` and `Shell` only,
 * so that the same saga runs on the simulator and on virtual machines. The suite in
 * test/helpers/conformance.ts says in tests what these comments say in words.
 */
import type { Clock } from '../base/clock.js';
import { UserError, type Problem } from '../base/errors.js';
import type { MachineSpec, ProviderName } from '../model/lab.js';

/** The operator's workstation, attached to the lab network: what must be seen from outside runs there. */
export const HOST = 'host';

export type PowerState = 'absent' | 'off' | 'booting' | 'running' | 'paused';

/** A machine as observed, asked each time and never believed from a record. */
export interface MachineState {
  readonly name: string;
  readonly state: PowerState;
}

/** `halt` is a clean shutdown, `cut` pulls the plug, `reboot` is a clean restart. */
export type PowerAction = 'start' | 'halt' | 'cut' | 'reboot';

/** Powers beyond the four above. A provider lists what this host can do in `supported`. */
export type Power = 'pause' | 'link' | 'disk';

export interface Command {
  /** Program and arguments; never a shell line. */
  readonly argv: readonly string[];
  readonly stdin?: string | Uint8Array;
  /** Lab milliseconds until the remote program is ended and the result is `timedOut`. */
  readonly timeoutMs: number;
  /** Cancels the command: the remote program is ended and the result is `cancelled`. */
  readonly signal?: AbortSignal;
}

/**
 * How a command ended. `lost` means that the connection went after the command was sent: its effect is unknown,
 * and a probe must answer before it is sent again.
 */
export type CommandResult =
  | {
      readonly kind: 'exited';
      readonly code: number;
      /** Name of the signal that ended the program, such as `SIGKILL`; `code` is then 128 + its number. */
      readonly signal: string | null;
      readonly stdout: Uint8Array;
      readonly stderr: Uint8Array;
    }
  | {
      readonly kind: 'timedOut' | 'cancelled' | 'lost';
      readonly stdout: Uint8Array;
      readonly stderr: Uint8Array;
    };

export interface WriteOptions {
  /** Such as 0o600; default 0o644. */
  readonly mode?: number;
  /** `user:group`, default `root:root`. */
  readonly owner?: string;
  readonly timeoutMs: number;
}

/**
 * A file of the workstation that is too large to be kept in between: it is read when it is sent, and simulated
 * machines get what is said of it in place of its bytes.
 */
export interface LargeFile {
  readonly sha256: string;
  /** In bytes. */
  readonly size: number;
  readonly content: LargeContent;
  /** Throws a `UserError` when it is not what its digest says. */
  read(): Uint8Array;
}

/** What a large file is: a program of a version, or an archive of container images by their full names. */
export type LargeContent =
  { readonly program: string; readonly version: string } | { readonly images: readonly string[] };

/** Commands and files of one machine. Methods reject with `UnreachableError` when it was not reached at all. */
export interface Shell {
  readonly machine: string;
  run(command: Command): Promise<CommandResult>;
  /** The content, or null when there is no such file. Rejects with `FileError` for a directory. */
  readFile(path: string, options: { readonly timeoutMs: number }): Promise<Uint8Array | null>;
  /** Atomic: a temporary file beside the target's folder's file system, then a rename. Parent folders must exist. */
  writeFile(path: string, content: string | Uint8Array, options: WriteOptions): Promise<void>;
  /** As `writeFile`. One whose connection went before all of it was there has changed nothing. */
  sendFile(path: string, file: LargeFile, options: WriteOptions): Promise<void>;
}

/** The machine could not be connected to; nothing was sent. Always worth a retry. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  readonly machine: string;

  constructor(machine: string, reason: string) {
    super(`cannot reach ${machine}: ${reason}`);
    this.machine = machine;
  }
}

/** A file operation that the machine refused, with the machine's own words. */
export class FileError extends Error {
  override readonly name = 'FileError';
}

/** A power that this provider does not claim in `supported`. */
export class UnsupportedError extends UserError {
  constructor(provider: string, power: string) {
    super({
      code: 'unsupported',
      message: `the ${provider} provider does not support ${power} on this host`,
      remedy: 'Use a provider or a host that has this power.',
    });
  }
}

/** How the creation of one machine ended. `created` is true only when this call made it. */
export interface MachineReport {
  readonly name: string;
  readonly created: boolean;
  readonly error: string | null;
}

export interface CreateOptions {
  readonly signal?: AbortSignal;
  /** Told in plain words how far a machine is; for a person who waits, never for decisions. */
  readonly onProgress?: (machine: string, line: string) => void;
}

/** The image that a lab's machines are made from, where a provider has such a thing. */
export interface NodeImage {
  /** Such as `homelab/node-v1.31.4-0123456789ab`; another name when any of its inputs changes. */
  readonly name: string;
  isThere(): Promise<boolean>;
  /** Builds it when it is not there. Leaves nothing half-built behind when it fails or is cancelled. */
  build(options: {
    readonly signal?: AbortSignal;
    readonly onProgress?: (line: string) => void;
  }): Promise<void>;
  /** Idempotent. */
  remove(): Promise<void>;
}

/** Something of the lab that is still there after it should be gone. */
export interface Residue {
  readonly machine: string;
  /** Such as `domain`, `volume`, `network`, `file`, `process`, `address`, `etcd-member`, `node`. */
  readonly kind: string;
  readonly what: string;
}

export interface NodeObservation {
  readonly name: string;
  readonly ready: boolean;
  /** The kubelet's, such as `v1.31.4`. */
  readonly version: string;
  readonly schedulable: boolean;
}

export interface EtcdObservation {
  readonly name: string;
  /** False for a member that was added and has never come up. */
  readonly started: boolean;
  readonly learner: boolean;
  /** True when it answers a linearizable read, which needs a quorum. */
  readonly healthy: boolean;
}

export interface PodObservation {
  readonly namespace: string;
  readonly name: string;
  readonly node: string | null;
  /** `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`. */
  readonly phase: string;
  readonly ready: boolean;
  readonly restarts: number;
}

/** What nobody can see from outside. Experiments judge by it what must never happen; nothing may act on it. */
export interface GroundTruth {
  /** Members that hold themselves for the leader, of every etcd cluster there ever was, with their terms. */
  readonly leaders: readonly { readonly cluster: string; readonly machine: string; readonly term: number }[];
  /** Voters of the cluster that is observed: whether the process runs, on a machine that answers. */
  readonly voters: readonly { readonly machine: string; readonly live: boolean }[];
  /** Version of the kubelet that runs on a machine, and of the API server, whatever is installed there. */
  readonly kubelets: Readonly<Record<string, string>>;
  readonly apiServers: Readonly<Record<string, string>>;
  /** Machines on which a running container mounts super-admin.conf. */
  readonly superAdmin: readonly string[];
}

/** What an onlooker sees at one moment, as plain data. What cannot be read is null, with a line in `reasons`. */
export interface Observation {
  readonly atMs: number;
  readonly machines: readonly MachineState[];
  readonly nodes: readonly NodeObservation[] | null;
  readonly etcd: {
    readonly members: readonly EtcdObservation[] | null;
    readonly leader: string | null;
    /** True when writes are possible now. */
    readonly quorum: boolean;
    /** Voters that may still fail before quorum is lost; negative when it is lost already. */
    readonly tolerance: number;
  };
  /** Names of the machines that carry the VIP on their interface at this moment; null where the lab has no VIP. */
  readonly vipHolders: readonly string[] | null;
  /** Does the API answer `/readyz` with 200: through the lab's endpoint, and at each control plane by name. */
  readonly api: { readonly endpoint: boolean; readonly nodes: Readonly<Record<string, boolean>> };
  readonly pods: readonly PodObservation[] | null;
  /** Null where there is no all-seeing observer: everywhere but in the simulator. */
  readonly truth: GroundTruth | null;
  readonly reasons: readonly string[];
}

/** Somebody looks on. Whoever began it stops it before the provider is closed. */
export interface Watching {
  /** True when every change was told at its moment; false when the lab was only looked at from time to time. */
  readonly exact: boolean;
  /** Lab milliseconds from one look to the next; 0 where every change is told. */
  readonly everyMs: number;
  /** Looks that failed so far, and why: of these moments nothing was told. */
  readonly gaps: readonly string[];
  /** Nothing is told any more once this is called. Idempotent. */
  stop(): Promise<void>;
}

export interface Provider {
  readonly name: ProviderName;
  readonly supported: readonly Power[];
  readonly clock: Clock;
  /** What stands in the way of `create`, all at once; empty when nothing does. Changes nothing. */
  preflight(specs: readonly MachineSpec[]): Promise<readonly Problem[]>;
  /** Makes and starts the whole set. Idempotent: machines that are there already are started, not made again. */
  create(specs: readonly MachineSpec[], options: CreateOptions): Promise<readonly MachineReport[]>;
  machines(): Promise<readonly MachineState[]>;
  /** Returns when the action has taken effect; `start` and `reboot` return when the machine answers on its shell. */
  power(name: string, action: PowerAction, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Destroys the named machines with their disks. Idempotent. */
  destroy(names: readonly string[]): Promise<void>;
  /** The shell of a machine, or of the workstation by the name `host`. Does not connect yet. */
  shell(machine: string): Shell;
  /** Sees the lab without touching it: in the simulator without an event, a random draw or lab time of its own. */
  observe(): Promise<Observation>;
  /**
   * Tells of every moment at which something an onlooker sees has changed: at once, then after each change. In the
   * simulator that is after the event that changed it, and costs no event, no draw and no lab time; real machines are
   * asked every few seconds. `onChange` must not act on the lab.
   */
  watch(onChange: (seen: Observation) => void): Watching;
  /** What of the lab is still on the host. */
  residue(): Promise<readonly Residue[]>;
  pause?(name: string): Promise<void>;
  resume?(name: string): Promise<void>;
  link?(name: string, state: 'up' | 'down'): Promise<void>;
  /** Makes every flush of the machine's disk take this much longer from now on; 0 ends it. */
  disk?(name: string, options: { readonly latencyMs: number }): Promise<void>;
  /** Null or left out where machines need no image, or where the lab names a box of the user's own. */
  readonly image?: NodeImage | null;
  /** Lets go of connections and files. The lab stays. */
  close(): Promise<void>;
}
