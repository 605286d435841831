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
  readonly items = new Map<string, KubeObject>();
  /** Keys of the Leases that somebody renews at this time. */
  readonly renewing = new Set<string>();
  readonly changed: Signal;
  /** True once the first list was answered. */
  synced = false;
  readonly #options: InformerOptions;

  constructor(options: InformerOptions) {
    this.#options = options;
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
    this.items.set(key, object);
  }

  *#list(): Sim<string | null> {
    const client = this.#options.client();
    if (client === null) return null;
    const answer = yield* client.request('GET', this.#options.path, undefined, REQUEST_TIMEOUT_MS);
    if (answer.kind !== 'ok') return null;
    this.items.clear();
    this.renewing.clear();
    for (const item of itemsOf(answer)) this.items.set(keyOf(item), item);
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
    if (event.type === 'DELETED') this.items.delete(key);
    else this.learn(event.object);
    if (event.type !== 'DELETED' && event.renewing === true) this.renewing.add(key);
    else this.renewing.delete(key);
  }
}

function versionOf(object: KubeObject): number {
  return Number(object.metadata.resourceVersion ?? '0');
}

export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}
