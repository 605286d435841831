/** The parts of a Node's status that describe the machine, and what keeps it from being ready. */
import { sha256Hex } from '../base/digest.js';
import type { Kubelet } from './kubelet-state.js';
import type { Machine } from './machine.js';

const NETWORK_PROBLEM =
  'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady ' +
  'message:Network plugin returns error: cni plugin not initialized';

/** Why the node is not ready, in the kubelet's words; null when it is. */
export function readyProblem(kubelet: Kubelet): string | null {
  if (!kubelet.machine.containers.serving) return 'container runtime is down';
  return kubelet.cni.ready ? null : NETWORK_PROBLEM;
}

export function resources(machine: Machine): { readonly capacity: unknown; readonly allocatable: unknown } {
  const { cpus, memoryMiB } = machine.options;
  // The kernel keeps about a thirtieth for itself; the kubelet's eviction threshold takes 100 MiB more.
  const memoryKi = memoryMiB * 1_024 - Math.floor((memoryMiB * 1_024) / 30);
  const shared = { 'hugepages-1Gi': '0', 'hugepages-2Mi': '0', pods: '110' };
  return {
    capacity: {
      ...{ cpu: String(cpus), 'ephemeral-storage': '41219388Ki' },
      ...{ memory: `${memoryKi}Ki`, ...shared },
    },
    allocatable: {
      ...{ cpu: String(cpus), 'ephemeral-storage': '37987787921' },
      ...{ memory: `${memoryKi - 102_400}Ki`, ...shared },
    },
  };
}

export function imagesStatus(machine: Machine): unknown[] {
  return machine.containers.images().map((reference) => ({ names: [reference], sizeBytes: 30_000_000 }));
}

export function nodeInfo(kubelet: Kubelet): unknown {
  const id = sha256Hex(`${kubelet.machine.name} ${kubelet.machine.labNic.mac}`);
  const boot = sha256Hex(`${id} boot ${kubelet.machine.boots}`);
  return {
    architecture: 'amd64',
    bootID: uuid(boot),
    containerRuntimeVersion: 'containerd://1.7.24',
    kernelVersion: '6.1.0-28-cloud-amd64',
    kubeProxyVersion: kubelet.version,
    kubeletVersion: kubelet.version,
    machineID: id.slice(0, 32),
    operatingSystem: 'linux',
    osImage: 'Debian GNU/Linux 12 (bookworm)',
    systemUUID: uuid(id),
  };
}

function uuid(hex: string): string {
  const cut = (from: number, to: number): string => hex.slice(from, to);
  return [cut(0, 8), cut(8, 12), cut(12, 16), cut(16, 20), cut(20, 32)].join('-');
}
