/**
 * kubeadm's preflight checks with their real names and texts. Left out, because the node image always passes them:
 * Firewalld, HTTPProxy, SystemVerification, and the programs besides crictl and ip.
 */
import { parseVersion, compareVersions } from '../../model/version.js';
import { sleep, type Sim } from '../task.js';
import { CONTAINERD_DOWN } from '../containerd.js';
import type { ControlPlane, JoinConfig, NodeRegistration } from './config-model.js';
import {
  BOOTSTRAP_KUBELET_CONF,
  KUBELET_CONF,
  KubeadmFailure,
  MANIFESTS_FOLDER,
  say,
  warn,
  type Kubeadm,
} from './context.js';
import { allImages, pullImage } from './images.js';
import { kubeletVersion } from './kubelet-files.js';

export interface Finding {
  readonly check: string;
  readonly text: string;
  readonly severity: 'warning' | 'error';
}

/** kubeadm's minimum in MB; a machine's MemTotal is what the kernel leaves of its memory. */
const LEAST_MEMORY_MB = 1_700;
const KERNEL_MIB = 70;
const MIB = 1_048_576;

export function error(check: string, text: string): Finding {
  return { check, text, severity: 'error' };
}

function warning(check: string, text: string): Finding {
  return { check, text, severity: 'warning' };
}

/** All checks of `kubeadm init`, then the images. */
export function* preflightInit(
  kubeadm: Kubeadm,
  plane: ControlPlane,
  ignored: ReadonlySet<string>,
): Sim<void> {
  say(kubeadm, '[preflight] Running pre-flight checks');
  yield* sleep(kubeadm.call.world.draw('preflight', kubeadm.call.prng));
  report(
    kubeadm,
    [
      ...controlPlaneChecks(kubeadm, plane),
      ...commonChecks(kubeadm, plane.node, plane.cluster.kubernetesVersion),
      ...forwarding(kubeadm),
      ...etcdChecks(kubeadm, plane),
    ],
    ignored,
  );
  yield* pullImages(kubeadm, plane, ignored);
}

/** The checks that run before a joining node talks to the cluster. */
export function* preflightJoin(
  kubeadm: Kubeadm,
  config: JoinConfig,
  ignored: ReadonlySet<string>,
): Sim<void> {
  say(kubeadm, '[preflight] Running pre-flight checks');
  yield* sleep(kubeadm.call.world.draw('preflight', kubeadm.call.prng));
  report(
    kubeadm,
    [
      ...available(kubeadm, KUBELET_CONF),
      ...available(kubeadm, BOOTSTRAP_KUBELET_CONF),
      ...commonChecks(kubeadm, config.node, null),
      ...(config.controlPlane === null ? available(kubeadm, '/etc/kubernetes/pki/ca.crt') : []),
      ...forwarding(kubeadm),
    ],
    ignored,
  );
}

/** The second stage of a joining control plane, once it has the cluster's configuration. */
export function* preflightJoinControlPlane(
  kubeadm: Kubeadm,
  plane: ControlPlane,
  ignored: ReadonlySet<string>,
): Sim<void> {
  say(kubeadm, '[preflight] Running pre-flight checks before initializing the new control plane instance');
  report(kubeadm, [...controlPlaneChecks(kubeadm, plane), ...etcdChecks(kubeadm, plane)], ignored);
  yield* pullImages(kubeadm, plane, ignored);
}

/** Warnings go to stderr at once; errors together end the phase. */
export function report(kubeadm: Kubeadm, findings: readonly Finding[], ignored: ReadonlySet<string>): void {
  const isIgnored = (check: string): boolean => ignored.has('all') || ignored.has(check.toLowerCase());
  const fatal: string[] = [];
  for (const { check, text, severity } of findings) {
    if (severity === 'error' && !isIgnored(check)) fatal.push(`\t[ERROR ${check}]: ${text}\n`);
    else kubeadm.call.printError(`\t[WARNING ${check}]: ${text}\n`);
  }
  if (fatal.length > 0) throw fatalErrors(fatal.join(''));
}

function fatalErrors(text: string): KubeadmFailure {
  const hint =
    '[preflight] If you know what you are doing, you can make a check non-fatal with ' +
    '`--ignore-preflight-errors=...`';
  return new KubeadmFailure(`[preflight] Some fatal errors occurred:\n${text}${hint}`);
}

function controlPlaneChecks(kubeadm: Kubeadm, plane: ControlPlane): Finding[] {
  const { cpus, memoryMiB } = kubeadm.call.machine.options;
  const memoryMb = Math.floor(((memoryMiB - KERNEL_MIB) * MIB) / 1_000_000);
  const findings: Finding[] = [];
  if (cpus < 2) {
    findings.push(error('NumCPU', `the number of available CPUs ${cpus} is less than the required 2`));
  }
  if (memoryMb < LEAST_MEMORY_MB) {
    const text = `the system RAM (${memoryMb} MB) is less than the minimum ${LEAST_MEMORY_MB} MB`;
    findings.push(error('Mem', text));
  }
  findings.push(...kubernetesVersion(kubeadm, plane.cluster.kubernetesVersion));
  for (const port of [plane.endpoint.bindPort, 10_259, 10_257]) findings.push(...portOpen(kubeadm, port));
  for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'etcd']) {
    findings.push(...available(kubeadm, `${MANIFESTS_FOLDER}/${name}.yaml`));
  }
  return findings;
}

function kubernetesVersion(kubeadm: Kubeadm, wanted: string): Finding[] {
  const version = parseVersion(wanted);
  if (version === null || compareVersions(version, kubeadm.version) <= 0) return [];
  const own = kubeadm.versionText.slice(1).replace(/\.\d+$/, '.x');
  const text =
    'Kubernetes version is greater than kubeadm version. Please consider to upgrade kubeadm. ' +
    `Kubernetes version: ${wanted.slice(1)}. Kubeadm version: ${own}`;
  return [warning('KubernetesVersion', text)];
}

function etcdChecks(kubeadm: Kubeadm, plane: ControlPlane): Finding[] {
  const folder = plane.cluster.etcd.dataDir;
  const check = `DirAvailable-${folder.replaceAll('/', '-')}`;
  const notEmpty = kubeadm.call.machine.disk.list(folder).length > 0;
  return [
    ...portOpen(kubeadm, 2_379),
    ...portOpen(kubeadm, 2_380),
    ...(notEmpty ? [error(check, `${folder} is not empty`)] : []),
  ];
}

function commonChecks(kubeadm: Kubeadm, node: NodeRegistration, version: string | null): Finding[] {
  const { machine } = kubeadm.call;
  const findings: Finding[] = [];
  if (!machine.containers.serving) {
    const why = runtimeProblem(node.criSocket);
    const text = `[preflight] WARNING: Couldn't create the interface used for talking to the container runtime: ${why}`;
    warn(kubeadm, 'checks.go:1080', text);
  }
  findings.push(...swap(kubeadm));
  if (machine.which('crictl') === null && kubeadm.flavour === 31) {
    findings.push(warning('FileExisting-crictl', 'crictl not found in system path'));
  }
  if (machine.which('ip') === null) findings.push(error('FileExisting-ip', 'ip not found in system path'));
  if (machine.lookup(node.name) === null) {
    findings.push(warning('Hostname', `hostname "${node.name}" could not be reached`));
    const why = `lookup ${node.name} on 192.168.121.1:53: no such host`;
    findings.push(warning('Hostname', `hostname "${node.name}": ${why}`));
  }
  findings.push(...kubeletChecks(kubeadm, version), ...portOpen(kubeadm, 10_250));
  return findings;
}

function kubeletChecks(kubeadm: Kubeadm, version: string | null): Finding[] {
  const { machine } = kubeadm.call;
  const text = kubeletVersion(kubeadm);
  const kubelet = text === null ? null : parseVersion(text);
  if (text === null || kubelet === null) {
    const why = `cannot execute 'kubelet --version': executable file not found in $PATH`;
    return [error('KubeletVersion', `couldn't get kubelet version: ${why}`)];
  }
  const findings: Finding[] = [];
  const plane = version === null ? null : parseVersion(version);
  if (plane !== null && compareVersions(kubelet, plane) > 0) {
    findings.push(
      error(
        'KubeletVersion',
        'the kubelet version is higher than the control plane version. This is not a supported version skew and ' +
          `may lead to a malfunctional cluster. Kubelet version: "${text.slice(1)}" ` +
          `Control plane version: "${(version ?? '').slice(1)}"`,
      ),
    );
  }
  if (!machine.units.isEnabled('kubelet')) {
    const advice = "kubelet service is not enabled, please run 'systemctl enable kubelet.service'";
    findings.push(warning('Service-Kubelet', advice));
  }
  return findings;
}

function forwarding(kubeadm: Kubeadm): Finding[] {
  const path = '/proc/sys/net/ipv4/ip_forward';
  // The node image turns forwarding on; a file is there once somebody set it by hand.
  const value = kubeadm.call.machine.disk.read(path)?.trim() ?? '1';
  if (value === '1') return [];
  return [error(`FileContent-${path.replaceAll('/', '-')}`, `${path} contents are not set to 1`)];
}

/** The node image has no swap; a file is there once somebody turned some on. Its first line is the head. */
function swap(kubeadm: Kubeadm): Finding[] {
  const lines = (kubeadm.call.machine.disk.read('/proc/swaps') ?? '').trim().split('\n');
  if (lines.length < 2) return [];
  return [
    warning(
      'Swap',
      'swap is supported for cgroup v2 only. The kubelet must be properly configured to use swap. Please refer to ' +
        'https://kubernetes.io/docs/concepts/architecture/nodes/#swap-memory, or disable swap on the node',
    ),
  ];
}

function available(kubeadm: Kubeadm, path: string): Finding[] {
  if (!kubeadm.call.machine.disk.exists(path)) return [];
  return [error(`FileAvailable-${path.replaceAll('/', '-')}`, `${path} already exists`)];
}

function portOpen(kubeadm: Kubeadm, port: number): Finding[] {
  const used = kubeadm.call.machine.listeners.some((listener) => listener.port === port);
  return used ? [error(`Port-${port}`, `Port ${port} is in use`)] : [];
}

/** Pulls what is missing; `prefix` stands before the three lines that announce it. */
export function* pullImages(
  kubeadm: Kubeadm,
  plane: ControlPlane,
  ignored: ReadonlySet<string>,
  prefix = 'preflight',
): Sim<void> {
  for (const line of [
    'Pulling images required for setting up a Kubernetes cluster',
    'This might take a minute or two, depending on the speed of your internet connection',
    "You can also perform this action beforehand using 'kubeadm config images pull'",
  ]) {
    say(kubeadm, `[${prefix}] ${line}`);
  }
  if (!kubeadm.call.machine.containers.serving) throw fatalErrors(runtimeProblem(plane.node.criSocket));
  if (!plane.node.pullImages) return;
  const findings: Finding[] = [];
  for (const image of allImages(plane.cluster)) {
    const problem = yield* pullImage(kubeadm, image);
    if (problem !== null) findings.push(error('ImagePull', `failed to pull image ${image}: ${problem}`));
  }
  report(kubeadm, findings, ignored);
}

function runtimeProblem(socket: string): string {
  const why = `validate CRI v1 runtime API for endpoint "${socket}": ${CONTAINERD_DOWN}`;
  return `failed to create new CRI runtime service: validate service connection: ${why}`;
}
