/**
 * The program of the kube-apiserver image: flags and files, the way from its start to "ready", and its end. It
 * talks to the etcd of its own machine only. Admission plug-ins beyond api/admission.ts, audit, aggregation,
 * encryption at rest and priority-and-fairness queues are not modelled.
 */
import { parseCertificate, parseKey, parsePublicKey, type Certificate } from './pki.js';
import { defaultRbac, kubernetesService, SYSTEM_NAMESPACES } from './api/bootstrap-objects.js';
import { handle } from './api/handler.js';
import { tableOf } from './api/resources.js';
import { EtcdConnection } from './apiserver-etcd.js';
import { ApiServer, type ApiServerOptions } from './apiserver-state.js';
import { flagsOf, readAs } from './container.js';
import { keyOf } from './etcd-keyspace.js';
import { API_SERVER_FLAGS, FILE_FLAGS } from './apiserver-flags.js';
import type { KubeObject } from './objects.js';
import type { Invocation } from './process.js';
import { sleep, waitFor, type Sim } from './task.js';

/** etcd must be reachable within this long of the start, or the storage factory gives up. */
const ETCD_DIAL_MS = 20_000;
/** A post-start hook that needs etcd gives up after a minute; klog's Fatal exits 255. */
const HOOK_LIMIT_MS = 61_000;
const FATAL = 255;
/** Requests under way may finish after SIGTERM. */
const DRAIN_MS = 1_000;

export function* kubeApiserver(call: Invocation): Sim<number> {
  const flags = flagsOf(call.args.filter((argument) => argument.startsWith('-')));
  const unknown = [...flags.keys()].find((flag) => !API_SERVER_FLAGS.has(flag));
  if (unknown !== undefined) {
    call.printError(`Error: unknown flag: --${unknown}\n`);
    return 1;
  }
  const options = serverOptions(call, flags);
  if (typeof options === 'string') {
    call.printError(`E apiserver.go] "command failed" err="${options}"\n`);
    return 1;
  }
  const server = new ApiServer(options);
  const startMs = server.nowMs;
  const { process, world } = call;
  world.scheduler.spawn(process.group, `${call.machine.name}: etcd connection`, options.etcd.keep());
  yield* sleep(world.draw('apiserverListen', call.prng));
  while (options.etcd.node === null) {
    const leftMs = startMs + ETCD_DIAL_MS - server.nowMs;
    if (leftMs <= 0) {
      const words = 'Error creating leases: error creating storage factory: context deadline exceeded';
      call.printError(`F instance.go:226] ${words}\n`);
      return FATAL;
    }
    yield* waitFor([options.etcd.changed], leftMs);
  }
  return yield* serve(call, server);
}

function* serve(call: Invocation, server: ApiServer): Sim<number> {
  const { process, world, machine } = call;
  const { options } = server;
  process.handlesTerminate = true;
  process.listen({
    port: options.securePort,
    address: null,
    certificate: () => options.serving,
    healthChanged: server.healthChanged,
    varies: () => !server.etcd.prompt,
    serve: (request) => handle(server, request),
  });
  world.apiServers.set(machine.name, server);
  world.scheduler.spawn(process.group, `${machine.name}: API health`, watchHealth(server));
  world.scheduler.spawn(process.group, `${machine.name}: credentials`, server.credentials.watch());
  const code = yield* becomeReady(call, server);
  if (code !== null) return code;
  while (!process.terminating) yield* waitFor([process.terminate]);
  server.setPhase('stopping');
  yield* sleep(DRAIN_MS);
  // What waits for etcd is waited for; the kubelet's SIGKILL ends that.
  while (!server.etcd.usable) yield* waitFor([server.healthChanged]);
  return 0;
}

/** From the open port until /livez passes. An exit code when that failed. */
function* becomeReady(call: Invocation, server: ApiServer): Sim<number | null> {
  const { process, world, machine } = call;
  const openMs = server.nowMs;
  world.emit(machine.name, 'kube-apiserver', 'port open, everything forbidden', {});
  yield* sleep(world.draw('apiserverForbidden', call.prng));
  while (!server.etcd.usable) {
    const leftMs = openMs + HOOK_LIMIT_MS - server.nowMs;
    if (process.terminating) return 0;
    if (leftMs <= 0) {
      const why = 'unable to perform initial IP and Port allocation check';
      call.printError(`F hooks.go:210] PostStartHook "start-service-ip-repair-controllers" failed: ${why}\n`);
      world.emit(machine.name, 'kube-apiserver', 'gave up waiting for etcd', {});
      return FATAL;
    }
    yield* waitFor([server.healthChanged, process.terminate], leftMs);
  }
  const bootstrapped = yield* server.etcd.commit(() => {
    writeDefaults(server);
  });
  if (!bootstrapped.ok) {
    call.printError(`F hooks.go:210] PostStartHook "bootstrap-controller" failed: ${bootstrapped.error}\n`);
    return FATAL;
  }
  server.setPhase('hooks');
  world.emit(machine.name, 'kube-apiserver', 'API usable', {});
  yield* sleep(world.draw('apiserverHooks', call.prng));
  if (process.terminating) return 0;
  server.setPhase('ready');
  world.emit(machine.name, 'kube-apiserver', 'ready', {});
  return null;
}

/** Tells those who depend on it when etcd becomes usable or unusable, and breaks watches after a while. */
function* watchHealth(server: ApiServer): Sim<never> {
  const { etcd } = server;
  let { usable, prompt } = etcd;
  let brokenAtMs: number | null = null;
  for (;;) {
    const cluster = etcd.node?.cluster;
    const leftMs = brokenAtMs === null ? null : brokenAtMs - server.nowMs;
    yield* waitFor([etcd.changed, ...(cluster === undefined ? [] : [cluster.changed])], leftMs);
    const changed = etcd.usable !== usable;
    if (changed || etcd.prompt !== prompt) server.healthChanged.fire();
    prompt = etcd.prompt;
    if (changed) {
      usable = etcd.usable;
      // etcd cancels watches after three election timeouts without a leader.
      brokenAtMs = usable ? null : server.nowMs + 3 * (etcd.node?.electionMs ?? 0);
    }
    if (brokenAtMs === null || server.nowMs < brokenAtMs) continue;
    brokenAtMs = null;
    server.watchesBroken.fire();
  }
}

/** Creates what every cluster has, where it is missing. */
function writeDefaults(server: ApiServer): void {
  const { space } = server;
  if (space === null) return;
  const namespaces = SYSTEM_NAMESPACES.map((name): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }));
  const service = kubernetesService(server.firstServiceAddress, server.options.securePort);
  for (const object of [...namespaces, ...defaultRbac(), service]) {
    const table = tableFor(object);
    const key = keyOf(object);
    if (space.get(table, key) !== null) continue;
    const metadata = {
      ...object.metadata,
      uid: server.newUid(),
      creationTimestamp: server.date,
    };
    space.put(table, key, { ...object, metadata });
  }
}

function tableFor(object: KubeObject): string {
  const group = object.apiVersion.includes('/') ? (object.apiVersion.split('/')[0] ?? '') : '';
  return tableOf({ group, resource: `${object.kind.toLowerCase()}s` });
}

/** The flags as the server uses them, or what is wrong with them. */
function serverOptions(call: Invocation, flags: ReadonlyMap<string, string>): ApiServerOptions | string {
  const missing = (flag: string): string | null => {
    const path = flags.get(flag);
    return path === undefined || readAs(call, path) !== null ? null : path;
  };
  for (const flag of FILE_FLAGS) {
    const path = missing(flag);
    if (path !== null) return `open ${path}: no such file or directory`;
  }
  const certificate = (flag: string): Certificate | null =>
    parseCertificate(readAs(call, flags.get(flag) ?? '') ?? '');
  const serving = certificate('tls-cert-file');
  const servingKey = parseKey(readAs(call, flags.get('tls-private-key-file') ?? '') ?? '');
  if (serving === null)
    return 'failed to load certificate: tls: failed to find any PEM data in certificate input';
  if (serving.keyId !== servingKey) return 'tls: private key does not match public key';
  const endpoints = (flags.get('etcd-servers') ?? '').split(',').flatMap((url) => {
    const match = /^https?:\/\/(.+):(\d+)$/.exec(url);
    return match === null ? [] : [{ host: match[1] ?? '', port: Number(match[2]) }];
  });
  if (endpoints.length === 0) return '--etcd-servers must be specified';
  const { machine, process, prng } = call;
  const authority = certificate('etcd-cafile');
  const client = certificate('etcd-certfile');
  return {
    machine,
    process,
    prng: prng.fork('requests'),
    etcd: new EtcdConnection({
      machine,
      process,
      prng: prng.fork('etcd'),
      endpoints,
      authority,
      client,
    }),
    version: call.container?.image.split(':')[1] ?? 'v1.31.4',
    advertiseAddress: flags.get('advertise-address') ?? machine.options.address,
    securePort: Number(flags.get('secure-port') ?? '6443'),
    serviceRange: flags.get('service-cluster-ip-range') ?? '10.0.0.0/24',
    serving,
    clientAuthority: certificate('client-ca-file'),
    kubeletClient: certificate('kubelet-client-certificate'),
    serviceAccountKey: parsePublicKey(readAs(call, flags.get('service-account-key-file') ?? '') ?? ''),
    anonymous: flags.get('anonymous-auth') !== 'false',
  };
}
