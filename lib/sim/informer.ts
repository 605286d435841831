/**
 * client-go's informer: a list and then a watch of one kind of object, kept as a local copy. The copy goes stale
 * while the API server cannot be reached, which is how real controllers come to act on old facts.
 */
import { itemsOf, type ApiClient } from './api-client.js';
import { watch, type WatchEvent } from './api/watch.js';
import { nodeOf } from './etcd-keyspace.js';
import { View, type Follower } from './informer-view.js';
import type { KubeList, KubeObject } from './objects.js';
import { Signal, sleep, type Sim } from './task.js';

export interface InformerOptions {
  readonly name: string;
  /** Asked before every request; null while there are no credentials yet. */
  readonly client: () => ApiClient | null;
  /** Path of the list with its selectors: `/api/v1/pods?fieldSelector=spec.nodeName=w-1`. */
  readonly path: string;
}

/** An object by what its dependants know of it. */
interface Owner {
  readonly metadata: { readonly uid?: string };
}

interface Owned {
  readonly items: Map<string, KubeObject>;
  /** The informer's version at the last change of one of them. */
  version: number;
}

const REQUEST_TIMEOUT_MS = 30_000;
const FIRST_RETRY_MS = 800;
const LONGEST_RETRY_MS = 30_000;

export class Informer {
  /** By `namespace/name`, or by name for what has no namespace. */
  readonly items: ReadonlyMap<string, KubeObject>;
  /** Keys of the Leases that somebody renews at this time. */
  readonly renewing = new Set<string>();
  readonly changed: Signal;
  /** True once the first list was answered. */
  synced = false;
  readonly #options: InformerOptions;
  readonly #items = new Map<string, KubeObject>();
  /** The items by the uid of each of their owners, in the order of `items`. */
  readonly #owned = new Map<string, Owned>();
  /** The items by the node that they are bound to; those of none by the empty name. */
  readonly #onNode = new Map<string, Map<string, KubeObject>>();
  readonly #uids = new Set<string>();
  readonly #followers = new Set<Follower>();
  /** Counts every change of an item. */
  #version = 0;
  #listed = 0;
  #membership = 0;

  constructor(options: InformerOptions) {
    this.#options = options;
    this.items = this.#items;
    this.changed = new Signal(`informer of ${options.name}`);
  }

  /** Lists and watches until its process ends. */
  *run(): Sim<never> {
    let retryMs = FIRST_RETRY_MS;
    for (;;) {
      const version = yield* this.#list();
      if (version === null) {
        yield* sleep(retryMs);
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
        continue;
      }
      retryMs = FIRST_RETRY_MS;
      yield* this.#watch(version);
      yield* sleep(FIRST_RETRY_MS);
    }
  }

  /** Takes in what its owner has just written, before the watch tells it. */
  learn(object: KubeObject): void {
    const key = keyOf(object);
    const known = this.items.get(key);
    // An answer may come after the watch told of a later change.
    if (known !== undefined && versionOf(known) > versionOf(object)) return;
    this.#set(key, object);
  }

  /** The items that belong to an object, without a look at all the others. */
  ownedBy(owner: Owner): KubeObject[] {
    return [...(this.#owned.get(owner.metadata.uid ?? '')?.items.values() ?? [])];
  }

  /** The uids of objects that own items, whether they are there or not. */
  owners(): string[] {
    return [...this.#owned].flatMap(([uid, { items }]) => (items.size > 0 ? [uid] : []));
  }

  hasUid(uid: string): boolean {
    return this.#uids.has(uid);
  }

  /** What `make` makes of each item, from now on until it is let go; `make` may look at nothing but the item. */
  view<T>(make: (item: KubeObject) => T | null): View<T> {
    return this.follow(new View(make));
  }

  /** Tells `follower` of all items that there are, and of their changes until it is let go. */
  follow<F extends Follower>(follower: F): F {
    for (const [key, item] of this.#items) follower.set(key, item);
    this.#followers.add(follower);
    return follower;
  }

  letGo(follower: Follower): void {
    this.#followers.delete(follower);
  }

  /** Pods bound to a node, or those that wait for one when the name is empty, in the order of `items`. */
  onNode(name: string): KubeObject[] {
    return [...(this.#onNode.get(name)?.values() ?? [])];
  }

  /** Names of the nodes that pods are bound to. */
  boundNodes(): string[] {
    return [...this.#onNode.keys()].filter((name) => name !== '');
  }

  /** Grows with every change of an item; the same number means that nothing has changed. */
  get version(): number {
    return this.#version;
  }

  /** Grows when an item comes or goes, or gets other owners. */
  get membership(): number {
    return this.#membership;
  }

  /** Like `version`, of what belongs to an object. */
  ownedVersion(owner: KubeObject): number {
    return this.#owned.get(owner.metadata.uid ?? '')?.version ?? this.#listed;
  }

  #set(key: string, object: KubeObject): void {
    const known = this.#items.get(key);
    const owners = ownersOf(object);
    const lost = ownersOf(known).filter((uid) => !owners.includes(uid));
    const isOwnedAnew = lost.length > 0 || owners.length !== ownersOf(known).length;
    if (known === undefined || isOwnedAnew) this.#membership += 1;
    this.#version += 1;
    this.#place(key, known, object);
    for (const uid of lost) this.#disown(uid, key);
    for (const uid of owners) {
      const owned = this.#owned.get(uid) ?? { items: new Map<string, KubeObject>(), version: 0 };
      owned.items.set(key, object);
      owned.version = this.#version;
      this.#owned.set(uid, owned);
    }
    this.#items.set(key, object);
    if (known?.metadata.uid !== object.metadata.uid) this.#uids.delete(known?.metadata.uid ?? '');
    this.#uids.add(object.metadata.uid ?? '');
    for (const follower of this.#followers) follower.set(key, object);
  }

  #delete(key: string): void {
    this.#version += 1;
    this.#membership += 1;
    this.#place(key, this.#items.get(key), undefined);
    const known = this.#items.get(key);
    for (const uid of ownersOf(known)) this.#disown(uid, key);
    this.#uids.delete(known?.metadata.uid ?? '');
    this.#items.delete(key);
    for (const follower of this.#followers) follower.delete(key);
  }

  #place(key: string, before: KubeObject | undefined, after: KubeObject | undefined): void {
    const from = before === undefined ? null : (nodeOf(before) ?? '');
    const to = after === undefined ? null : (nodeOf(after) ?? '');
    if (from !== null && from !== to) {
      const there = this.#onNode.get(from);
      there?.delete(key);
      if (there?.size === 0) this.#onNode.delete(from);
    }
    if (to === null || after === undefined) return;
    const there = this.#onNode.get(to) ?? new Map<string, KubeObject>();
    there.set(key, after);
    this.#onNode.set(to, there);
  }

  #disown(uid: string, key: string): void {
    const owned = this.#owned.get(uid);
    if (owned === undefined) return;
    owned.items.delete(key);
    owned.version = this.#version;
  }

  *#list(): Sim<string | null> {
    const client = this.#options.client();
    if (client === null) return null;
    const answer = yield* client.request('GET', this.#options.path, undefined, REQUEST_TIMEOUT_MS);
    if (answer.kind !== 'ok') return null;
    this.#items.clear();
    this.#owned.clear();
    this.#onNode.clear();
    this.#uids.clear();
    for (const follower of this.#followers) follower.clear();
    this.#version += 1;
    this.#membership += 1;
    this.#listed = this.#version;
    this.renewing.clear();
    for (const item of itemsOf(answer)) this.#set(keyOf(item), item);
    const list = answer.body as KubeList & { readonly renewing?: readonly string[] };
    for (const key of list.renewing ?? []) this.renewing.add(key);
    this.synced = true;
    this.changed.fire();
    return list.metadata.resourceVersion;
  }

  /** Returns when the watch broke, and the copy must be listed again. */
  *#watch(since: string): Sim<void> {
    const client = this.#options.client();
    if (client === null) return;
    yield* watch(client, this.#options.path, since, (events) => {
      for (const event of events) this.#apply(event);
      this.changed.fire();
      return false;
    });
  }

  #apply(event: WatchEvent): void {
    const key = keyOf(event.object);
    if (event.type === 'DELETED') this.#delete(key);
    else this.learn(event.object);
    if (event.type !== 'DELETED' && event.renewing === true) this.renewing.add(key);
    else this.renewing.delete(key);
  }
}

function ownersOf(object: KubeObject | undefined): readonly string[] {
  return (object?.metadata.ownerReferences ?? []).map((owner) => owner.uid);
}

function versionOf(object: KubeObject): number {
  return Number(object.metadata.resourceVersion ?? '0');
}

export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}
