/** The control plane as an all-seeing observer has it: plain reads, without an event or a random draw. */
import { tolerance } from '../model/quorum.js';
import type { EtcdCluster } from './etcd-cluster.js';
import type { KubeObject } from './objects.js';
import type { World } from './world.js';

export interface EtcdObservation {
  /** In order of their ids. Null when no member runs. */
  readonly members:
    | readonly {
        readonly name: string;
        readonly started: boolean;
        readonly learner: boolean;
        /** It runs, and a linearizable read through it would be answered. */
        readonly healthy: boolean;
      }[]
    | null;
  readonly leader: string | null;
  readonly quorum: boolean;
  /** Voters that may still fail before quorum is lost; negative when it is lost already. */
  readonly tolerance: number;
}

/** The cluster with the most running members; the youngest of equals. */
export function observedCluster(world: World): EtcdCluster | null {
  let cluster: EtcdCluster | null = null;
  for (const candidate of world.etcdClusters.values())
    if (candidate.nodes.size > 0 && candidate.nodes.size >= (cluster?.nodes.size ?? 0)) cluster = candidate;
  return cluster;
}

export function observeEtcd(cluster: EtcdCluster | null): EtcdObservation {
  if (cluster === null) return { members: null, leader: null, quorum: false, tolerance: -1 };
  const { nodes } = cluster;
  const leader = cluster.effectiveLeader();
  const { voters } = cluster;
  const up = voters.filter(({ id }) => nodes.get(id)?.machine.answersNetwork === true).length;
  return {
    members: cluster.members.map(({ id, name, isLearner }) => ({
      name: name === '' ? (nodes.get(id)?.machine.name ?? '') : name,
      started: name !== '',
      learner: isLearner,
      healthy: nodes.get(id)?.ready === true && nodes.get(id)?.canCommit() === true,
    })),
    leader: leader?.name ?? null,
    quorum: leader !== null,
    tolerance: tolerance(voters.length, up),
  };
}

/** By machine name, whether its API server would answer /readyz with 200. Machines without one are left out. */
export function observeApi(world: World): Map<string, { readonly ready: boolean }> {
  const found = new Map<string, { readonly ready: boolean }>();
  for (const [name, server] of world.apiServers) {
    const { machine, process } = server.options;
    if (world.machines.get(name) !== machine || !process.running) continue;
    const ready = machine.power === 'running' && server.phase === 'ready' && server.etcd.usable;
    found.set(name, { ready });
  }
  return found;
}

/** All objects of a table (`nodes`, `pods`, `leases.coordination.k8s.io`); null when no API server could answer. */
export function readObjects(world: World, table: string): readonly KubeObject[] | null {
  for (const server of world.apiServers.values()) {
    const { process, machine } = server.options;
    const answers = process.running && machine.power === 'running' && server.phase !== 'forbidden';
    if (answers && server.etcd.usable && server.space !== null) return server.space.list(table);
  }
  return null;
}
