/**
 * What the kubelet tells the API server of its pods: their status, the mirror pods of static ones, the end of
 * deleted ones, and events. Told when something changed, and again every ten seconds until it could be told.
 */
import { isNotFound, type ApiClient } from './api-client.js';
import type { Kubelet, PodEntry } from './kubelet-state.js';
import { podStatus } from './kubelet-pod-status.js';
import type { KubeObject } from './objects.js';
import { sleep, waitFor, type Sim } from './task.js';
import { textAt } from './tree.js';

const REQUEST_TIMEOUT_MS = 30_000;
const RETRY_MS = 10_000;
/** Changes of one moment are told together. */
const SETTLE_MS = 50;
const MIRROR = 'kubernetes.io/config.mirror';

export function* syncStatuses(kubelet: Kubelet): Sim<never> {
  for (;;) {
    while (kubelet.client === null || (kubelet.dirty.size === 0 && kubelet.events.length === 0)) {
      yield* waitFor([kubelet.dirtied, kubelet.clientChanged]);
    }
    yield* sleep(SETTLE_MS);
    if (!(yield* syncAll(kubelet, kubelet.client))) yield* sleep(RETRY_MS);
  }
}

function* syncAll(kubelet: Kubelet, client: ApiClient): Sim<boolean> {
  for (const key of [...kubelet.dirty].sort()) {
    kubelet.dirty.delete(key);
    const entry = kubelet.pods.get(key);
    if (entry === undefined || (yield* syncOne(kubelet, client, entry))) continue;
    kubelet.dirty.add(key);
    return false;
  }
  return yield* writeEvents(kubelet, client);
}

/** Events that the server refuses are dropped, as client-go's recorder drops them. */
function* writeEvents(kubelet: Kubelet, client: ApiClient): Sim<boolean> {
  for (let event = kubelet.events[0]; event !== undefined; event = kubelet.events[0]) {
    const path = `/api/v1/namespaces/${event.metadata.namespace ?? 'default'}/events`;
    const answer = yield* client.request('POST', path, event, REQUEST_TIMEOUT_MS);
    if (answer.kind !== 'ok' && answer.kind !== 'error') return false;
    kubelet.events.shift();
  }
  return true;
}

/** True when the API server knows all there is to know. */
function* syncOne(kubelet: Kubelet, client: ApiClient, entry: PodEntry): Sim<boolean> {
  const { name, namespace = 'default' } = entry.pod.metadata;
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  const known = yield* client.request('GET', path, undefined, REQUEST_TIMEOUT_MS);
  if (known.kind !== 'ok' && !isNotFound(known)) return false;
  const object = known.kind === 'ok' ? (known.body as KubeObject) : null;
  if (entry.gone) return yield* remove(kubelet, client, entry, object, path);
  if (entry.source === 'api') {
    if (object === null || object.metadata.uid !== entry.pod.metadata.uid) return true;
    return yield* patchStatus(kubelet, client, entry, object, path);
  }
  const mirror = yield* ensureMirror(kubelet, client, entry, object, path);
  return mirror !== null && (yield* patchStatus(kubelet, client, entry, mirror, path));
}

function* remove(
  kubelet: Kubelet,
  client: ApiClient,
  entry: PodEntry,
  object: KubeObject | null,
  path: string,
): Sim<boolean> {
  const hash = object === null ? null : textAt(object, 'metadata', 'annotations', MIRROR);
  const mine = entry.source === 'file' ? hash !== null : object?.metadata.uid === entry.pod.metadata.uid;
  if (object !== null && mine && !(yield* deleteNow(client, path))) return false;
  kubelet.pods.delete(entry.key);
  return true;
}

function* deleteNow(client: ApiClient, path: string): Sim<boolean> {
  const answer = yield* client.request('DELETE', path, { gracePeriodSeconds: 0 }, REQUEST_TIMEOUT_MS);
  return answer.kind === 'ok' || isNotFound(answer);
}

function* patchStatus(
  kubelet: Kubelet,
  client: ApiClient,
  entry: PodEntry,
  object: KubeObject,
  path: string,
): Sim<boolean> {
  const status = podStatus(kubelet, entry, object);
  const answer = yield* client.request('PATCH', `${path}/status`, { status }, REQUEST_TIMEOUT_MS);
  return answer.kind === 'ok' || isNotFound(answer);
}

/** The API's image of a static pod, made anew when the manifest has changed. Null when it could not be made. */
function* ensureMirror(
  kubelet: Kubelet,
  client: ApiClient,
  entry: PodEntry,
  object: KubeObject | null,
  path: string,
): Sim<KubeObject | null> {
  const hash = entry.pod.metadata.uid ?? '';
  if (object !== null) {
    const isDeleted = object.metadata.deletionTimestamp !== undefined;
    if (!isDeleted && textAt(object, 'metadata', 'annotations', MIRROR) === hash) return object;
    kubelet.machine.log('kubelet.service', `Deleted mirror pod because it is outdated pod="${entry.key}"`);
    if (!(yield* deleteNow(client, path))) return null;
  }
  const node = kubelet.ownNode.items.get(kubelet.node.name);
  if (node === undefined) return null;
  const { world } = kubelet.machine;
  const mirror = {
    ...entry.pod,
    metadata: {
      ...withoutUid(entry.pod),
      annotations: {
        ...entry.pod.metadata.annotations,
        'kubernetes.io/config.hash': hash,
        [MIRROR]: hash,
        'kubernetes.io/config.seen': world.date(entry.firstSeenMs),
        'kubernetes.io/config.source': 'file',
      },
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'Node',
          name: node.metadata.name,
          uid: node.metadata.uid,
          controller: true,
        },
      ],
    },
  };
  const list = path.slice(0, path.lastIndexOf('/'));
  const answer = yield* client.request('POST', list, mirror, REQUEST_TIMEOUT_MS);
  return answer.kind === 'ok' ? (answer.body as KubeObject) : null;
}

function withoutUid(pod: KubeObject): Omit<KubeObject['metadata'], 'uid'> {
  const { uid: _uid, ...rest } = pod.metadata;
  return rest;
}
