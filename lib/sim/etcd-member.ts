/**
 * The program of the etcd image: flags, certificates, data directory, joining or founding a cluster, and the
 * listeners for clients and for health. What it knows of the cluster while it runs is in etcd-node.ts.
 */
import { flagsOf, hostPathOf, readAs } from './container.js';
import { answerEtcd, etcdMethodOf, type EtcdParameters } from './etcd-api.js';
import type { EtcdCluster } from './etcd-cluster.js';
import { serveEtcdHealth } from './etcd-health.js';
import { openMember, type MemberConfig } from './etcd-start.js';
import { goDuration } from './etcd-slow.js';
import { EtcdNode } from './etcd-node.js';
import { propose } from './etcd-requests.js';
import { DEFAULT_QUOTA_BYTES } from './etcd-size.js';
import type { Listener, Request, Response } from './network.js';
import { isInTime, parseCertificate, parseKey, type Certificate } from './pki.js';
import type { Invocation } from './process.js';
import { sleep, waitFor, type Sim } from './task.js';

/** etcd warns of clocks that differ by more than this. It does so every 30 s, this one once. */
const DRIFT_WARNING_MS = 1_000;
const LOG_LASTS_MS = 1_800_000;
/** etcd leaves this long after its own removal was applied. */
const REMOVED_DELAY_MS = 1_000;
const FILES = [
  ['cert-file', 'key-file', 'trusted-ca-file'],
  ['peer-cert-file', 'peer-key-file', 'peer-trusted-ca-file'],
] as const;

/** Flags that kubeadm passes or that people tune; etcd refuses all others that it does not know. */
const KNOWN_FLAGS = new Set([
  ...['name', 'data-dir', 'initial-cluster', 'initial-cluster-state', 'initial-cluster-token'],
  ...['listen-client-urls', 'listen-peer-urls', 'listen-metrics-urls', 'advertise-client-urls'],
  ...['initial-advertise-peer-urls', 'heartbeat-interval', 'election-timeout', 'snapshot-count'],
  ...['client-cert-auth', 'peer-client-cert-auth', ...FILES[0], ...FILES[1], 'quota-backend-bytes'],
  ...['experimental-initial-corrupt-check', 'experimental-watch-progress-notify-interval'],
  ...['auto-compaction-mode', 'auto-compaction-retention', 'max-request-bytes', 'logger', 'log-level'],
  ...['strict-reconfig-check', 'pre-vote', 'metrics', 'max-snapshots', 'max-wals', 'tls-min-version'],
  ...['cipher-suites', 'feature-gates', 'initial-corrupt-check', 'watch-progress-notify-interval'],
]);

export function* etcd(call: Invocation): Sim<number> {
  const flags = flagsOf(call.args);
  const unknown = [...flags.keys()].find((flag) => !KNOWN_FLAGS.has(flag));
  if (unknown !== undefined) {
    call.printError(`flag provided but not defined: -${unknown}\n`);
    return 2;
  }
  const config = memberConfig(call, flags);
  if (typeof config === 'string') return fatal(call, config);
  yield* sleep(call.world.draw('etcdStart', call.prng));
  const opened = openMember(call, config);
  if (typeof opened === 'string') return fatal(call, opened);
  return yield* serve(call, config, opened.cluster, opened.memberId);
}

function* serve(call: Invocation, config: MemberConfig, cluster: EtcdCluster, id: string): Sim<number> {
  const { machine, process, world } = call;
  const { scheduler } = world;
  const node = new EtcdNode({
    ...{ ...config, cluster, id, machine, process, prng: call.prng.fork('raft') },
    log: (level, caller, msg, fields) => {
      const ts = machine.date(true);
      call.printError(`${JSON.stringify({ level, ts, caller, msg, ...fields })}\n`);
    },
  });
  cluster.attach(node);
  // The peers notice the end of the process when its connections close.
  scheduler.spawn(world.group, `end of etcd on ${machine.name}`, detachAtEnd(node));
  scheduler.spawn(process.group, `${machine.name}: raft`, node.run(firstTimeoutMs(node)));
  scheduler.spawn(process.group, `${machine.name}: etcd publishes`, publish(node, config));
  scheduler.spawn(process.group, `${machine.name}: etcd probes clocks`, warnOfDrift(node));
  scheduler.spawn(process.group, `${machine.name}: log of etcd`, endWithLog(call, node));
  listen(call, config, node);
  process.handlesTerminate = true;
  while (!process.terminating && !cluster.removed.has(id))
    yield* waitFor([process.terminate, cluster.changed]);
  if (!process.terminating) {
    yield* sleep(REMOVED_DELAY_MS);
    log(call, 'warn', 'server error', 'the member has been permanently removed from the cluster');
    log(call, 'warn', 'data-dir used by this member must be removed');
    return 0;
  }
  yield* node.handOver();
  return 0;
}

/** etcd moves its first election timer forward, so that a member that starts does not wait in vain. */
function firstTimeoutMs(node: EtcdNode): number {
  const ticks = Math.floor(node.electionMs / node.heartbeatMs);
  const skipped = node.cluster.members.length === 1 ? ticks - 1 : ticks - 2;
  return (ticks + node.prng.int(0, ticks - 1) - skipped) * node.heartbeatMs;
}

function* detachAtEnd(node: EtcdNode): Sim<void> {
  while (node.process.running) yield* waitFor([node.process.exited]);
  node.cluster.detach(node);
}

/**
 * The log is written to a file that was reserved whole, so a full disk is noticed when the next one is needed: within
 * half an hour at the pace of a quiet cluster, which is an estimate. A member that starts again needs it at once.
 */
function* endWithLog(call: Invocation, node: EtcdNode): Sim<void> {
  const { disk } = call.machine;
  const { logEnds } = node.cluster;
  for (;;) {
    while (!disk.isFull) {
      logEnds.delete(node.id);
      yield* waitFor([disk.spaceChanged]);
    }
    const endsMs = logEnds.get(node.id) ?? call.world.nowMs + node.slowPrng.int(0, LOG_LASTS_MS);
    logEnds.set(node.id, endsMs);
    const leftMs = endsMs - call.world.nowMs;
    if (leftMs > 0 && (yield* waitFor([disk.spaceChanged], leftMs)) !== null) continue;
    const ts = call.machine.date(true);
    const msg = 'failed to save Raft hard state and entries';
    const error = 'write /var/lib/etcd/member/wal/0.tmp: no space left on device';
    call.printError(
      `${JSON.stringify({ level: 'fatal', ts, caller: 'etcdserver/raft.go:246', msg, error })}\n`,
    );
    call.process.exit(1);
    return;
  }
}

/** Members compare their clocks, and only say so when they drift apart: raft does not depend on them. */
function* warnOfDrift(node: EtcdNode): Sim<never> {
  const { machine, cluster } = node;
  for (;;) {
    yield* waitFor([machine.clockChanged]);
    for (const peer of cluster.nodes.values()) {
      const driftMs = Math.abs(machine.clockSkewMs - peer.machine.clockSkewMs);
      if (peer === node || driftMs <= DRIFT_WARNING_MS || !cluster.connected(node.id, peer.id)) continue;
      noteDrift(node, peer, driftMs);
      noteDrift(peer, node, driftMs);
    }
  }
}

function noteDrift(node: EtcdNode, peer: EtcdNode, driftMs: number): void {
  node.log('warn', 'rafthttp/probing_status.go:82', 'prober found high clock drift', {
    'round-tripper-name': 'ROUND_TRIPPER_RAFT_MESSAGE',
    'remote-peer-id': peer.id,
    'clock-drift': goDuration(driftMs),
  });
}

/** Publishes name and client addresses through the log; clients are served from then on. */
function* publish(node: EtcdNode, config: MemberConfig): Sim<void> {
  const { cluster } = node;
  for (;;) {
    while (!node.canCommit() || !node.synced) yield* waitFor([cluster.changed]);
    const published = yield* propose(node, () => {
      const member = cluster.member(node.id);
      if (member === null) return;
      const { name, clientUrls } = config;
      if (member.name !== name || member.clientUrls.join() !== clientUrls.join())
        cluster.setMember({ ...member, name, clientUrls });
    });
    if (published.ok) break;
  }
  node.ready = true;
  cluster.changed.fire();
  cluster.world.emit(node.machine.name, 'etcd', 'member serves clients', { member: config.name });
}

function listen(call: Invocation, config: MemberConfig, node: EtcdNode): void {
  const { process } = call;
  const certificate = (): Certificate | null => config.certificate;
  for (const { host, port } of config.listenClients) {
    const serveClients: Listener['serve'] = (request) => answerClient(call, config, node, request);
    process.listen({ port, address: host, certificate, serve: serveClients });
  }
  for (const { host, port } of config.listenPeers)
    process.listen({ port, address: host, certificate, serve: refusePeer });
  for (const { host, port } of config.listenMetrics) {
    const answer: Listener['serve'] = (request) => serveEtcdHealth(node, request);
    const healthChanged = node.cluster.changed;
    process.listen({ port, address: host, certificate: () => null, healthChanged, serve: answer });
  }
}

function* answerClient(
  call: Invocation,
  config: MemberConfig,
  node: EtcdNode,
  request: Request,
): Sim<Response | 'reset'> {
  if (!accepts(config, request.clientCertificate ?? null, call.machine.wallMs)) return 'reset';
  if (request.path === '/connect') return { status: 200, body: node };
  const parameters = (request.body ?? {}) as EtcdParameters;
  const reply = yield* answerEtcd(node, config.version, etcdMethodOf(request.path), parameters);
  return reply === null
    ? { status: 501, body: { ok: false, error: `unknown method ${request.path}` } }
    : { status: 200, body: reply };
}

/** Raft messages do not travel as requests; who asks the peer port anything else is sent away. */
function* refusePeer(): Sim<Response> {
  yield* [];
  return { status: 404, body: '404 page not found\n' };
}

function accepts(config: MemberConfig, client: Certificate | null, nowMs: number): boolean {
  if (config.clientAuthority === null) return true;
  return client !== null && client.issuerKeyId === config.clientAuthority.keyId && isInTime(client, nowMs);
}

/** The flags as the member uses them, or what is wrong with them. */
function memberConfig(call: Invocation, flags: ReadonlyMap<string, string>): MemberConfig | string {
  for (const name of [...FILES[0], ...FILES[1]]) {
    const path = flags.get(name);
    if (path === undefined) continue;
    const text = readAs(call, path);
    if (text === null) return `open ${path}: no such file or directory`;
    const usable = name.endsWith('key-file') ? parseKey(text) : parseCertificate(text);
    if (usable === null) return `tls: failed to find any PEM data in certificate input`;
  }
  const certificateOf = (flag: string): Certificate | null => {
    const path = flags.get(flag);
    return path === undefined ? null : parseCertificate(readAs(call, path) ?? '');
  };
  const heartbeatMs = Number(flags.get('heartbeat-interval') ?? '100');
  const electionMs = Number(flags.get('election-timeout') ?? '1000');
  if (5 * heartbeatMs > electionMs) {
    const least = `--heartbeat-interval[${heartbeatMs}ms]`;
    return `--election-timeout[${electionMs}ms] should be at least as 5 times as ${least}`;
  }
  const dataDir = flags.get('data-dir') ?? 'default.etcd';
  const urls = (flag: string, otherwise: string): string[] => (flags.get(flag) ?? otherwise).split(',');
  return {
    name: flags.get('name') ?? 'default',
    version: (call.container?.image.split(':')[1] ?? '3.5.16').replace(/^v/, '').replace(/-\d+$/, ''),
    dataDir: dataDirectory(call, dataDir),
    initialCluster: parseInitialCluster(flags.get('initial-cluster') ?? ''),
    initialState: flags.get('initial-cluster-state') ?? 'new',
    token: flags.get('initial-cluster-token') ?? 'etcd-cluster',
    peerUrls: urls('initial-advertise-peer-urls', 'http://localhost:2380'),
    clientUrls: urls('advertise-client-urls', 'http://localhost:2379'),
    listenClients: urls('listen-client-urls', 'http://localhost:2379').map(hostPort),
    listenPeers: urls('listen-peer-urls', 'http://localhost:2380').map(hostPort),
    listenMetrics: flags.has('listen-metrics-urls') ? urls('listen-metrics-urls', '').map(hostPort) : [],
    heartbeatMs,
    electionMs,
    certificate: certificateOf('cert-file'),
    clientAuthority: flags.get('client-cert-auth') === 'true' ? certificateOf('trusted-ca-file') : null,
    peerAuthority: certificateOf('peer-trusted-ca-file')?.keyId ?? '',
    peerCertificate: certificateOf('peer-cert-file'),
    quotaBytes: quotaOf(flags),
  };
}

/** etcd takes 0 for its default and a negative number for no quota at all. */
function quotaOf(flags: ReadonlyMap<string, string>): number {
  const bytes = Number(flags.get('quota-backend-bytes') ?? '0');
  return bytes === 0 ? DEFAULT_QUOTA_BYTES : bytes < 0 ? Infinity : bytes;
}

/** Data that nothing mounts goes with the pod. */
function dataDirectory(call: Invocation, path: string): string {
  const { container } = call;
  if (container === null) return path;
  return hostPathOf(container, path) ?? `/run/containerd/rootfs/${container.pod.uid}${path}`;
}

function parseInitialCluster(text: string): { name: string; peerUrl: string }[] {
  return text
    .split(',')
    .filter((part) => part.includes('='))
    .map((part) => ({
      name: part.slice(0, part.indexOf('=')),
      peerUrl: part.slice(part.indexOf('=') + 1),
    }));
}

function hostPort(url: string): { host: string | null; port: number } {
  const match = /^https?:\/\/(.*):(\d+)$/.exec(url);
  const host = match?.[1] ?? 'localhost';
  return { host: host === '0.0.0.0' ? null : host, port: Number(match?.[2] ?? '2379') };
}

function fatal(call: Invocation, error: string): number {
  log(call, 'fatal', 'discovery failed', error);
  return 1;
}

function log(call: Invocation, level: string, msg: string, error?: string): void {
  const ts = call.machine.date(true);
  call.printError(`${JSON.stringify({ level, ts, msg, ...(error === undefined ? {} : { error }) })}\n`);
}
