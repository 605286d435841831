// Machines from the node image, on which tests run kubeadm as a person would.
import { must } from '../../lib/base/errors.js';
import { PROGRAMS } from '../../lib/sim/commands/index.js';
import { kubeadm } from '../../lib/sim/commands/kubeadm.js';
import { CONTAINERS } from '../../lib/sim/containers.js';
import { containerd } from '../../lib/sim/containerd.js';
import { kubelet } from '../../lib/sim/kubelet.js';
import type { Machine } from '../../lib/sim/machine.js';
import { parseCertificate, publicKeyHash } from '../../lib/sim/pki.js';
import { createMachine } from '../../lib/sim/power.js';
import type { Sim } from '../../lib/sim/task.js';
import { waitFor } from '../../lib/sim/task.js';
import { World, type TraceEvent } from '../../lib/sim/world.js';

export const VIP = '192.168.62.5';
export const KEY = 'ab'.repeat(32);
export const TOKEN = 'abcdef.0123456789abcdef';
const MANIFEST = '/etc/kubernetes/manifests/kube-vip.yaml';

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

export interface LabOptions {
  readonly seed?: number;
  readonly version?: string;
  readonly controlPlanes?: number;
  readonly workers?: number;
}

export class KubeadmLab {
  readonly world: World;
  readonly trace: TraceEvent[] = [];
  readonly version: string;

  constructor(options: LabOptions = {}) {
    this.version = options.version ?? 'v1.31.4';
    this.world = new World({
      seed: options.seed ?? 1,
      timeScale: 1,
      interfaceName: 'eth1',
      prefixLength: 24,
      hostAddress: '192.168.62.1',
      programs: new Map([
        ...PROGRAMS,
        ['kubeadm', kubeadm],
        ['kubelet', kubelet],
        ['containerd', containerd],
      ]),
      containers: CONTAINERS,
      onTrace: (event) => this.trace.push(event),
    });
    const make = (name: string, role: 'control-plane' | 'worker', address: string): void => {
      const machine = { name, role, cpus: 2, memoryMiB: 4_096, address, prefixLength: 24 } as const;
      const image = { kubernetesVersion: this.version, kubeVipVersion: 'v1.0.4' };
      this.world.scheduler.spawn(this.world.group, name, createMachine(this.world, machine, image));
    };
    for (let index = 1; index <= (options.controlPlanes ?? 1); index += 1)
      make(`cp-${index}`, 'control-plane', `192.168.62.${10 + index}`);
    for (let index = 1; index <= (options.workers ?? 0); index += 1)
      make(`worker-${index}`, 'worker', `192.168.62.${20 + index}`);
    this.pass(200_000);
  }

  machine(name: string): Machine {
    return this.world.machine(name);
  }

  pass(ms: number): void {
    this.world.scheduler.runUntil(this.world.nowMs + ms);
  }

  /** Runs an activity to its end, at most `withinMs` of lab time. */
  run<T>(body: Sim<T>, withinMs = 1_200_000): T {
    const { scheduler, group } = this.world;
    const task = scheduler.spawn(group, 'test', body);
    const deadlineMs = scheduler.nowMs + withinMs;
    while (task.state === 'running') {
      const nextMs = scheduler.nextAtMs();
      if (nextMs === null || nextMs > deadlineMs) throw new Error(`nothing came of it within ${withinMs} ms`);
      scheduler.runNext();
    }
    if (task.state !== 'ended') throw new Error('the activity was killed');
    return task.result as T;
  }

  exec(name: string, argv: readonly string[], withinMs?: number): Result {
    const { world } = this;
    const machine = this.machine(name);
    const startMs = world.nowMs;
    function* call(): Sim<Result> {
      const process = machine.start(argv);
      while (process.running) yield* waitFor([process.exited]);
      return {
        code: process.exitCode,
        stdout: process.stdout.map(textOf).join(''),
        stderr: process.stderr.join(''),
        tookMs: world.nowMs - startMs,
      };
    }
    return this.run(call(), withinMs);
  }

  kubeadm(name: string, ...args: string[]): Result {
    return this.exec(name, ['kubeadm', ...args]);
  }

  write(name: string, path: string, text: string): void {
    const { disk } = this.machine(name);
    disk.makeDirectories(path.slice(0, path.lastIndexOf('/')));
    const problem = disk.write(path, text);
    if (problem !== null) throw new Error(`${path}: ${problem}`);
  }

  placeKubeVip(name: string, hostPath: string): void {
    const { disk } = this.machine(name);
    disk.makeDirectories('/etc/kubernetes/manifests');
    disk.makeDirectories('/opt/lab');
    disk.write('/opt/lab/kube-vip.yaml', kubeVipManifest(hostPath));
    disk.rename('/opt/lab/kube-vip.yaml', MANIFEST);
  }

  /** kubeadm init on cp-1 with a floating address, as far as the steady kube-vip manifest. */
  initFirst(): Result {
    this.write('cp-1', '/opt/lab/init.yaml', initConfig(this.version));
    this.placeKubeVip('cp-1', '/etc/kubernetes/super-admin.conf');
    const result = this.kubeadm('cp-1', 'init', '--config', '/opt/lab/init.yaml', '--upload-certs');
    this.placeKubeVip('cp-1', '/etc/kubernetes/admin.conf');
    return result;
  }

  joinConfig(name: string, changes: Partial<JoinParts> = {}): string {
    const controlPlane = name.startsWith('cp-');
    const parts: JoinParts = {
      token: TOKEN,
      key: KEY,
      hash: this.caHash(),
      endpoint: `${VIP}:6443`,
      ...changes,
    };
    const address = this.machine(name).options.address;
    const role = `controlPlane:
  certificateKey: "${parts.key}"
  localAPIEndpoint: {advertiseAddress: ${address}, bindPort: 6443}
`;
    return `apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    apiServerEndpoint: ${parts.endpoint}
    token: ${parts.token}
    caCertHashes: ["${parts.hash}"]
nodeRegistration:
  name: ${name}
  kubeletExtraArgs: [{name: node-ip, value: ${address}}]
${controlPlane ? role : ''}`;
  }

  join(name: string, changes: Partial<JoinParts> = {}): Result {
    this.write(name, '/opt/lab/join.yaml', this.joinConfig(name, changes));
    return this.kubeadm(name, 'join', '--config', '/opt/lab/join.yaml');
  }

  /** What the join command of cp-1's cluster pins. */
  caHash(): string {
    const text = this.machine('cp-1').disk.read('/etc/kubernetes/pki/ca.crt') ?? '';
    return publicKeyHash(must(parseCertificate(text), 'cp-1 has no ca.crt'));
  }
}

export interface JoinParts {
  readonly token: string;
  readonly key: string;
  readonly hash: string;
  readonly endpoint: string;
}

function textOf(part: string | Uint8Array): string {
  return typeof part === 'string' ? part : new TextDecoder().decode(part);
}

export function initConfig(version: string): string {
  return `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
certificateKey: "${KEY}"
bootstrapTokens: [{token: ${TOKEN}, ttl: 24h0m0s}]
localAPIEndpoint: {advertiseAddress: 192.168.62.11, bindPort: 6443}
nodeRegistration:
  name: cp-1
  kubeletExtraArgs: [{name: node-ip, value: 192.168.62.11}]
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: ${version}
controlPlaneEndpoint: "${VIP}:6443"
networking: {podSubnet: 10.244.0.0/16, serviceSubnet: 10.96.0.0/12}
apiServer:
  certSANs: ["${VIP}"]
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
`;
}

export function kubeVipManifest(hostPath: string, vip = VIP): string {
  const env = {
    vip_arp: 'true',
    port: '6443',
    vip_interface: 'eth1',
    vip_subnet: '32',
    cp_enable: 'true',
    cp_namespace: 'kube-system',
    vip_leaderelection: 'true',
    vip_leasename: 'plndr-cp-lock',
    vip_leaseduration: '5',
    vip_renewdeadline: '3',
    vip_retryperiod: '1',
    address: vip,
    prometheus_server: ':2112',
  };
  const list = Object.entries(env).map(([name, value]) => `    - {name: ${name}, value: "${value}"}\n`);
  return `apiVersion: v1
kind: Pod
metadata: {name: kube-vip, namespace: kube-system}
spec:
  hostNetwork: true
  hostAliases: [{ip: 127.0.0.1, hostnames: [kubernetes]}]
  containers:
  - name: kube-vip
    image: ghcr.io/kube-vip/kube-vip:v1.0.4
    args: [manager]
    env:
    - name: vip_nodename
      valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
${list.join('')}    volumeMounts:
    - {name: kubeconfig, mountPath: /etc/kubernetes/admin.conf}
  volumes:
  - name: kubeconfig
    hostPath: {path: ${hostPath}}
`;
}
