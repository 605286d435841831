/**
 * kube-vip as a static pod: the control plane's floating address by ARP and a Lease. Services of type LoadBalancer,
 * BGP, routing tables, DNS names and IPv6 are not modelled, nor the load balancing of `lb_enable`.
 */
import { ApiClient } from './api-client.js';
import { readAs } from './container.js';
import { imageName } from './containerd.js';
import { parseKubeconfig } from './kubeconfig.js';
import { klogLine, logrusLine } from './klog.js';
import { LeaderElector } from './leader-election.js';
import type { Invocation, Program } from './process.js';
import { idleTicks, sleep, waitFor, type Sim } from './task.js';

interface Settings {
  readonly address: string;
  readonly port: number;
  readonly interfaceName: string;
  readonly prefixLength: number;
  readonly nodeName: string;
  readonly namespace: string;
  readonly leaseName: string;
  readonly leaseMs: number;
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
  readonly keepsAddress: boolean;
}

const ADMIN_CONF = '/etc/kubernetes/admin.conf';
/** `$HOME` is `/` in an image made from scratch. */
const HOME_CONF = '/.kube/config';
const NAT_INTERFACE = 'eth0';
const ANNOUNCE_EVERY_MS = 3_000;
/** The client's time limit; a release that hangs ends after this at the latest. */
const REQUEST_TIMEOUT_MS = 10_000;

export const kubeVip: Program = function* run(call) {
  if (!call.args.includes('manager')) {
    call.print(
      'This is a server for providing a Virtual IP and load-balancer for the Kubernetes control-plane\n',
    );
    return 0;
  }
  const settings = readSettings(call);
  const { labNic } = call.machine;
  const version = call.container?.image.split(':').at(-1) ?? '';
  info(call, `Starting kube-vip.io [${version}]`);
  info(
    call,
    `namespace [${settings.namespace}], Mode: [ARP], Features(s): Control Plane:[true], Services:[false]`,
  );
  if (![labNic.name, NAT_INTERFACE, 'lo'].includes(settings.interfaceName)) {
    const name = settings.interfaceName;
    return fatal(
      call,
      `${name} is not valid interface, reason: get interface ${name} failed, error: Link not found`,
    );
  }
  info(call, `Using node name [${settings.nodeName}]`);
  const client = connect(call, settings);
  if (client === null) {
    return fatal(
      call,
      'could not create k8s clientset from incluster config: unable to load in-cluster configuration, ' +
        'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
    );
  }
  call.process.handlesTerminate = true;
  listen(call);
  info(call, 'prometheus HTTP server started');
  info(call, 'Starting Kube-vip Manager with the ARP engine');
  info(call, 'Starting UPNP Port Refresher');
  // A holder that was killed left the address behind; nobody shall find it twice.
  dropAddress(call, settings);
  return yield* takePart(call, settings, client);
};

function* takePart(call: Invocation, settings: Settings, client: ApiClient): Sim<number> {
  const { world } = call;
  const { process } = call;
  const lock = `namespace [${settings.namespace}], lock name [${settings.leaseName}], id [${settings.nodeName}]`;
  info(call, `Beginning cluster membership, ${lock}`);
  const elector = new LeaderElector({
    ...{ client, process, prng: call.prng.fork('election') },
    ...{ namespace: settings.namespace, name: settings.leaseName, identity: settings.nodeName },
    ...{ leaseMs: settings.leaseMs, renewDeadlineMs: settings.renewDeadlineMs, retryMs: settings.retryMs },
    requestTimeoutMs: Math.min(REQUEST_TIMEOUT_MS, settings.renewDeadlineMs),
    log: (level, line, text) => {
      call.printError(klogLine(call.machine, level, `leaderelection.go:${line}`, text));
    },
  });
  const election = world.scheduler.spawn(process.group, 'election', lead(call, settings, elector));
  while (election.state === 'running' && !process.terminating) {
    yield* waitFor([election.ended, process.terminate]);
  }
  election.kill();
  if (process.terminating) return yield* shutDown(call, settings, elector);
  yield* giveUp(call, settings, elector);
  return fatal(call, 'lost leadership, restarting kube-vip');
}

/** Becomes the leader and holds the address; returns when the Lease is lost. */
function* lead(call: Invocation, settings: Settings, elector: LeaderElector): Sim<void> {
  yield* elector.acquire();
  const { world, machine } = call;
  info(call, `Node [${settings.nodeName}] is assuming leadership of the cluster`);
  takeAddress(call, settings);
  world.emit(machine.name, 'kube-vip', 'VIP taken', { address: settings.address });
  world.scheduler.spawn(call.process.group, 'announcements', announce(call, settings));
  yield* elector.renew();
}

/** An announcement every three seconds; only those are made that could change a neighbour's mind. */
function* announce(call: Invocation, settings: Settings): Sim<never> {
  const { network, scheduler } = call.world;
  info(
    call,
    `Gratuitous Arp broadcast will repeat every 3 seconds for [${settings.address}/${settings.interfaceName}]`,
  );
  for (;;) {
    network.announce(call.machine, settings.address);
    if (network.owners(call.machine, settings.address).length > 1) yield* sleep(ANNOUNCE_EVERY_MS);
    else yield* idleTicks(scheduler, ANNOUNCE_EVERY_MS, [network.changed]);
  }
}

/** The renewals failed: kube-vip still tries to release the Lease, holding the address, and then lets both go. */
function* giveUp(call: Invocation, settings: Settings, elector: LeaderElector): Sim<void> {
  const timeoutMs = Math.min(REQUEST_TIMEOUT_MS, settings.renewDeadlineMs);
  if (!(yield* elector.release(timeoutMs))) {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${settings.namespace}/leases/${settings.leaseName}`;
    const url = `https://kubernetes:${settings.port}${path}?timeout=${timeoutMs / 1_000}s`;
    const text = `Failed to release lock: Put "${url}": context deadline exceeded`;
    call.printError(klogLine(call.machine, 'E', 'leaderelection.go:322', text));
  }
  info(call, 'This node is becoming a follower within the cluster');
  if (!settings.keepsAddress) dropAddress(call, settings);
}

/**
 * SIGTERM ends the manager and cancels the election, whose release of the Lease then races with the process' end.
 * On a real cluster the only candidate was gone before it had released anything, address and all; with others
 * waiting the release came through. What decides it is not known, so it is modelled as it was seen.
 */
function* shutDown(call: Invocation, settings: Settings, elector: LeaderElector): Sim<number> {
  info(call, 'Received kube-vip termination, signaling shutdown');
  info(call, 'Received termination, signaling cluster shutdown');
  yield* sleep(call.prng.int(800, 1_600));
  if (!elector.leading || !othersWait(call, settings)) return 0;
  yield* elector.release(Math.min(REQUEST_TIMEOUT_MS, settings.renewDeadlineMs));
  info(call, 'This node is becoming a follower within the cluster');
  dropAddress(call, settings);
  return fatal(call, 'lost leadership, restarting kube-vip');
}

function othersWait(call: Invocation, settings: Settings): boolean {
  const mine = imageName(call.container?.image ?? '');
  return [...call.world.machines.values()].some(
    (machine) =>
      machine !== call.machine &&
      machine.containers.containers.some(
        (one) => one.process.running && imageName(one.image) === mine && settings.leaseName !== '',
      ),
  );
}

function takeAddress(call: Invocation, settings: Settings): void {
  const { machine, world } = call;
  // On another card the address is held all the same, but nobody on the lab network can see it.
  if (settings.interfaceName !== machine.labNic.name) return;
  world.network.addAddress(machine, settings.address, settings.prefixLength);
}

function dropAddress(call: Invocation, settings: Settings): void {
  const { machine, world } = call;
  if (settings.interfaceName !== machine.labNic.name) return;
  if (!world.network.removeAddress(machine, settings.address)) return;
  world.emit(machine.name, 'kube-vip', 'VIP dropped', { address: settings.address });
}

/** admin.conf with the server replaced by the host alias; else the home folder's; else there is nothing. */
function connect(call: Invocation, settings: Settings): ApiClient | null {
  const read = (path: string): string | null => readAs(call, path);
  for (const path of [ADMIN_CONF, HOME_CONF]) {
    const text = call.container === null ? null : read(path);
    const config = text === null ? null : parseKubeconfig(call.world.documents, text, read);
    if (config === null) continue;
    const local = { server: `https://kubernetes:${settings.port}`, host: 'kubernetes', port: settings.port };
    const chosen = path === ADMIN_CONF ? { ...config, ...local } : config;
    return new ApiClient({ machine: call.machine, config: chosen, container: call.container });
  }
  return null;
}

/** Defaults are those of v1.0; a lease that is not written out is 5/3/1 there, and 15/10/2 from v1.1.0. */
function readSettings(call: Invocation): Settings {
  const { env } = call;
  const minor = /v(\d+)\.(\d+)/.exec(call.container?.image ?? '');
  const long = minor !== null && Number(minor[1]) * 1_000 + Number(minor[2]) >= 1_001;
  const seconds = (name: string, short: number, later: number): number =>
    Number(env[name] ?? (long ? later : short)) * 1_000;
  return {
    address: env['address'] ?? env['vip_address'] ?? '',
    port: Number(env['port'] ?? '6443'),
    interfaceName: env['vip_interface'] ?? NAT_INTERFACE,
    prefixLength: Number(env['vip_subnet'] ?? env['vip_cidr'] ?? '32'),
    nodeName: env['vip_nodename'] ?? call.machine.name,
    namespace: env['cp_namespace'] ?? 'kube-system',
    leaseName: env['vip_leasename'] ?? 'plndr-cp-lock',
    leaseMs: seconds('vip_leaseduration', 5, 15),
    renewDeadlineMs: seconds('vip_renewdeadline', 3, 10),
    retryMs: seconds('vip_retryperiod', 1, 2),
    keepsAddress: env['vip_preserve_on_leadership_loss'] === 'true',
  };
}

function listen(call: Invocation): void {
  const port = Number(/:(\d+)$/.exec(call.env['prometheus_server'] ?? '')?.[1] ?? '0');
  if (port === 0) return;
  call.process.listen({
    port,
    address: null,
    certificate: () => null,
    serve: function* metrics() {
      yield* [];
      return { status: 200, body: '# HELP go_goroutines Number of goroutines that currently exist.\n' };
    },
  });
}

function info(call: Invocation, text: string): void {
  call.printError(logrusLine(call.machine, 'info', text));
}

function fatal(call: Invocation, text: string): number {
  call.printError(logrusLine(call.machine, 'fatal', text));
  call.world.emit(call.machine.name, 'kube-vip', 'exits', { reason: text });
  return 1;
}
