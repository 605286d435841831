/**
 * What somebody makes of every item of an informer, kept up to date one changed item at a time: client-go's
 * indexers. A controller that looks through such a view costs as much as what changed, however large the lab is.
 */
import type { KubeObject } from './objects.js';

/** Who is told of every item that is set or gone. */
export interface Follower {
  set(key: string, item: KubeObject): void;
  delete(key: string): void;
  clear(): void;
}

/** Values are compared by identity, so that a view of plain values tells what has not changed for its reader. */
export class View<T> implements Follower {
  /** By the item's key; items of which nothing is made are left out. */
  readonly values: ReadonlyMap<string, T>;
  readonly #values = new Map<string, T>();
  readonly #make: (item: KubeObject) => T | null;
  #version = 0;

  constructor(make: (item: KubeObject) => T | null) {
    this.#make = make;
    this.values = this.#values;
  }

  /** Grows with every value that changes. */
  get version(): number {
    return this.#version;
  }

  set(key: string, item: KubeObject): void {
    const value = this.#make(item);
    if (value === null) {
      this.delete(key);
      return;
    }
    if (this.#values.get(key) === value) return;
    this.#values.set(key, value);
    this.#version += 1;
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#version += 1;
  }

  clear(): void {
    if (this.#values.size > 0) this.#version += 1;
    this.#values.clear();
  }
}
