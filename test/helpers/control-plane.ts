// Control-plane machines with certificates, on which tests start etcd and API servers as a kubelet would.
import { Prng } from '../../lib/base/prng.js';
import { kubeApiserver } from '../../lib/sim/apiserver.js';
import { ApiClient } from '../../lib/sim/api-client.js';
import type { EtcdMethod, EtcdParameters, EtcdReply } from '../../lib/sim/etcd-api.js';
import { etcdPath } from '../../lib/sim/etcd-api.js';
import { must } from '../../lib/base/errors.js';
import type { EtcdCluster } from '../../lib/sim/etcd-cluster.js';
import { etcd } from '../../lib/sim/etcd-member.js';
import type { Machine } from '../../lib/sim/machine.js';
import {
  issueAuthority,
  issueCertificate,
  issueKey,
  type Certificate,
  type KeyPair,
} from '../../lib/sim/pki.js';
import { createMachine } from '../../lib/sim/power.js';
import type { Invocation, Process } from '../../lib/sim/process.js';
import { waitFor, type Sim } from '../../lib/sim/task.js';
import { World, type TraceEvent } from '../../lib/sim/world.js';

const IMAGE = { kubernetesVersion: 'v1.31.4', kubeVipVersion: 'v1.0.4' };
const ETCD_PKI = '/etc/kubernetes/pki/etcd';
const PKI = '/etc/kubernetes/pki';

/** The units of the image, which these tests do without. */
function* idle(_call: Invocation): Sim<number> {
  yield* waitFor([]);
  return 0;
}

export interface EtcdOptions {
  /** Names of all members that the flag --initial-cluster lists. */
  readonly initial: readonly string[];
  readonly state?: 'new' | 'existing';
  readonly extra?: readonly string[];
}

export class ControlPlane {
  readonly world: World;
  readonly trace: TraceEvent[] = [];
  readonly machines: Machine[];
  readonly authority: KeyPair;
  readonly etcdAuthority: KeyPair;
  readonly #prng: Prng;

  constructor(names: readonly string[], seed = 1) {
    this.world = new World({
      seed,
      timeScale: 1,
      interfaceName: 'eth1',
      prefixLength: 24,
      hostAddress: '192.168.62.1',
      programs: new Map(['containerd', 'kubelet', 'sshd'].map((name) => [name, idle])),
      containers: new Map(),
      onTrace: (event) => this.trace.push(event),
    });
    this.#prng = new Prng(seed, '/pki');
    this.authority = issueAuthority(this.#prng, 'kubernetes', 0);
    this.etcdAuthority = issueAuthority(this.#prng, 'etcd-ca', 0);
    const { scheduler, group } = this.world;
    for (const [index, name] of names.entries()) {
      const options = {
        ...{ name, role: 'control-plane' as const, cpus: 2, memoryMiB: 4_096 },
        ...{ address: `192.168.62.${11 + index}`, prefixLength: 24 },
      };
      scheduler.spawn(group, name, createMachine(this.world, options, IMAGE));
    }
    this.pass(200_000);
    this.machines = names.map((name) => this.world.machine(name));
    const keys = issueKey(this.#prng);
    for (const machine of this.machines) this.#writePki(machine, keys);
  }

  machine(name: string): Machine {
    return this.world.machine(name);
  }

  pass(ms: number): void {
    this.world.scheduler.runUntil(this.world.nowMs + ms);
  }

  /** Runs an activity to its end; a bug when it does not come to one within `withinMs`. Leaves the clock there. */
  run<T>(body: Sim<T>, withinMs = 600_000): T {
    const { scheduler, group } = this.world;
    const task = scheduler.spawn(group, 'test', body);
    const untilMs = this.world.nowMs + withinMs;
    while (task.state === 'running') {
      const next = scheduler.nextAtMs();
      if (next === null || next > untilMs) throw new Error(`still running after ${withinMs} ms`);
      scheduler.runNext();
    }
    return task.result as T;
  }

  startEtcd(name: string, options: EtcdOptions): Process {
    const machine = this.machine(name);
    const { address } = machine.options;
    const member = (one: string): string => `${one}=https://${this.machine(one).options.address}:2380`;
    return machine.run('etcd', etcd, [
      `--advertise-client-urls=https://${address}:2379`,
      '--client-cert-auth=true',
      `--cert-file=${ETCD_PKI}/server.crt`,
      `--key-file=${ETCD_PKI}/server.key`,
      `--trusted-ca-file=${ETCD_PKI}/ca.crt`,
      '--data-dir=/var/lib/etcd',
      `--initial-advertise-peer-urls=https://${address}:2380`,
      `--initial-cluster=${options.initial.map(member).join(',')}`,
      `--initial-cluster-state=${options.state ?? 'new'}`,
      `--listen-client-urls=https://127.0.0.1:2379,https://${address}:2379`,
      '--listen-metrics-urls=http://127.0.0.1:2381',
      `--listen-peer-urls=https://${address}:2380`,
      `--name=${name}`,
      `--peer-trusted-ca-file=${ETCD_PKI}/ca.crt`,
      ...(options.extra ?? []),
    ]);
  }

  startApi(name: string): Process {
    const { address } = this.machine(name).options;
    return this.machine(name).run('kube-apiserver', kubeApiserver, [
      `--advertise-address=${address}`,
      `--client-ca-file=${PKI}/ca.crt`,
      `--etcd-cafile=${ETCD_PKI}/ca.crt`,
      `--etcd-certfile=${PKI}/apiserver-etcd-client.crt`,
      `--etcd-keyfile=${PKI}/apiserver-etcd-client.key`,
      '--etcd-servers=https://127.0.0.1:2379',
      '--secure-port=6443',
      '--service-cluster-ip-range=10.96.0.0/12',
      `--service-account-key-file=${PKI}/sa.pub`,
      `--tls-cert-file=${PKI}/apiserver.crt`,
      `--tls-private-key-file=${PKI}/apiserver.key`,
    ]);
  }

  /** A cluster of all machines: the first founds it, the others join as learners and are promoted. */
  formEtcd(): EtcdCluster {
    const [first = '', ...others] = this.machines.map((machine) => machine.name);
    this.startEtcd(first, { initial: [first] });
    this.pass(12_000);
    const joined = [first];
    for (const name of others) {
      const peerUrls = [`https://${this.machine(name).options.address}:2380`];
      const added = this.ask(first, 'Cluster/MemberAdd', { peerUrls, isLearner: true });
      if (!added.ok) throw new Error(added.error);
      joined.push(name);
      this.startEtcd(name, { initial: joined, state: 'existing' });
      this.pass(25_000);
      const promoted = this.ask(first, 'Cluster/MemberPromote', { id: added.value.member.id });
      if (!promoted.ok) throw new Error(promoted.error);
      this.pass(6_000);
    }
    return this.cluster;
  }

  get cluster(): EtcdCluster {
    return must([...this.world.etcdClusters.values()].at(-1), 'no etcd cluster');
  }

  /** One request to a machine's own etcd, as etcdctl sends it from there. */
  ask<M extends EtcdMethod>(
    name: string,
    method: M,
    body: EtcdParameters = {},
    timeoutMs = 60_000,
  ): EtcdReply<M> {
    const machine = this.machine(name);
    const clientCertificate = this.etcdClient();
    const request = { method: 'POST', path: etcdPath(method), body, clientCertificate };
    const outcome = this.run(
      this.world.network.exchange(machine, '127.0.0.1', 2379, request, timeoutMs),
      timeoutMs + 1_000,
    );
    if (outcome.kind !== 'response') return { ok: false, error: outcome.kind };
    return outcome.body as EtcdReply<M>;
  }

  etcdClient(): Certificate {
    return issueCertificate(
      this.#prng,
      this.etcdAuthority.certificate,
      { commonName: 'kube-etcd-healthcheck-client', organizations: [], sans: [] },
      0,
    ).certificate;
  }

  /** A client of one machine's API server with a certificate of its own. */
  client(name: string, commonName: string, ...organizations: string[]): ApiClient {
    const { address } = this.machine(name).options;
    const client = issueCertificate(
      this.#prng,
      this.authority.certificate,
      { commonName, organizations, sans: [] },
      0,
    ).certificate;
    return this.#client(name, address, client, null);
  }

  tokenClient(name: string, token: string | null): ApiClient {
    return this.#client(name, this.machine(name).options.address, null, token);
  }

  #client(name: string, host: string, client: Certificate | null, token: string | null): ApiClient {
    return new ApiClient({
      machine: this.machine(name),
      config: {
        ...{ server: `https://${host}:6443`, host, port: 6443 },
        ...{ authority: this.authority.certificate, client, token },
      },
    });
  }

  #writePki(machine: Machine, keys: ReturnType<typeof issueKey>): void {
    const { disk } = machine;
    disk.makeDirectories(ETCD_PKI);
    const sans = [machine.name, 'localhost', machine.options.address, '127.0.0.1', 'kubernetes'];
    const write = (path: string, authority: KeyPair, commonName: string): void => {
      const wanted = { commonName, organizations: [], sans };
      const pair = issueCertificate(this.#prng, authority.certificate, wanted, 0);
      disk.write(`${path}.crt`, pair.certificatePem);
      disk.write(`${path}.key`, pair.keyPem, { mode: 0o600 });
    };
    disk.write(`${PKI}/ca.crt`, this.authority.certificatePem);
    disk.write(`${ETCD_PKI}/ca.crt`, this.etcdAuthority.certificatePem);
    write(`${ETCD_PKI}/server`, this.etcdAuthority, machine.name);
    write(`${ETCD_PKI}/healthcheck-client`, this.etcdAuthority, 'kube-etcd-healthcheck-client');
    write(`${PKI}/apiserver-etcd-client`, this.etcdAuthority, 'kube-apiserver-etcd-client');
    write(`${PKI}/apiserver`, this.authority, 'kube-apiserver');
    disk.write(`${PKI}/sa.pub`, keys.publicPem);
    disk.write(`${PKI}/sa.key`, keys.keyPem);
  }
}
