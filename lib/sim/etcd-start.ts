/**
 * How an etcd member starts: from its data directory when there is one, else by founding a cluster or by joining
 * one that its peers tell it about. The directory on the disk holds the ids; the data they stand for is the
 * cluster's key space. Discovery services and `--force-new-cluster` are not modelled.
 */
import { EtcdCluster, clusterIdOf, memberIdOf, type EtcdMember } from './etcd-cluster.js';
import { parentOf } from './disk.js';
import { openRestored, type RestoredData } from './etcd-snapshot.js';
import type { Machine } from './machine.js';
import type { Prng } from '../base/prng.js';
import type { Certificate } from './pki.js';
import type { Invocation, Process } from './process.js';
import type { World } from './world.js';

export interface HostPort {
  /** Null listens on every address. */
  readonly host: string | null;
  readonly port: number;
}

export interface MemberConfig {
  readonly name: string;
  readonly version: string;
  /** On the machine's disk. */
  readonly dataDir: string;
  readonly initialCluster: readonly { readonly name: string; readonly peerUrl: string }[];
  readonly initialState: string;
  readonly token: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly listenClients: readonly HostPort[];
  readonly listenPeers: readonly HostPort[];
  readonly listenMetrics: readonly HostPort[];
  readonly heartbeatMs: number;
  readonly electionMs: number;
  readonly certificate: Certificate | null;
  readonly clientAuthority: Certificate | null;
  readonly peerAuthority: string;
  /** What it shows its peers; null without TLS between them. */
  readonly peerCertificate: Certificate | null;
  readonly quotaBytes: number;
}

/** What a running member is made from. */
export interface EtcdNodeOptions {
  readonly cluster: EtcdCluster;
  readonly id: string;
  readonly machine: Machine;
  readonly process: Process;
  readonly prng: Prng;
  readonly heartbeatMs: number;
  readonly electionMs: number;
  /** Key id of the authority that peers must be signed by; empty without TLS between peers. */
  readonly peerAuthority: string;
  /** What it shows its peers; null without TLS between them. */
  readonly peerCertificate: Certificate | null;
  readonly quotaBytes: number;
  /** Writes a line of its log. */
  readonly log: EtcdLog;
}

export type EtcdLog = (
  level: 'info' | 'warn',
  caller: string,
  msg: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

export interface OpenedMember {
  readonly cluster: EtcdCluster;
  readonly memberId: string;
}

interface DataFile {
  readonly cluster: string;
  readonly memberId: string;
}

/** The member to run, or why etcd ends at once. */
export function openMember(call: Invocation, config: MemberConfig): OpenedMember | string {
  const { world, machine } = call;
  const data = readData(machine, config.dataDir);
  if (data !== null && 'restored' in data) {
    const opened = { cluster: openRestored(world, data), memberId: data.memberId };
    return writeData(machine, config.dataDir, opened) ?? opened;
  }
  if (data !== null) {
    const cluster = world.etcdClusters.get(data.cluster);
    if (cluster === undefined) return 'walpb: crc mismatch';
    return { cluster, memberId: data.memberId };
  }
  const opened = config.initialState === 'existing' ? joinCluster(call, config) : foundCluster(world, config);
  if (typeof opened === 'string') return opened;
  return writeData(machine, config.dataDir, opened) ?? opened;
}

function foundCluster(world: World, config: MemberConfig): OpenedMember | string {
  const own = config.initialCluster.find((entry) => entry.name === config.name);
  if (own === undefined)
    return `couldn't find local name "${config.name}" in the initial cluster configuration`;
  if (!config.peerUrls.includes(own.peerUrl)) {
    const advertised = `--initial-advertise-peer-urls=${config.peerUrls.join(',')}`;
    return `--initial-cluster has ${own.name}=${own.peerUrl} but missing from ${advertised}`;
  }
  const members: EtcdMember[] = config.initialCluster.map(({ peerUrl }) => ({
    id: memberIdOf([peerUrl], config.token),
    name: '',
    peerUrls: [peerUrl],
    clientUrls: [],
    isLearner: false,
  }));
  const clusterId = clusterIdOf(members.map((member) => member.id));
  const memberId = memberIdOf([own.peerUrl], config.token);
  const known = [...world.etcdClusters.values()].filter((cluster) => cluster.clusterId === clusterId);
  const latest = members.length > 1 ? known.at(-1) : undefined;
  if (latest?.member(memberId)?.name === '' && latest.positionOf(memberId) === 0)
    return { cluster: latest, memberId };
  if (latest !== undefined && latest.nodes.size > 0) return bootstrapped(memberId);
  const cluster = new EtcdCluster(world, `${clusterId}.${known.length + 1}`, clusterId, members);
  world.etcdClusters.set(cluster.key, cluster);
  return { cluster, memberId };
}

function joinCluster(call: Invocation, config: MemberConfig): OpenedMember | string {
  const { world, machine } = call;
  const others = config.initialCluster
    .map((entry) => entry.peerUrl)
    .filter((url) => !config.peerUrls.includes(url));
  for (const cluster of world.etcdClusters.values()) {
    const peer = [...cluster.nodes.values()].find((node) => {
      const urls = cluster.member(node.id)?.peerUrls ?? [];
      const heard = world.network.hears(machine, node.machine) && node.peerAuthority === config.peerAuthority;
      return heard && urls.some((url) => others.includes(url));
    });
    if (peer === undefined) continue;
    if (cluster.members.length !== config.initialCluster.length)
      return 'error validating peerURLs: member count is unequal';
    const own = cluster.members.find((member) =>
      member.peerUrls.some((url) => config.peerUrls.includes(url)),
    );
    if (own === undefined) return 'error validating peerURLs: unmatched member while checking PeerURLs';
    if (own.name !== '' || cluster.positionOf(own.id) > 0) return bootstrapped(own.id);
    return { cluster, memberId: own.id };
  }
  return 'cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs';
}

function bootstrapped(id: string): string {
  return `member ${id} has already been bootstrapped`;
}

/** etcd's SegmentSizeBytes. */
const LOG_BYTES = 64_000_000;

function dataFile(dataDir: string): string {
  return `${dataDir}/member/snap/db`;
}

function readData(machine: Machine, dataDir: string): DataFile | RestoredData | null {
  const text = machine.disk.read(dataFile(dataDir));
  return text === null ? null : (JSON.parse(text) as DataFile | RestoredData);
}

function writeData(machine: Machine, dataDir: string, opened: OpenedMember): string | null {
  const data: DataFile = { cluster: opened.cluster.key, memberId: opened.memberId };
  return writeDataDirectory(machine, dataDir, data);
}

/** Null when it was written; else what could not be, in the words of Go's errors. */
export function writeDataDirectory(
  machine: Machine,
  dataDir: string,
  data: DataFile | RestoredData,
  size = 0,
): string | null {
  const { disk } = machine;
  const path = dataFile(dataDir);
  disk.makeDirectories(dataDir, 0o700);
  disk.makeDirectories(parentOf(path), 0o700);
  disk.makeDirectories(`${dataDir}/member/wal`, 0o700);
  // etcd reserves the log it writes and the next one in advance, however little is in them.
  for (const log of ['0000000000000000-0000000000000000.wal', '0.tmp']) {
    const wal = `${dataDir}/member/wal/${log}`;
    if (disk.write(wal, '', { mode: 0o600, size: LOG_BYTES }) !== null)
      return `write ${wal}: no space left on device`;
  }
  if (disk.write(path, JSON.stringify(data), { mode: 0o600, size }) === null) return null;
  return `write ${path}: no space left on device`;
}
