/**
 * What an onlooker sees of the world at this moment. Only reads: no event, no random draw, no simulated time, so
 * that looking changes nothing.
 */
import { quorumSize } from '../model/quorum.js';
import type { ApiServer } from './apiserver-state.js';
import type { EtcdCluster } from './etcd-cluster.js';
import type { KubeObject } from './objects.js';
import { at, listAt, numberAt, textAt } from './tree.js';
import type { World } from './world.js';

export interface ObservedMember {
  readonly name: string;
  readonly started: boolean;
  readonly learner: boolean;
  readonly healthy: boolean;
}

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
  readonly etcd: {
    readonly members: readonly ObservedMember[] | null;
    readonly leader: string | null;
    readonly quorum: boolean;
    readonly tolerance: number;
  };
  readonly vipHolders: readonly string[] | null;
  readonly api: { readonly endpoint: boolean; readonly nodes: Readonly<Record<string, boolean>> };
  readonly pods:
    | readonly {
        readonly namespace: string;
        readonly name: string;
        readonly node: string | null;
        readonly ready: boolean;
        readonly restarts: number;
      }[]
    | null;
  readonly reasons: readonly string[];
}

/** Where onlookers ask for the API, and the floating address they look for. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly vip: string | null;
}

export function observeWorld(world: World, endpoint: Endpoint): ObservedWorld {
  const reasons: string[] = [];
  const machines = [...world.machines.values()];
  const servers = machines.flatMap((machine) => world.apiServers.get(machine.name) ?? []);
  const answering = servers.filter(answersReady);
  const space = answering[0]?.space ?? null;
  if (space === null) reasons.push('nodes and pods: no API server is ready');
  const cluster = runningCluster(world);
  if (cluster === null) reasons.push('etcd: no member runs');
  return {
    atMs: world.nowMs,
    machines: machines.map(({ name, power }) => ({ name, state: power })),
    nodes: space?.list('nodes').map(seenNode) ?? null,
    etcd: seenEtcd(cluster),
    vipHolders:
      endpoint.vip === null
        ? null
        : machines.filter((one) => one.hasAddress(endpoint.vip ?? '')).map(({ name }) => name),
    api: {
      endpoint: endpointAnswers(world, endpoint),
      nodes: Object.fromEntries(servers.map((server) => [server.options.machine.name, answersReady(server)])),
    },
    pods: space?.list('pods').map(seenPod) ?? null,
    reasons,
  };
}

/** Would /readyz be answered with 200? */
function answersReady(server: ApiServer): boolean {
  const { machine, process } = server.options;
  return process.running && machine.answersNetwork && server.phase === 'ready' && server.etcd.usable;
}

/** As the workstation sees the endpoint: one machine answers for the address, and what listens there is ready. */
function endpointAnswers(world: World, { address, port }: Endpoint): boolean {
  const owner = world.network.owners(world.host, address)[0];
  const listener = owner?.listenerOn(address, port) ?? null;
  if (owner === undefined || listener === null) return false;
  if (listener.answersReady !== undefined) return listener.answersReady();
  const server = world.apiServers.get(owner.name);
  return server !== undefined && answersReady(server);
}

/** The cluster with the most running members; null when no member runs. */
function runningCluster(world: World): EtcdCluster | null {
  let best: EtcdCluster | null = null;
  for (const cluster of world.etcdClusters.values()) {
    if (cluster.nodes.size > (best?.nodes.size ?? 0)) best = cluster;
  }
  return best;
}

function seenEtcd(cluster: EtcdCluster | null): ObservedWorld['etcd'] {
  if (cluster === null) return { members: null, leader: null, quorum: false, tolerance: -1 };
  const leader = cluster.effectiveLeader();
  const members = cluster.members.map((member) => {
    const node = cluster.nodes.get(member.id);
    const healthy = node?.ready === true && node.machine.answersNetwork && node.canCommit();
    return { name: member.name, started: member.name !== '', learner: member.isLearner, healthy };
  });
  const voters = cluster.voters;
  const up = voters.filter(({ id }) => cluster.nodes.get(id)?.machine.answersNetwork === true).length;
  return {
    members: members.sort((a, b) => (a.name < b.name ? -1 : 1)),
    leader: leader?.name ?? null,
    quorum: leader !== null,
    tolerance: up - quorumSize(voters.length),
  };
}

function seenNode(node: KubeObject): NonNullable<ObservedWorld['nodes']>[number] {
  return {
    name: node.metadata.name,
    ready: listAt(node, 'status', 'conditions').some(
      (one) => textAt(one, 'type') === 'Ready' && textAt(one, 'status') === 'True',
    ),
    version: textAt(node, 'status', 'nodeInfo', 'kubeletVersion') ?? '',
    schedulable: at(node, 'spec', 'unschedulable') !== true,
  };
}

function seenPod(pod: KubeObject): NonNullable<ObservedWorld['pods']>[number] {
  const statuses = listAt(pod, 'status', 'containerStatuses');
  return {
    namespace: pod.metadata.namespace ?? '',
    name: pod.metadata.name,
    node: textAt(pod, 'spec', 'nodeName'),
    ready: statuses.length > 0 && statuses.every((status) => at(status, 'ready') === true),
    restarts: statuses.reduce<number>((total, status) => total + (numberAt(status, 'restartCount') ?? 0), 0),
  };
}
