/** What the parts of one running kubelet share, and what it knows of each pod on its node. */
import type { Sandbox } from './containerd.js';
import type { ApiClient } from './api-client.js';
import type { CniView } from './cni.js';
import type { Informer } from './informer.js';
import type { Machine } from './machine.js';
import type { KubeObject } from './objects.js';
import type { NodeFacts } from './pod-spec.js';
import type { Invocation } from './process.js';
import { Signal } from './task.js';

export interface Kubelet {
  readonly call: Invocation;
  readonly machine: Machine;
  readonly node: NodeFacts;
  readonly staticPodPath: string | null;
  /** Such as `v1.31.4`. */
  readonly version: string;
  readonly cni: CniView;
  /** Null until it has a client certificate. */
  client: ApiClient | null;
  readonly clientChanged: Signal;
  /** The API's pods of this node, mirror pods included. */
  readonly apiPods: Informer;
  /** This node's own object. */
  readonly ownNode: Informer;
  /** Pods by key: `static:namespace/name` or `api:uid`. */
  readonly pods: Map<string, PodEntry>;
  /** Keys of the pods whose status must be told to the API server. */
  readonly dirty: Set<string>;
  readonly dirtied: Signal;
  /** Fires when nothing of a pod runs any more. */
  readonly podStopped: Signal;
  /** Events waiting to be written. */
  readonly events: KubeObject[];
}

export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly kind: 'running'; readonly sinceMs: number }
  | {
      readonly kind: 'terminated';
      readonly exitCode: number;
      readonly startedMs: number;
      readonly finishedMs: number;
    };

export interface ContainerReport {
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly init: boolean;
  state: ContainerState;
  last: ContainerState | null;
  ready: boolean;
  restarts: number;
  containerId: string;
}

export interface PodEntry {
  readonly key: string;
  readonly source: 'file' | 'api';
  /** What shall run; null when it shall be gone. */
  desired: KubeObject | null;
  /** What runs, or ran last. */
  pod: KubeObject;
  readonly changed: Signal;
  readonly firstSeenMs: number;
  address: string | null;
  /** Null while there is none. */
  sandbox: Sandbox | null;
  containers: ContainerReport[];
  /** True once nothing of it runs any more and it may leave the API. */
  gone: boolean;
}

export function publish(kubelet: Kubelet, entry: PodEntry): void {
  kubelet.dirty.add(entry.key);
  kubelet.dirtied.fire();
}

/** Notes an event for the API server; written when it can be reached. */
export function noteEvent(
  kubelet: Kubelet,
  about: KubeObject,
  event: { readonly type: 'Normal' | 'Warning'; readonly reason: string; readonly message: string },
): void {
  const { name, namespace, uid } = about.metadata;
  const suffix = kubelet.call.prng.hex(16);
  const date = kubelet.machine.date();
  kubelet.events.push({
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: `${name}.${suffix}`, namespace: namespace ?? 'default' },
    involvedObject: {
      apiVersion: about.apiVersion,
      kind: about.kind,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
    },
    ...event,
    source: { component: 'kubelet', host: kubelet.node.name },
    firstTimestamp: date,
    lastTimestamp: date,
    count: 1,
  });
  kubelet.dirtied.fire();
}
