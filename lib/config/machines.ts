/** Names and addresses of a lab's machines, from numbers and the subnet. */
import {
  countSubranges,
  nextFreeRange,
  nthHost,
  parseAddress,
  parseCidr,
  printAddress,
  type Cidr,
} from '../model/address.js';
import type { MachineSpec, Role } from '../model/lab.js';
import type { Settings } from './settings.js';
import type { MachineSize } from './topology.js';

/** Places in the subnet, counted from its first address. */
export const OFFSETS = { host: 1, vip: 5, loadBalancer: 10, controlPlane: 11, worker: 21 } as const;

/** kube-controller-manager's default node-cidr-mask-size: every node takes a /24 of the pod range. */
export const NODE_POD_PREFIX = 24;

/** The lab network: `192.168.62` means `192.168.62.0/24`, anything else must be a CIDR. Null when it is neither. */
export function parseSubnet(text: string): Cidr | null {
  return parseAddress(`${text}.0`) === null ? parseCidr(text) : parseCidr(`${text}.0/24`);
}

/**
 * The network by which real machines are reached: as it was written, or a /24 of a corner of the private
 * addresses that home routers and Docker leave alone, with the third number of the lab network, so that labs
 * beside one another differ. Null when what was written is no range.
 */
export function managementNetwork(settings: Settings, subnet: Cidr): Cidr | null {
  if (settings.managementNetwork !== null) return parseSubnet(settings.managementNetwork);
  const usual = parseCidr(`172.29.${(subnet.base >>> 8) & 255}.0/24`);
  const taken = [subnet, parseCidr(settings.podSubnet), parseCidr(settings.serviceSubnet)];
  return usual === null
    ? null
    : nextFreeRange(
        usual,
        taken.filter((range) => range !== null),
      );
}

/** How many workers the subnet has addresses for. */
export function workerRoom(subnet: Cidr): number {
  return Math.max(0, 2 ** (32 - subnet.prefix) - 1 - OFFSETS.worker);
}

/** How many nodes the pod range has a range for. */
export function nodeRoom(podRange: Cidr): number {
  return countSubranges(podRange, NODE_POD_PREFIX);
}

/** The machines in the order in which they are shown; null when the subnet is too small. */
export function layOut(settings: Settings, subnet: Cidr): readonly MachineSpec[] | null {
  const machines: MachineSpec[] = [];
  const add = (name: string, role: Role, size: MachineSize, offset: number): boolean => {
    const address = nthHost(subnet, offset);
    if (address === null) return false;
    const { cpus, memoryMiB } = size;
    machines.push({
      name: `${settings.name}-${name}`,
      role,
      cpus,
      memoryMiB,
      address: printAddress(address),
    });
    return true;
  };
  const { controlPlanes, workers, loadBalancer } = settings;
  for (let i = 0; i < controlPlanes.count; i += 1) {
    if (!add(`cp-${i + 1}`, 'control-plane', controlPlanes, OFFSETS.controlPlane + i)) return null;
  }
  for (let i = 0; i < workers.count; i += 1) {
    if (!add(`w-${i + 1}`, 'worker', workers, OFFSETS.worker + i)) return null;
  }
  if (loadBalancer !== null && !add('lb-1', 'load-balancer', loadBalancer, OFFSETS.loadBalancer)) return null;
  return machines;
}
