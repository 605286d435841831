/**
 * containerd as far as pods go: images on the disk, pod sandboxes and their containers. What it remembers of ended
 * containers survives a power cut, as its database does; the containers themselves do not. Snapshots, cgroups and
 * network namespaces are not modelled. Registries answer as long as the machine finds their address.
 */
import type { Prng } from '../base/prng.js';
import { must } from '../base/errors.js';
import { sha256Hex } from '../base/digest.js';
import type { ContainerSpec } from './container.js';
import { ContainerLog } from './container-log.js';
import { parentOf } from './disk.js';
import { IMAGE_STORE } from './image.js';
import { reachRegistry } from './image-registry.js';
import type { Machine } from './machine.js';
import { endProcess, type Process, type Program } from './process.js';
import { join, Signal, sleep, waitFor, type Sim, type Task } from './task.js';

export interface Sandbox {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Where the kubelet has the pod from: a manifest on the disk or the API server. */
  readonly source: 'file' | 'api';
  /** Counts the sandboxes of one pod. */
  readonly attempt: number;
  readonly createdMs: number;
  ready: boolean;
  removed: boolean;
  /** Fires when it was removed. */
  readonly gone: Signal;
  /** The pod's address when it has one of its own. */
  readonly address: string | null;
}

export interface Container {
  readonly id: string;
  readonly sandbox: Sandbox;
  readonly name: string;
  readonly image: string;
  /** Counts the containers of that name in one pod: kubectl's RESTARTS. */
  readonly attempt: number;
  /** Digest of what it was started from, by which a kubelet knows its own containers again. */
  readonly hash: string;
  readonly process: Process;
  readonly spec: ContainerSpec;
  readonly startedMs: number;
  /** Null while it runs. */
  finishedMs: number | null;
  exitCode: number | null;
}

export interface ContainerStart {
  readonly sandbox: Sandbox;
  readonly spec: ContainerSpec;
  readonly attempt: number;
  readonly hash: string;
}

/** What a pulled image takes on the disk once it is unpacked, on average. An estimate. */
const IMAGE_BYTES = 100_000_000;
const LAYERS = '/var/lib/containerd/layers';

export const CONTAINERD_DOWN =
  'rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: ' +
  'dial unix /var/run/containerd/containerd.sock: connect: no such file or directory"';

export class ContainerRuntime {
  /** Fires when a sandbox or a container was made, ended or removed. */
  readonly changed: Signal;
  readonly #machine: Machine;
  readonly #prng: Prng;
  readonly #pulls = new Map<string, Task<string | null>>();
  #sandboxes: Sandbox[] = [];
  #containers: Container[] = [];

  constructor(machine: Machine) {
    this.#machine = machine;
    this.#prng = machine.prng.fork('containerd');
    this.changed = new Signal(`containers of ${machine.name}`);
  }

  /** True while containerd answers on its socket. */
  get serving(): boolean {
    return this.#machine.units.process('containerd')?.stopped === false;
  }

  /** In order of creation. */
  get sandboxes(): readonly Sandbox[] {
    return this.#sandboxes;
  }

  /** Running ones and the last ended one of each name, in order of creation. */
  get containers(): readonly Container[] {
    return this.#containers;
  }

  images(): string[] {
    return (this.#machine.disk.read(IMAGE_STORE) ?? '').split('\n').filter((line) => line !== '');
  }

  /** Pulls an image unless it is there; one pull at a time for each image. Null when it is there now. */
  *pull(reference: string): Sim<string | null> {
    if (!this.serving) return CONTAINERD_DOWN;
    if (this.images().includes(reference)) return null;
    const { world, units } = this.#machine;
    const daemon = must(units.process('containerd'), 'containerd serves without a process');
    const pull =
      this.#pulls.get(reference) ??
      world.scheduler.spawn(daemon.group, `pull ${reference}`, this.#download(reference));
    this.#pulls.set(reference, pull);
    yield* join(pull);
    this.#pulls.delete(reference);
    if (this.images().includes(reference)) return null;
    return pull.state === 'ended' ? (pull.result ?? CONTAINERD_DOWN) : CONTAINERD_DOWN;
  }

  /** Null when the image is there, or containerd's words for what went wrong. */
  *#download(reference: string): Sim<string | null> {
    const { world } = this.#machine;
    const failed = `rpc error: code = Unknown desc = failed to pull and unpack image "${reference}": `;
    const problem = yield* reachRegistry(this.#machine, reference);
    if (problem !== null) return failed + problem;
    yield* sleep(world.draw('imagePull', this.#prng));
    const unkept = this.#keep(reference);
    return unkept === null ? null : failed + unkept;
  }

  /** Unpacks an image out of an archive. Null when it is there, or containerd's words for what went wrong. */
  *unpack(reference: string): Sim<string | null> {
    const { world } = this.#machine;
    yield* sleep(world.draw('imageUnpack', this.#prng));
    return this.#keep(reference);
  }

  /** False when there is no such image. What runs goes on. */
  forget(reference: string): boolean {
    const { disk } = this.#machine;
    const images = this.images();
    if (!images.includes(reference)) return false;
    disk.write(IMAGE_STORE, images.filter((one) => one !== reference).join('\n') + '\n');
    disk.remove(`${LAYERS}/${sha256Hex(reference)}`);
    return true;
  }

  #keep(reference: string): string | null {
    const { disk } = this.#machine;
    disk.makeDirectories(LAYERS);
    const layers = `${LAYERS}/${sha256Hex(reference)}`;
    if (disk.write(layers, '', { size: IMAGE_BYTES }) !== null) {
      return `failed to extract layer: write ${layers}: no space left on device`;
    }
    const images = this.images();
    if (!images.includes(reference)) disk.write(IMAGE_STORE, `${[...images, reference].join('\n')}\n`);
    return null;
  }

  createSandbox(wanted: Pick<Sandbox, 'namespace' | 'name' | 'uid' | 'source' | 'address'>): Sandbox {
    const earlier = this.#sandboxes.filter((sandbox) => sandbox.uid === wanted.uid);
    const sandbox: Sandbox = {
      ...wanted,
      id: this.#prng.hex(64),
      attempt: earlier.length === 0 ? 0 : Math.max(...earlier.map((one) => one.attempt)) + 1,
      createdMs: this.#machine.world.nowMs,
      ready: true,
      removed: false,
      gone: new Signal(`sandbox of ${wanted.name}`),
    };
    this.#sandboxes.push(sandbox);
    this.changed.fire();
    return sandbox;
  }

  /** Makes and starts a container. A mounted host path that is missing becomes a directory, as containerd does it. */
  *start(wanted: ContainerStart): Sim<Container> {
    const { spec, sandbox } = wanted;
    yield* sleep(this.#machine.world.draw('containerStart', this.#prng));
    const { disk, world } = this.#machine;
    for (const mount of spec.mounts) if (!disk.exists(mount.hostPath)) disk.makeDirectories(mount.hostPath);
    const program = world.options.containers.get(imageName(spec.image)) ?? plainContainer;
    const log = new ContainerLog(this.#machine, sandbox, spec.name, wanted.attempt);
    const process = this.#machine.run(spec.name, program, spec.argv, {
      env: spec.env,
      container: spec,
      commandLine: (spec.ownCommand ? spec.argv : [`/${spec.name}`, ...spec.argv]).join(' '),
      output: (stream, text) => {
        log.write(stream, text);
      },
    });
    const container: Container = {
      id: this.#prng.hex(64),
      sandbox,
      name: spec.name,
      image: spec.image,
      attempt: wanted.attempt,
      hash: wanted.hash,
      process,
      spec,
      startedMs: world.nowMs,
      finishedMs: null,
      exitCode: null,
    };
    this.#containers = this.#containers.filter((one) => !replaces(container, one));
    this.#containers.push(container);
    world.scheduler.spawn(this.#machine.group, `shim of ${spec.name}`, this.#shim(container));
    this.changed.fire();
    return container;
  }

  /** The shim outlives containerd and the kubelet, and notes how its container ended. */
  *#shim(container: Container): Sim<void> {
    while (container.process.running) yield* waitFor([container.process.exited]);
    this.noteEnd(container);
    this.changed.fire();
  }

  /** Notes when and how a container ended, for whoever hears of it first. */
  noteEnd(container: Container): void {
    if (container.finishedMs !== null) return;
    container.finishedMs = this.#machine.world.nowMs;
    container.exitCode = container.process.exitCode ?? 255;
  }

  /** SIGTERM, and SIGKILL when it still runs after `graceMs`; SIGKILL at once when that is 0. */
  *stop(container: Container, graceMs: number): Sim<void> {
    if (graceMs === 0) container.process.kill('SIGKILL');
    else yield* endProcess(container.process, graceMs);
    this.noteEnd(container);
    this.changed.fire();
  }

  /** Stops what still runs in a sandbox, and forgets it. */
  *removeSandbox(sandbox: Sandbox, graceMs: number): Sim<void> {
    const running = this.#containers.filter((one) => one.sandbox === sandbox && one.process.running);
    const { scheduler } = this.#machine.world;
    const stops = running.map((one) =>
      scheduler.spawn(this.#machine.group, `stop ${one.name}`, this.stop(one, graceMs)),
    );
    for (const stop of stops) yield* join(stop);
    sandbox.ready = false;
    sandbox.removed = true;
    sandbox.gone.fire();
    this.#sandboxes = this.#sandboxes.filter((one) => one !== sandbox);
    this.#containers = this.#containers.filter((one) => one.sandbox !== sandbox);
    this.changed.fire();
  }

  /** `crictl stopp` and `rmp` for every pod: SIGKILL, so that nothing can tidy up after itself. Logs stay. */
  *removeAllPods(): Sim<void> {
    for (const sandbox of [...this.#sandboxes]) yield* this.removeSandbox(sandbox, 0);
  }

  /** What containerd finds in its database after the power was gone: everything ended, nobody knows how. */
  losePower(): void {
    this.#pulls.clear();
    for (const sandbox of this.#sandboxes) sandbox.ready = false;
    for (const container of this.#containers) {
      if (container.finishedMs !== null) continue;
      container.finishedMs = this.#machine.world.nowMs;
      container.exitCode = 255;
    }
  }
}

/** An earlier container of the same name in the same pod is dropped once the next one runs. */
function replaces(next: Container, earlier: Container): boolean {
  return earlier.name === next.name && earlier.sandbox.uid === next.sandbox.uid;
}

/** `registry.k8s.io/etcd:3.5.15-0` → `registry.k8s.io/etcd`; a digest goes the same way. */
export function imageName(reference: string): string {
  const bare = reference.split('@')[0] ?? reference;
  const cut = bare.lastIndexOf(':');
  return cut > bare.lastIndexOf('/') ? bare.slice(0, cut) : bare;
}

/** The unit's program: it holds the socket, the containers live on without it. */
export const containerd: Program = function* run(call) {
  call.machine.disk.makeDirectories(parentOf(IMAGE_STORE));
  call.machine.containers.changed.fire();
  for (;;) yield* waitFor([call.process.terminate]);
};

/** A container of an image that has no program of its own: it runs until it is told to stop. */
const plainContainer: Program = function* run(call) {
  for (;;) yield* waitFor([call.process.terminate]);
};
