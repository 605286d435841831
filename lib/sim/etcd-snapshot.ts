/**
 * Snapshot files of etcd, and data directories made from them: the key space of one moment with its revision, under
 * new members. The real file is a database with a digest behind it; here it is text of the same size, with the same
 * digest. A copy of a live data directory is no snapshot: the simulator refuses it, with and without its digest.
 */
import { sha256Hex } from '../base/digest.js';
import { EtcdCluster, clusterIdOf, memberIdOf, type EtcdMember } from './etcd-cluster.js';
import type { EtcdNode } from './etcd-node.js';
import type { KubeObject } from './objects.js';
import type { World } from './world.js';

export type SnapshotEntry = readonly [table: string, key: string, object: KubeObject];

export interface EtcdSnapshot {
  readonly kind: 'etcd-snapshot';
  readonly revision: number;
  /** Of the database, without the digest behind it. */
  readonly size: number;
  readonly entries: readonly SnapshotEntry[];
}

/** The digest's bytes, which `snapshot save` puts behind the database. */
export const DIGEST_BYTES = 32;

/** The file of a member's own data. Taking it needs no quorum. */
export function printSnapshot(node: EtcdNode): string {
  const { space, size } = node.cluster;
  const snapshot: EtcdSnapshot = {
    kind: 'etcd-snapshot',
    revision: space.revision,
    size: size.bytes(node.id),
    entries: [...space.dump()],
  };
  const body = JSON.stringify(snapshot);
  return `${body}\n${sha256Hex(body)}\n`;
}

/** A snapshot and the digest that belongs to it, beside the one that is in the file; null for any other file. */
export function parseSnapshot(
  text: string,
): { readonly snapshot: EtcdSnapshot; readonly digest: string; readonly expected: string } | null {
  const [body = '', expected = ''] = text.split('\n');
  try {
    const snapshot = JSON.parse(body) as Partial<EtcdSnapshot> | null;
    if (snapshot?.kind !== 'etcd-snapshot') return null;
    return { snapshot: snapshot as EtcdSnapshot, digest: sha256Hex(body), expected };
  } catch {
    return null; // A damaged file is no database.
  }
}

/** What a restored data directory holds until a member has started from it. */
export interface RestoredData {
  readonly restored: {
    readonly clusterId: string;
    readonly members: readonly EtcdMember[];
    readonly snapshot: EtcdSnapshot;
    readonly digest: string;
  };
  readonly memberId: string;
}

/** The data of one member of the cluster that `initialCluster` names, which begins with what the snapshot holds. */
export function restoredData(
  parsed: { readonly snapshot: EtcdSnapshot; readonly digest: string },
  options: {
    readonly name: string;
    readonly token: string;
    readonly initialCluster: readonly { readonly name: string; readonly peerUrl: string }[];
  },
): RestoredData {
  const { initialCluster, token, name } = options;
  const byName = new Map<string, string[]>();
  for (const entry of initialCluster)
    byName.set(entry.name, [...(byName.get(entry.name) ?? []), entry.peerUrl].sort());
  const members = [...byName].map(([member, peerUrls]) => ({
    id: memberIdOf(peerUrls, token),
    name: member,
    peerUrls,
    clientUrls: [],
    isLearner: false,
  }));
  const { snapshot, digest } = parsed;
  const memberId = members.find((member) => member.name === name)?.id ?? '';
  return {
    restored: { clusterId: clusterIdOf(members.map(({ id }) => id)), members, snapshot, digest },
    memberId,
  };
}

/** The cluster of a restored data directory: the one its other members have started already, or a new one. */
export function openRestored(world: World, { restored, memberId }: RestoredData): EtcdCluster {
  const { clusterId, members, snapshot, digest } = restored;
  const prefix = `${clusterId}.${digest.slice(0, 8)}`;
  const earlier = [...world.etcdClusters.keys()].filter((key) => key.startsWith(prefix));
  const latest = world.etcdClusters.get(earlier.at(-1) ?? '');
  if (latest?.restored.delete(memberId) === true) return latest;
  const cluster = new EtcdCluster(world, `${prefix}.${earlier.length + 1}`, clusterId, members);
  cluster.space.load(snapshot.revision, snapshot.entries);
  for (const { id } of members) if (id !== memberId) cluster.restored.add(id);
  world.etcdClusters.set(cluster.key, cluster);
  return cluster;
}
