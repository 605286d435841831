/** Reading, listing and watching objects, and what they share with writing (api/write.ts). */
import type { User } from './authn.js';
import type { ApiServer } from '../apiserver-state.js';
import type { Change, KeySpace, Watcher } from '../etcd-keyspace.js';
import type { Machine } from '../machine.js';
import type { Response } from '../network.js';
import { isInTime, type Certificate } from '../pki.js';
import type { Process } from '../process.js';
import type { KubeList, KubeObject } from '../objects.js';
import { waitFor, type Sim } from '../task.js';
import { dropOldEvents } from './event-ttl.js';
import type { RequestInfo } from './request-info.js';
import { isTrue } from './request-info.js';
import { apiVersionOf, tableOf, type ResourceType } from './resources.js';
import { demanded, fieldMatcher, fieldProblem, labelMatcher, type Matcher } from './selectors.js';
import { Failure, badRequest, notFound, readTimedOut } from './status.js';
import type { WatchEvent, WatchEvents } from './watch.js';

/** A request for a known resource. */
export interface RestCall {
  readonly server: ApiServer;
  readonly space: KeySpace;
  readonly type: ResourceType;
  readonly info: RequestInfo;
  readonly user: User;
  readonly method: string;
  readonly body: unknown;
  /** The machine of the client. */
  readonly sender: Machine | null;
  readonly clientCertificate: Certificate | null;
  /** Whose renewals this request stands for; null for one that stands for itself. */
  readonly holder: Process | null;
  /** Sends a part of the answer to a watch; null for clients that take their answer in one piece. */
  readonly push: ((events: WatchEvents) => void) | null;
}

/** The API server's own limit for reads. */
const READ_LIMIT_MS = 60_000;

/** Would the client's certificate still be accepted? A request of its own tells a client that has none. */
export function isCurrent({ server, clientCertificate }: RestCall): boolean {
  return clientCertificate === null || isInTime(clientCertificate, server.wallMs);
}

export function keyFor(type: ResourceType, namespace: string | null, name: string): string {
  return type.namespaced ? `${namespace ?? ''}/${name}` : name;
}

/** The limit of a request: the server's own, or the client's `timeout` when that is shorter. */
export function limitMs(info: RequestInfo, serverLimitMs: number): number {
  const match = /^(\d+)(ms|s|m)$/.exec(info.query.get('timeout') ?? '');
  if (match === null) return serverLimitMs;
  const unit = match[2] === 'ms' ? 1 : match[2] === 's' ? 1_000 : 60_000;
  const wanted = Number(match[1]) * unit;
  return wanted === 0 ? serverLimitMs : Math.min(wanted, serverLimitMs);
}

export function* getObject(call: RestCall, name: string): Sim<Response | 'reset'> {
  const { server, space, type, info } = call;
  const readable = yield* server.etcd.readable(server.nowMs + limitMs(info, READ_LIMIT_MS));
  if (!readable) return readTimedOut('get', type, name).response;
  const key = keyFor(type, info.namespace, name);
  if (isTrue(info.query.get('whileRenewed'))) {
    const renewal = space.renewal(tableOf(type), key);
    const { healthChanged } = server;
    if (renewal !== null) yield* waitFor([renewal.ended, healthChanged]);
    if (!server.etcd.usable) return 'reset';
    const left = space.get(tableOf(type), key);
    return left === null ? notFound(type, name).response : ok(withSkew(left, space.skewOf(key)));
  }
  const object = space.get(tableOf(type), key);
  return object === null ? notFound(type, name).response : ok(object);
}

/** The simulator's own: what makes lab time of the times in a Lease. */
function withSkew(lease: KubeObject, skewMs: number): KubeObject {
  return skewMs === 0 ? lease : { ...lease, skewMs };
}

export function ok(object: KubeObject): Response {
  return { status: 200, body: object };
}

export function* listObjects(call: RestCall): Sim<Response> {
  const { server, space, type, info } = call;
  const matcher = matcherOf(info);
  if (matcher instanceof Failure) return matcher.response;
  const readable = yield* server.etcd.readable(server.nowMs + limitMs(info, READ_LIMIT_MS));
  if (!readable) return readTimedOut('get', type, null).response;
  if (type.resource === 'events') dropOldEvents(space, server.nowMs);
  const items = candidates(call).filter(matcher);
  const table = tableOf(type);
  const renewing =
    type.resource === 'leases'
      ? items
          .map((item) => keyFor(type, item.metadata.namespace ?? null, item.metadata.name))
          .filter((key) => space.renewal(table, key) !== null)
      : [];
  const list: KubeList & { readonly renewing?: readonly string[] } = {
    apiVersion: apiVersionOf(type),
    kind: `${type.kind}List`,
    metadata: { resourceVersion: String(space.revision) },
    items,
    ...(renewing.length === 0 ? {} : { renewing }),
  };
  return { status: 200, body: list };
}

/** The objects that a list has to look at, by the narrowest index. */
export function candidates({ space, type, info }: RestCall): KubeObject[] {
  const table = tableOf(type);
  const fields = info.query.get('fieldSelector');
  const node = demanded(fields, 'spec.nodeName');
  if (node !== null && node !== '' && info.namespace === null) return space.listOnNode(table, node);
  const name = demanded(fields, 'metadata.name');
  if (name !== null && (info.namespace !== null || !type.namespaced)) {
    const object = space.get(table, keyFor(type, info.namespace, name));
    return object === null ? [] : [object];
  }
  const inNamespace = type.namespaced && info.namespace !== null;
  return space.list(table, inNamespace ? `${info.namespace}/` : '');
}

export function matcherOf(info: RequestInfo): Matcher | Failure {
  const labels = info.query.get('labelSelector');
  const fields = info.query.get('fieldSelector');
  const byLabel = labels === undefined ? null : labelMatcher(labels);
  if (labels !== undefined && byLabel === null) return badRequest(`unable to parse requirement: ${labels}`);
  const byField = fields === undefined ? null : fieldMatcher(fields);
  if (fields !== undefined && byField === null)
    return badRequest(`unable to parse field selector: ${fields}`);
  const problem = fields === undefined ? null : fieldProblem(info.resource, fields);
  if (problem !== null) return badRequest(problem);
  return (object) => (byLabel?.(object) ?? true) && (byField?.(object) ?? true);
}

/** Pushes what matches and changed after the given version, until the client or the server closes it. */
export function* watchObjects(call: RestCall): Sim<Response | 'reset'> {
  const { server, space, type, info, push } = call;
  const matcher = matcherOf(info);
  if (matcher instanceof Failure) return matcher.response;
  if (push === null)
    return badRequest('the simulator models watches of informers and of kubectl only').response;
  const { topic, covers } = topicOf(call);
  const table = tableOf(type);
  let seen = Number(info.query.get('resourceVersion') ?? '0');
  if (seen === 0) {
    push(initialEvents(call, matcher));
    seen = space.revision;
  }
  for (;;) {
    const changes = space.changesSince(table, seen);
    if (changes === null) return expired(seen, space.revision);
    const events = changes.flatMap((change) =>
      covers(change) ? eventOf(space, table, change, matcher) : [],
    );
    if (events.length > 0) push(events);
    seen = space.revision;
    const watcher: Watcher = { first: null };
    topic.watchers.add(watcher);
    try {
      const woken = yield* waitFor([topic.signal, server.watchesBroken, server.credentials.ended]);
      if (woken === server.watchesBroken || !isCurrent(call)) return 'reset';
    } finally {
      topic.watchers.delete(watcher);
    }
    // What happened before the first change of the topic concerned others.
    seen = Math.max(seen, (watcher.first ?? 1) - 1);
  }
}

/** A watch without a version begins with what there is. */
function initialEvents(call: RestCall, matcher: Matcher): WatchEvents {
  const { space, type } = call;
  return candidates(call)
    .filter(matcher)
    .map((object) => withRenewing(space, tableOf(type), 'ADDED', object));
}

function expired(seen: number, revision: number): Response {
  return new Failure(410, 'Expired', `too old resource version: ${seen} (${revision})`).response;
}

interface Scope {
  readonly topic: ReturnType<KeySpace['topic']>;
  readonly covers: (change: Change) => boolean;
}

/** The narrowest topic of a watch, and which changes of the table belong to it. */
function topicOf({ space, type, info }: RestCall): Scope {
  const table = tableOf(type);
  const fields = info.query.get('fieldSelector');
  const name = info.name ?? demanded(fields, 'metadata.name');
  const inNamespace = type.namespaced && info.namespace !== null;
  if (name !== null && (inNamespace || !type.namespaced)) {
    const key = keyFor(type, info.namespace, name);
    return { topic: space.topic(`${table}/${key}`), covers: (change) => change.key === key };
  }
  const node = demanded(fields, 'spec.nodeName');
  if (node !== null && node !== '' && !inNamespace)
    return { topic: space.topic(`${table}@${node}`), covers: () => true };
  if (!type.namespaced || info.namespace === null) return { topic: space.topic(table), covers: () => true };
  const prefix = `${info.namespace}/`;
  return { topic: space.topic(`${table}/${prefix}`), covers: (change) => change.key.startsWith(prefix) };
}

/** The event as somebody with this selector sees it: an object may begin or cease to match. */
function eventOf(space: KeySpace, table: string, change: Change, matcher: Matcher): WatchEvent[] {
  const matches = change.type !== 'DELETED' && matcher(change.object);
  const matched = change.before !== null && matcher(change.before);
  if (!matches && !matched) return [];
  if (!matches) return [{ type: 'DELETED', object: change.object }];
  return [withRenewing(space, table, matched ? 'MODIFIED' : 'ADDED', change.object)];
}

function withRenewing(
  space: KeySpace,
  table: string,
  type: WatchEvent['type'],
  object: KubeObject,
): WatchEvent {
  if (table !== 'leases.coordination.k8s.io') return { type, object };
  const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
  const renewing = space.renewal(table, key) !== null;
  return { type, object: renewing ? (space.get(table, key) ?? object) : object, renewing };
}
