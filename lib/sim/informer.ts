/**
 * client-go's informer: a list and then a watch of one kind of object, kept as a local copy. The copy goes stale
 * while the API server cannot be reached, which is how real controllers come to act on old facts.
 */
import { itemsOf, type ApiClient } from './api-client.js';
import { watchNext, type WatchEvent } from './api/watch.js';
import type { KubeList, KubeObject } from './objects.js';
import { Signal, sleep, type Sim } from './task.js';

export interface InformerOptions {
  readonly name: string;
  /** Asked before every request; null while there are no credentials yet. */
  readonly client: () => ApiClient | null;
  /** Path of the list with its selectors: `/api/v1/pods?fieldSelector=spec.nodeName=w-1`. */
  readonly path: string;
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
  readonly #owned = new Map<string, Map<string, KubeObject>>();

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
  ownedBy(owner: KubeObject): KubeObject[] {
    return [...(this.#owned.get(owner.metadata.uid ?? '')?.values() ?? [])];
  }

  #set(key: string, object: KubeObject): void {
    const before = ownersOf(this.#items.get(key));
    const owners = ownersOf(object);
    for (const uid of before) if (!owners.includes(uid)) this.#owned.get(uid)?.delete(key);
    for (const uid of owners) {
      const owned = this.#owned.get(uid);
      if (owned === undefined) this.#owned.set(uid, new Map([[key, object]]));
      else owned.set(key, object);
    }
    this.#items.set(key, object);
  }

  #delete(key: string): void {
    for (const uid of ownersOf(this.#items.get(key))) {
      const owned = this.#owned.get(uid);
      owned?.delete(key);
      if (owned?.size === 0) this.#owned.delete(uid);
    }
    this.#items.delete(key);
  }

  *#list(): Sim<string | null> {
    const client = this.#options.client();
    if (client === null) return null;
    const answer = yield* client.request('GET', this.#options.path, undefined, REQUEST_TIMEOUT_MS);
    if (answer.kind !== 'ok') return null;
    this.#items.clear();
    this.#owned.clear();
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
    let version = since;
    for (;;) {
      const client = this.#options.client();
      if (client === null) return;
      const answer = yield* watchNext(client, this.#options.path, version);
      if (answer.kind !== 'events') return;
      const { events, resourceVersion } = answer;
      for (const event of events) this.#apply(event);
      version = resourceVersion;
      this.changed.fire();
    }
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
