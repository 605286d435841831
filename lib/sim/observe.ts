/**
 * What an onlooker sees of the world at this moment. Only reads: no event, no random draw, no simulated time, so
 * that looking changes nothing.
 */
import type { Machine } from './machine.js';
import type { KubeObject } from './objects.js';
import {
  observeApi,
  observedCluster,
  observeEtcd,
  readObjects,
  type EtcdObservation,
} from './observe-control-plane.js';
import { observeTruth, type ObservedTruth } from './observe-truth.js';
import { at, listAt, numberAt, textAt } from './tree.js';
import type { World } from './world.js';

export interface ObservedWorld {
  readonly atMs: number;
  readonly machines: readonly {
    readonly name: string;
    readonly state: 'off' | 'booting' | 'running' | 'paused';
  }[];
  readonly nodes:
    | readonly {
        readonly name: string;
        readonly ready: boolean;
        readonly version: string;
        readonly schedulable: boolean;
      }[]
    | null;
  readonly etcd: EtcdObservation;
  readonly vipHolders: readonly string[] | null;
  readonly api: { readonly endpoint: boolean; readonly nodes: Readonly<Record<string, boolean>> };
  readonly pods:
    | readonly {
        readonly namespace: string;
        readonly name: string;
        readonly node: string | null;
        readonly phase: string;
        readonly ready: boolean;
        readonly restarts: number;
      }[]
    | null;
  readonly truth: ObservedTruth;
  readonly reasons: readonly string[];
}

/** Where onlookers ask for the API, and the floating address they look for. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly vip: string | null;
}

/** What was seen in an object that was read before: stored objects never change, another one takes their place. */
export interface KnownObjects {
  readonly nodes: WeakMap<KubeObject, SeenNode>;
  readonly pods: WeakMap<KubeObject, SeenPod>;
}

type SeenNode = NonNullable<ObservedWorld['nodes']>[number];
type SeenPod = NonNullable<ObservedWorld['pods']>[number];

export function observeWorld(world: World, endpoint: Endpoint, known?: KnownObjects): ObservedWorld {
  const machines = definedMachines(world);
  const cluster = observedCluster(world);
  const etcd = observeEtcd(cluster);
  const nodes = readObjects(world, 'nodes');
  const { vip } = endpoint;
  return {
    atMs: world.nowMs,
    machines: machines.map(({ name, power }) => ({ name, state: power })),
    nodes: nodes?.map((node) => recalled(known?.nodes, node, seenNode)) ?? null,
    etcd,
    vipHolders: vip === null ? null : machines.filter((one) => one.hasAddress(vip)).map(({ name }) => name),
    api: {
      endpoint: endpointAnswers(world, endpoint),
      nodes: Object.fromEntries([...observeApi(world)].map(([name, { ready }]) => [name, ready])),
    },
    pods: readObjects(world, 'pods')?.map((pod) => recalled(known?.pods, pod, seenPod)) ?? null,
    truth: observeTruth(world, cluster),
    reasons: [
      ...(nodes === null ? ['nodes and pods: no API server answers'] : []),
      ...(etcd.members === null ? ['etcd: no member runs'] : []),
    ],
  };
}

/** In order of creation, without those that are still being made. */
export function definedMachines(world: World): readonly Machine[] {
  return [...world.machines.values()].filter((machine) => machine.defined);
}

/** As the workstation sees the endpoint: one machine answers for the address, and what listens there is ready. */
function endpointAnswers(world: World, { address, port }: Endpoint): boolean {
  const owner = world.network.owners(world.host, address)[0];
  const listener = owner?.listenerOn(address, port) ?? null;
  if (owner === undefined || listener === null) return false;
  return listener.answersReady?.() ?? observeApi(world).get(owner.name)?.ready ?? false;
}

function recalled<T>(
  known: WeakMap<KubeObject, T> | undefined,
  object: KubeObject,
  see: (one: KubeObject) => T,
): T {
  const before = known?.get(object);
  if (before !== undefined) return before;
  const seen = see(object);
  known?.set(object, seen);
  return seen;
}

function seenNode(node: KubeObject): SeenNode {
  return {
    name: node.metadata.name,
    ready: listAt(node, 'status', 'conditions').some(
      (one) => textAt(one, 'type') === 'Ready' && textAt(one, 'status') === 'True',
    ),
    version: textAt(node, 'status', 'nodeInfo', 'kubeletVersion') ?? '',
    schedulable: at(node, 'spec', 'unschedulable') !== true,
  };
}

function seenPod(pod: KubeObject): SeenPod {
  const statuses = listAt(pod, 'status', 'containerStatuses');
  return {
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name,
    node: textAt(pod, 'spec', 'nodeName'),
    phase: textAt(pod, 'status', 'phase') ?? 'Pending',
    ready: statuses.length > 0 && statuses.every((status) => at(status, 'ready') === true),
    restarts: statuses.reduce<number>((total, status) => total + (numberAt(status, 'restartCount') ?? 0), 0),
  };
}
