/** Creating, replacing, patching and deleting objects: one proposal to etcd each, judged when it is committed. */
import type { KubeObject } from '../objects.js';
import type { Response } from '../network.js';
import { at, listAt, mapAt, numberAt, textAt, type Tree } from '../tree.js';
import type { ApiServerOptions } from '../apiserver-state.js';
import type { Process } from '../process.js';
import { waitFor, type Signal, type Sim } from '../task.js';
import { admit, isFinal, withoutStatus } from './admission.js';
import { dropOldEvents } from './event-ttl.js';
import { isCurrent, keyFor, limitMs, type RestCall } from './rest.js';
import { apiVersionOf, tableOf } from './resources.js';
import {
  Failure,
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  notFound,
  renewSingly,
  requestTimedOut,
  storageError,
  success,
} from './status.js';

/** What is decided at the moment of the commit: the object to answer with, or why not. */
export type Verdict = { readonly status: number; readonly body: unknown } | Failure;

/** The API server's own limit for deletions, which read before they write. */
const DELETE_LIMIT_MS = 34_000;
const NAME = /^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$/;
const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

export function* commit(call: RestCall, run: () => Verdict): Sim<Response> {
  const result = yield* call.server.etcd.commit(run);
  if (!result.ok) return storageError(result.error).response;
  return result.value instanceof Failure ? result.value.response : result.value;
}

export function* createObject(call: RestCall): Sim<Response> {
  const wanted = asObject(call);
  if (wanted instanceof Failure) return wanted.response;
  return yield* commit(call, () => create(call, wanted));
}

function create(call: RestCall, wanted: KubeObject): Verdict {
  const { server, space, type, info } = call;
  const generated = wanted.metadata.generateName;
  const name =
    wanted.metadata.name === '' && generated !== undefined
      ? generated + server.prng.text(5, SUFFIX_ALPHABET)
      : wanted.metadata.name;
  const problem = nameProblem(type.group, name);
  if (problem !== null) return invalid(type, name, problem);
  const refused = namespaceProblem(call, name);
  if (refused !== null) return refused;
  if (type.resource === 'events') dropOldEvents(space, server.nowMs);
  const key = keyFor(type, info.namespace, name);
  if (space.get(tableOf(type), key) !== null) return alreadyExists(type, name);
  const { resourceVersion: _version, ...metadata } = wanted.metadata;
  const object = admit(call, {
    ...wanted,
    metadata: {
      ...metadata,
      name,
      ...(type.namespaced ? { namespace: info.namespace ?? '' } : {}),
      uid: server.newUid(),
      creationTimestamp: server.date,
    },
  });
  return { status: 201, body: space.put(tableOf(type), key, object) };
}

function namespaceProblem({ space, type, info }: RestCall, name: string): Failure | null {
  if (!type.namespaced) return null;
  const namespace = space.get('namespaces', info.namespace ?? '');
  if (namespace === null) return notFound({ group: '', resource: 'namespaces' }, info.namespace ?? '');
  if (namespace.metadata.deletionTimestamp === undefined) return null;
  const why = `unable to create new content in namespace ${info.namespace ?? ''} because it is being terminated`;
  return forbidden(type, name, `${tableOf(type)} "${name}" is forbidden: ${why}`);
}

function nameProblem(group: string, name: string): string | null {
  if (name === '') return 'metadata.name: Required value: name or generateName is required';
  // Names of roles and bindings may hold anything that fits a path.
  if (NAME.test(name) || group === 'rbac.authorization.k8s.io') return null;
  return (
    `metadata.name: Invalid value: "${name}": a lowercase RFC 1123 subdomain must consist of lower case ` +
    `alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. ` +
    `'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`
  );
}

export function* updateObject(call: RestCall, name: string): Sim<Response | 'reset'> {
  const wanted = asObject(call);
  if (wanted instanceof Failure) return wanted.response;
  if (wanted.metadata.name !== name) {
    const words = `the name of the object (${wanted.metadata.name}) does not match the name on the URL (${name})`;
    return badRequest(words).response;
  }
  const everyMs = Number(call.info.query.get('renewEveryMs') ?? '0');
  if (everyMs > 0 && !call.server.etcd.prompt) return renewSingly().response;
  const answer = yield* commit(call, () => {
    const { resourceVersion } = wanted.metadata;
    return change(call, name, resourceVersion, (current) => merged(call, current, wanted));
  });
  return everyMs > 0 && answer.status === 200 ? yield* keepRenewed(call, name, everyMs) : answer;
}

/** One open request that stands for a renewal every so often; it ends when one of them would fail. */
function* keepRenewed(call: RestCall, name: string, everyMs: number): Sim<Response | 'reset'> {
  const { server, space, type, info } = call;
  const table = tableOf(type);
  const key = keyFor(type, info.namespace, name);
  const renewal = space.beginRenewal(table, key, server.nowMs, everyMs);
  const goesOn = (): boolean => space.renewal(table, key) === renewal;
  const end = (): void => {
    if (goesOn()) space.endRenewal(table, key);
  };
  const { world, options } = server;
  const watchdog = endWhenStopped(options, call.holder, renewal.ended, end);
  world.scheduler.spawn(world.group, `renewals of ${name}`, watchdog);
  try {
    while (goesOn() && server.etcd.usable && server.etcd.prompt && !space.capped && isCurrent(call))
      yield* waitFor([renewal.ended, server.healthChanged, server.credentials.ended]);
    return goesOn() ? 'reset' : conflict(type, name).response;
  } finally {
    // Also when the client or this server ended: the last renewal that there was is what the Lease shows.
    end();
  }
}

/** A suspended machine, server or client cannot notice that nothing is renewed any more. */
function* endWhenStopped(
  { machine, process }: ApiServerOptions,
  holder: Process | null,
  ended: Signal,
  end: () => void,
): Sim<void> {
  const stops = [machine.powerChanged, process.stopChanged, ...(holder === null ? [] : [holder.stopChanged])];
  if ((yield* waitFor([ended, ...stops])) !== ended) end();
}

export function* patchObject(call: RestCall, name: string): Sim<Response> {
  const patch = call.body;
  if (patch === null || typeof patch !== 'object') return badRequest('invalid patch').response;
  return yield* commit(call, () => {
    const version = textAt(patch, 'metadata', 'resourceVersion') ?? undefined;
    return change(call, name, version, (current) =>
      merged(call, current, mergePatch(current, patch) as KubeObject),
    );
  });
}

/** Replaces an object by what `next` makes of it, unless it has moved on from `version`. */
export function change(
  call: RestCall,
  name: string,
  version: string | undefined,
  next: (current: KubeObject) => KubeObject,
): Verdict {
  const { space, type, info } = call;
  const table = tableOf(type);
  const key = keyFor(type, info.namespace, name);
  if (space.renewal(table, key) !== null) space.endRenewal(table, key);
  const current = space.get(table, key);
  if (current === null) return notFound(type, name);
  if (version !== undefined && version !== '' && version !== current.metadata.resourceVersion)
    return conflict(type, name);
  const object = type.resource === 'nodes' ? withoutEmptyTaints(next(current)) : next(current);
  if (isFinal(object)) return { status: 200, body: space.delete(table, key) };
  if (sameJson(object, current)) return { status: 200, body: current };
  return { status: 200, body: space.put(table, key, object) };
}

/** An empty list is left out when a Node is written down. */
function withoutEmptyTaints(node: KubeObject): KubeObject {
  const { taints, ...spec } = mapAt(node, 'spec');
  return Array.isArray(taints) && taints.length === 0 ? { ...node, spec } : node;
}

/** What a write to the object or to its status may change of it. */
function merged({ type, info }: RestCall, current: KubeObject, wanted: KubeObject): KubeObject {
  const { uid, creationTimestamp, deletionTimestamp, resourceVersion, generation } = current.metadata;
  const kept = { uid, creationTimestamp, deletionTimestamp, resourceVersion, generation };
  const metadata = { ...wanted.metadata, ...definedOnly(kept) };
  if (info.subresource === 'status')
    return {
      ...current,
      metadata: { ...current.metadata, ...labelsAndAnnotations(wanted) },
      ...(wanted['status'] === undefined ? {} : { status: wanted['status'] }),
    };
  const body = type.hasStatus ? { ...withoutStatus(wanted), ...statusOf(current) } : { ...wanted };
  const next: KubeObject = { ...body, apiVersion: apiVersionOf(type), kind: type.kind, metadata };
  if (generation === undefined || sameJson(next['spec'], current['spec'])) return next;
  return { ...next, metadata: { ...metadata, generation: generation + 1 } };
}

function labelsAndAnnotations(wanted: KubeObject): Partial<KubeObject['metadata']> {
  const { labels, annotations } = wanted.metadata;
  return {
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function statusOf(object: KubeObject): Record<string, unknown> {
  return object['status'] === undefined ? {} : { status: object['status'] };
}

export function* deleteObject(call: RestCall, name: string): Sim<Response> {
  const { server, info } = call;
  const readable = yield* server.etcd.readable(server.nowMs + limitMs(info, DELETE_LIMIT_MS));
  if (!readable) return requestTimedOut().response;
  return yield* commit(call, () => remove(call, name));
}

/** Deletes at once, or marks what somebody else has to finish: pods on nodes, finalizers, namespaces. */
export function remove(call: RestCall, name: string): Verdict {
  const { server, space, type, info, body } = call;
  const key = keyFor(type, info.namespace, name);
  const current = space.get(tableOf(type), key);
  if (current === null) return notFound(type, name);
  const uid = textAt(body, 'preconditions', 'uid');
  if (uid !== null && uid !== current.metadata.uid) {
    const words = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid ?? ''}`;
    return new Failure(
      409,
      'Conflict',
      `Operation cannot be fulfilled on ${tableOf(type)} "${name}": ${words}`,
    );
  }
  const graceSeconds = type.resource === 'pods' && type.group === '' ? podGrace(call, current) : 0;
  const held = listAt(current, 'metadata', 'finalizers').length > 0 || type.resource === 'namespaces';
  if (graceSeconds === 0 && !held) {
    space.delete(tableOf(type), key);
    return { status: 200, body: success(type, current) };
  }
  if (current.metadata.deletionTimestamp !== undefined && graceSeconds !== 0)
    return { status: 200, body: current };
  const marked: KubeObject = {
    ...current,
    metadata: {
      ...current.metadata,
      deletionTimestamp: server.world.date(server.wallMs + graceSeconds * 1_000),
      ...(graceSeconds > 0 ? { deletionGracePeriodSeconds: graceSeconds } : {}),
    },
    ...(type.resource === 'namespaces'
      ? { status: { ...mapAt(current, 'status'), phase: 'Terminating' } }
      : {}),
  };
  return { status: 200, body: space.put(tableOf(type), key, marked) };
}

/** Seconds that the kubelet gives the pod; 0 when nobody has to stop anything. */
function podGrace({ info, body }: RestCall, pod: KubeObject): number {
  const asked = numberAt(body, 'gracePeriodSeconds') ?? info.query.get('gracePeriodSeconds') ?? null;
  const phase = textAt(pod, 'status', 'phase');
  if ((textAt(pod, 'spec', 'nodeName') ?? '') === '') return 0;
  if (phase === 'Succeeded' || phase === 'Failed') return asked === null ? 0 : Number(asked);
  if (asked !== null) return Math.max(0, Number(asked));
  return numberAt(pod, 'spec', 'terminationGracePeriodSeconds') ?? 30;
}

/** RFC 7386. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const base = target !== null && typeof target === 'object' && !Array.isArray(target) ? target : {};
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, key);
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

function asObject({ type, body }: RestCall): KubeObject | Failure {
  if (body === null || typeof body !== 'object') return badRequest('the request body holds no object');
  const kind = textAt(body, 'kind') ?? type.kind;
  if (kind !== type.kind && at(body, 'kind') !== undefined)
    return badRequest(`no kind "${kind}" is registered for ${tableOf(type)}`);
  const metadata = { name: '', ...mapAt(body, 'metadata') };
  return { ...body, apiVersion: apiVersionOf(type), kind: type.kind, metadata };
}

function definedOnly(record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

/** Equal as JSON: whatever the order of keys, and a field that is undefined is not there. */
function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [a as Tree, b as Tree];
  return (
    Object.keys(left).every((key) => sameJson(left[key], right[key])) &&
    Object.keys(right).every((key) => right[key] === undefined || left[key] !== undefined)
  );
}
