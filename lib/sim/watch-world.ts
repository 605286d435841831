/**
 * Tells an onlooker of every event that changed what is seen. After each event only counters are compared, those of
 * the things that `observeWorld` reads; where one of them moved, the world is looked at, and what did not change is
 * the same object as before.
 */
import { observeWorld, type Endpoint, type KnownObjects, type ObservedWorld } from './observe.js';
import { keepSame } from './keep-same.js';
import type { World } from './world.js';

/** Calls `onChange` at once and after each event that changed something, until the returned function is called. */
export function watchWorld(
  world: World,
  endpoint: Endpoint,
  onChange: (seen: ObservedWorld) => void,
): () => void {
  const marks = new Marks(world);
  marks.moved();
  const known: KnownObjects = { nodes: new WeakMap(), pods: new WeakMap() };
  let last = observeWorld(world, endpoint, known);
  onChange(last);
  const look = (): void => {
    if (!marks.moved()) return;
    const now = observeWorld(world, endpoint, known);
    const seen = keepSame({ ...last, atMs: now.atMs }, now);
    if (isSame(last, seen)) return;
    last = seen;
    onChange(seen);
  };
  world.scheduler.onlookers.add(look);
  return () => {
    world.scheduler.onlookers.delete(look);
  };
}

function isSame(a: ObservedWorld, b: ObservedWorld): boolean {
  return (Object.keys(b) as (keyof ObservedWorld)[]).every((key) => key === 'atMs' || a[key] === b[key]);
}

/** Counters that move whenever something moves that can be seen. They may also move without that. */
class Marks {
  readonly #world: World;
  readonly #marks: number[] = [];
  #length = 0;
  #moved = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** Did anything move since this was asked last? */
  moved(): boolean {
    const { network, balanced, machines, etcdClusters, apiServers } = this.#world;
    this.#moved = false;
    this.#length = 0;
    this.#note(network.changed.count);
    this.#note(balanced);
    for (const { portsChanged, containers } of machines.values()) {
      this.#note(portsChanged.count);
      this.#note(containers.changed.count);
    }
    for (const { changed, space, nodes } of etcdClusters.values()) {
      this.#note(changed.count);
      this.#note(nodes.size);
      this.#note(space.lastChangeOf('nodes'));
      this.#note(space.lastChangeOf('pods'));
    }
    for (const { options, healthChanged, etcd } of apiServers.values()) {
      this.#note(options.process.running ? options.process.pid : 0);
      this.#note(healthChanged.count);
      this.#note(etcd.changed.count);
    }
    if (this.#length !== this.#marks.length) {
      this.#marks.length = this.#length;
      this.#moved = true;
    }
    return this.#moved;
  }

  #note(count: number): void {
    if (this.#marks[this.#length] !== count) {
      this.#marks[this.#length] = count;
      this.#moved = true;
    }
    this.#length += 1;
  }
}
