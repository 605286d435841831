/**
 * The `bridge` CNI: the plain bridge plugin on each node with a range of its own, and one static route for
 * each other node. The ranges are homelab's: the controller manager hands its ranges out in the order in
 * which nodes register, which no file written beforehand can know, so its allocation is switched off with
 * this CNI and `spec.podCIDR` stays empty. Leaves out network policies: nothing enforces them here.
 */
import { assert } from '../base/errors.js';
import type { LabSpec, MachineSpec } from '../model/lab.js';
import { subnetAt } from './addresses.js';

/** Length of a node's pod range; kubeadm's own default for IPv4. */
export const NODE_PREFIX_LENGTH = 24;

/** The plugins that a node runs for it; containerd runs `loopback` for every pod of every CNI. */
export const BRIDGE_PLUGINS = ['bridge', 'host-local', 'loopback', 'portmap'] as const;

export interface PodRoute {
  readonly destination: string;
  readonly gateway: string;
}

/**
 * The pod range of a node: the /24 of the pod subnet by the node's place among control planes and workers.
 */
export function podCidr(lab: LabSpec, machine: MachineSpec): string {
  const index = nodes(lab).findIndex((node) => node.name === machine.name);
  assert(index >= 0, `${machine.name} is not a node of ${lab.name}`);
  return subnetAt(lab.kubernetes.podSubnet, NODE_PREFIX_LENGTH, index);
}

/**
 * Where the other nodes' pods are. Empty with every other CNI and on a load balancer, which talks to no pod.
 */
export function podRoutes(lab: LabSpec, machine: MachineSpec): readonly PodRoute[] {
  if (lab.kubernetes.cni !== 'bridge' || machine.role === 'load-balancer') return [];
  return nodes(lab)
    .filter((node) => node.name !== machine.name)
    .map((node) => ({ destination: podCidr(lab, node), gateway: node.address }));
}

/** The CNI configuration of one node. */
export function bridgeConflist(lab: LabSpec, machine: MachineSpec): string {
  const conflist = {
    cniVersion: '1.0.0',
    name: 'homelab',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        // Pods reach everything outside their own range under the node's address, other nodes' pods included:
        // the price of needing no rule of ours in the packet filter.
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          ranges: [[{ subnet: podCidr(lab, machine) }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
  return `${JSON.stringify(conflist, null, 2)}\n`;
}

function nodes(lab: LabSpec): readonly MachineSpec[] {
  return lab.machines.filter((machine) => machine.role !== 'load-balancer');
}
