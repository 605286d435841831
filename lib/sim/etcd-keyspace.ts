/**
 * What an etcd cluster has committed: objects in tables, one revision for every change, the recent changes for
 * watches, and what is kept renewed without a change each time. Raft's safety rule (no committed entry is ever
 * lost to those who can form a quorum) is what lets all members share one key space. Old revisions cannot be
 * read, and etcd leases are not modelled: Kubernetes uses them for Events only.
 */
import type { KubeObject } from './objects.js';
import { Signal } from './task.js';

export interface Change {
  readonly revision: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly key: string;
  /** As it is now, or as it was last. */
  readonly object: KubeObject;
  readonly before: KubeObject | null;
}

/** Somebody who waits for a topic. */
export interface Watcher {
  /** Revision of the first change since it began to wait. */
  first: number | null;
}

/** What somebody can watch: a table, a namespace, one object, or the pods of one node. */
export interface Topic {
  readonly signal: Signal;
  /** Revision of the last change that concerned this topic. */
  lastRevision: number;
  readonly watchers: Set<Watcher>;
}

/** An object whose holder keeps renewing it: the time of its last renewal is arithmetic. */
export interface Renewal {
  readonly fromMs: number;
  readonly everyMs: number;
  /** Fires once, when the renewing ends. */
  readonly ended: Signal;
  readonly lastMs: (nowMs: number) => number;
}

interface Table {
  readonly objects: Map<string, KubeObject>;
  readonly byNode: Map<string, Map<string, KubeObject>>;
  /** Keys in etcd's order; null after an insertion or a deletion. */
  sorted: string[] | null;
  readonly changes: Change[];
  /** Changes up to here are forgotten. */
  compacted: number;
}

/** The API server compacts every five minutes; here a table remembers so many changes. */
const REMEMBERED = 4_000;

/** Thrown by a put while the alarm NOSPACE is raised; what is deleted needs no space. */
export class DatabaseFull extends Error {
  override readonly name = 'DatabaseFull';
}

export class KeySpace {
  revision = 1;
  /** True while nothing may be put. */
  capped = false;
  readonly #tables = new Map<string, Table>();
  readonly #topics = new Map<string, Topic>();
  readonly #renewals = new Map<string, Renewal>();
  readonly #renewedCopy: (object: KubeObject, lastMs: number) => KubeObject;
  /** Of Leases, by their keys. */
  readonly #clocks = new Map<string, () => number>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number, renewedCopy: (object: KubeObject, lastMs: number) => KubeObject) {
    this.#nowMs = nowMs;
    this.#renewedCopy = renewedCopy;
  }

  get(table: string, key: string): KubeObject | null {
    const object = this.#tables.get(table)?.objects.get(key) ?? null;
    return object === null ? null : this.#asRead(table, key, object);
  }

  /** Objects whose key starts with `prefix`, in order of their keys. */
  list(table: string, prefix = ''): KubeObject[] {
    const found = this.#tables.get(table);
    if (found === undefined) return [];
    found.sorted ??= [...found.objects.keys()].sort();
    const keys = prefix === '' ? found.sorted : found.sorted.filter((key) => key.startsWith(prefix));
    return this.#read(table, found.objects, keys);
  }

  /** Objects in order of their creation. */
  *oldest(table: string): Generator<[string, KubeObject]> {
    yield* this.#tables.get(table)?.objects ?? [];
  }

  /** Pods bound to a node, without looking at all the others. */
  listOnNode(table: string, node: string): KubeObject[] {
    const found = this.#tables.get(table)?.byNode.get(node);
    return found === undefined ? [] : this.#read(table, found, [...found.keys()].sort());
  }

  put(table: string, key: string, object: KubeObject): KubeObject {
    if (this.capped) throw new DatabaseFull();
    this.endRenewal(table, key);
    return this.#put(table, key, object);
  }

  delete(table: string, key: string): KubeObject | null {
    this.endRenewal(table, key);
    const found = this.#table(table);
    const before = found.objects.get(key);
    if (before === undefined) return null;
    this.revision += 1;
    found.objects.delete(key);
    found.sorted = null;
    this.#index(found, key, before, null);
    const last = withVersion(before, this.revision);
    this.#record(table, { revision: this.revision, type: 'DELETED', key, object: last, before });
    return last;
  }

  tables(): string[] {
    return [...this.#tables.keys()].sort();
  }

  get size(): number {
    let size = 0;
    for (const table of this.#tables.values()) size += table.objects.size;
    return size;
  }

  topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = { signal: new Signal(`change of ${name}`), lastRevision: 0, watchers: new Set() };
      this.#topics.set(name, topic);
    }
    return topic;
  }

  /** Revision of the last change of a table; 0 while there was none. For onlookers, who are no topic's. */
  lastChangeOf(table: string): number {
    const found = this.#tables.get(table);
    return found === undefined ? 0 : (found.changes.at(-1)?.revision ?? found.compacted);
  }

  /** Changes of a table after `revision`, oldest first; null when some of them are forgotten. */
  changesSince(table: string, revision: number): readonly Change[] | null {
    const found = this.#tables.get(table);
    if (found === undefined) return [];
    if (revision < found.compacted) return null;
    let start = found.changes.length;
    while (start > 0 && (found.changes[start - 1]?.revision ?? 0) > revision) start -= 1;
    return found.changes.slice(start);
  }

  /** Whose clock the times of an object are from, when it is not the lab's: by how much that clock is off. */
  noteClock(key: string, skewMs: (() => number) | null): void {
    if (skewMs === null) this.#clocks.delete(key);
    else this.#clocks.set(key, skewMs);
  }

  skewOf(key: string): number {
    return this.#clocks.get(key)?.() ?? 0;
  }

  renewal(table: string, key: string): Renewal | null {
    return this.#renewals.get(`${table} ${key}`) ?? null;
  }

  /** From now on the object counts as renewed every `everyMs`, the first time at `fromMs`. */
  beginRenewal(table: string, key: string, fromMs: number, everyMs: number): Renewal {
    this.endRenewal(table, key);
    const renewal: Renewal = {
      fromMs,
      everyMs,
      ended: new Signal(`end of renewing ${key}`),
      lastMs: (nowMs) => fromMs + Math.max(0, Math.floor((nowMs - fromMs) / everyMs)) * everyMs,
    };
    this.#renewals.set(`${table} ${key}`, renewal);
    return renewal;
  }

  /** Writes down when the object was last renewed, as the change that those who watch it see. */
  endRenewal(table: string, key: string): void {
    const renewal = this.#renewals.get(`${table} ${key}`);
    if (renewal === undefined) return;
    this.#renewals.delete(`${table} ${key}`);
    const object = this.#tables.get(table)?.objects.get(key);
    if (object !== undefined) this.#put(table, key, this.#renewed(key, object, renewal));
    renewal.ended.fire();
  }

  /** Fills an empty key space with what a snapshot holds; changes up to it cannot be watched any more. */
  load(revision: number, entries: Iterable<readonly [table: string, key: string, object: KubeObject]>): void {
    this.revision = revision;
    for (const [name, key, object] of entries) {
      const table = this.#table(name);
      table.objects.set(key, object);
      table.compacted = revision;
      this.#index(table, key, null, object);
    }
  }

  /** Everything, for a snapshot file. */
  *dump(): Generator<readonly [table: string, key: string, object: KubeObject]> {
    for (const table of this.tables()) {
      for (const object of this.list(table)) yield [table, keyOf(object), object];
    }
  }

  #put(table: string, key: string, object: KubeObject): KubeObject {
    const found = this.#table(table);
    const before = found.objects.get(key) ?? null;
    this.revision += 1;
    const stored = withVersion(object, this.revision);
    found.objects.set(key, stored);
    if (before === null) found.sorted = null;
    this.#index(found, key, before, stored);
    const type = before === null ? 'ADDED' : 'MODIFIED';
    this.#record(table, { revision: this.revision, type, key, object: stored, before });
    return stored;
  }

  #record(table: string, change: Change): void {
    const { changes } = this.#table(table);
    changes.push(change);
    if (changes.length > 2 * REMEMBERED) {
      const dropped = changes.splice(0, changes.length - REMEMBERED);
      this.#table(table).compacted = dropped.at(-1)?.revision ?? 0;
    }
    const names = [table, `${table}/${change.key}`];
    const slash = change.key.indexOf('/');
    if (slash >= 0) names.push(`${table}/${change.key.slice(0, slash)}/`);
    const nodes = new Set([nodeOf(change.object), change.before === null ? null : nodeOf(change.before)]);
    for (const node of nodes) if (node !== null) names.push(`${table}@${node}`);
    for (const name of names) {
      const topic = this.#topics.get(name);
      if (topic === undefined) continue;
      topic.lastRevision = change.revision;
      for (const watcher of topic.watchers) watcher.first ??= change.revision;
      topic.signal.fire();
    }
  }

  #index(table: Table, key: string, before: KubeObject | null, after: KubeObject | null): void {
    const from = before === null ? null : nodeOf(before);
    const to = after === null ? null : nodeOf(after);
    if (from !== null && from !== to) table.byNode.get(from)?.delete(key);
    if (to === null || after === null) return;
    const there = table.byNode.get(to) ?? new Map<string, KubeObject>();
    there.set(key, after);
    table.byNode.set(to, there);
  }

  #read(table: string, objects: Map<string, KubeObject>, keys: readonly string[]): KubeObject[] {
    const list: KubeObject[] = [];
    for (const key of keys) {
      const object = objects.get(key);
      if (object !== undefined) list.push(this.#asRead(table, key, object));
    }
    return list;
  }

  #asRead(table: string, key: string, object: KubeObject): KubeObject {
    if (this.#renewals.size === 0) return object;
    const renewal = this.#renewals.get(`${table} ${key}`);
    return renewal === undefined ? object : this.#renewed(key, object, renewal);
  }

  #renewed(key: string, object: KubeObject, renewal: Renewal): KubeObject {
    return this.#renewedCopy(object, renewal.lastMs(this.#nowMs()) + this.skewOf(key));
  }

  #table(name: string): Table {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = { objects: new Map(), byNode: new Map(), sorted: null, changes: [], compacted: 0 };
      this.#tables.set(name, table);
    }
    return table;
  }
}

/** `namespace/name`, or the name alone of what has no namespace. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The node that a pod is bound to. */
export function nodeOf(object: KubeObject): string | null {
  const spec = object['spec'] as { nodeName?: unknown } | undefined;
  return typeof spec?.nodeName === 'string' && spec.nodeName !== '' ? spec.nodeName : null;
}

function withVersion(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
