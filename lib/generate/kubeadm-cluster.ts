/**
 * kubeadm's ClusterConfiguration: what the cluster remembers in its ConfigMap and every later join and
 * upgrade reads back. Leaves out what is of one node or one command only: see kubeadm.ts.
 */
import type { LabSpec } from '../model/lab.js';
import { endpointNames } from './hosts.js';
import * as shape from './kubeadm-version.js';
import { etcdTimers, scaledDuration } from './timing.js';
import type { YamlMap } from './yaml.js';

export function clusterConfiguration(lab: LabSpec): YamlMap {
  const { kubernetes, endpoint } = lab;
  const api = shape.kubeadmApi(kubernetes.version);
  const args = (values: Readonly<Record<string, string>>): YamlMap =>
    Object.keys(values).length === 0 ? {} : { extraArgs: shape.extraArgs(api, values) };
  const sans = certSans(lab);
  return {
    ...shape.header(api, 'ClusterConfiguration'),
    // Said in full, or kubeadm asks the internet which version is the newest.
    kubernetesVersion: kubernetes.version,
    controlPlaneEndpoint: `${endpoint.host}:${endpoint.port}`,
    networking: { podSubnet: kubernetes.podSubnet, serviceSubnet: kubernetes.serviceSubnet },
    ...optional('apiServer', {
      ...(sans.length === 0 ? {} : { certSANs: sans }),
      ...(shape.isOld(api) ? { timeoutForControlPlane: shape.apiServerTimeout(lab) } : {}),
    }),
    ...optional('controllerManager', args(controllerManagerArgs(lab))),
    ...optional('scheduler', args(leaderElection(lab))),
    etcd: { local: { dataDir: '/var/lib/etcd', ...args(etcdArgs(lab)) } },
  };
}

/**
 * Names and addresses of the API server's certificate. kubeadm adds the node's name, its advertise address,
 * the first service address, the cluster's service names and the endpoint's host; the floating address and
 * the lab's names are said here, because with a name as endpoint kubeadm knows nothing of the address.
 */
export function certSans(lab: LabSpec): readonly string[] {
  const vip = lab.vip === null ? [] : [lab.vip.address];
  return [...new Set([...vip, ...endpointNames(lab), ...lab.kubernetes.apiSans])];
}

/** Timers that must grow with the machines' slowness, or leaders lose their leases to their own disks. */
function leaderElection(lab: LabSpec): Readonly<Record<string, string>> {
  if (lab.timeScale === 1) return {};
  return {
    'leader-elect-lease-duration': scaledDuration(lab, 15),
    'leader-elect-renew-deadline': scaledDuration(lab, 10),
    'leader-elect-retry-period': scaledDuration(lab, 2),
  };
}

function controllerManagerArgs(lab: LabSpec): Readonly<Record<string, string>> {
  // The default rose from 40 s to 50 s in Kubernetes 1.32.
  const graceSeconds = shape.versionOf(lab.kubernetes.version).minor >= 32 ? 50 : 40;
  return {
    // The bridge CNI's ranges are homelab's own; two owners of one range would contradict each other.
    ...(lab.kubernetes.cni === 'bridge' ? { 'allocate-node-cidrs': 'false' } : {}),
    ...leaderElection(lab),
    ...(lab.timeScale === 1 ? {} : { 'node-monitor-grace-period': scaledDuration(lab, graceSeconds) }),
  };
}

function etcdArgs(lab: LabSpec): Readonly<Record<string, string>> {
  if (lab.timeScale === 1) return {};
  const { heartbeatMs, electionMs } = etcdTimers(lab);
  return { 'heartbeat-interval': String(heartbeatMs), 'election-timeout': String(electionMs) };
}

export function optional(name: string, value: YamlMap): YamlMap {
  return Object.keys(value).length === 0 ? {} : { [name]: value };
}
