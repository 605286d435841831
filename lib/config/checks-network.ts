/** Checks of addresses: the lab network, the floating address, the ranges of pods and Services, names. */
import {
  containsAddress,
  hasHostBits,
  isHostAddress,
  nthHost,
  parseAddress,
  parseCidr,
  printAddress,
  printCidr,
  rangesOverlap,
  type Cidr,
} from '../model/address.js';
import type { MachineSpec } from '../model/lab.js';
import { managementRoom } from '../model/management.js';
import type { Findings } from './findings.js';
import {
  layOut,
  managementNetwork,
  NODE_POD_PREFIX,
  nodeRoom,
  OFFSETS,
  parseSubnet,
  workerRoom,
} from './machines.js';
import type { Settings } from './settings.js';
import type { Path } from './source.js';

const SUBNET: Path = ['vos', 'subnet'];
const MANAGEMENT: Path = ['vos', 'management_network'];
const VIP: Path = ['k8s', 'ha', 'api_vip'];
const PODS: Path = ['k8s', 'pod_subnet'];
const SERVICES: Path = ['k8s', 'service_subnet'];
const WORKERS: Path = ['k8s', 'workers', 'count'];
const CONTROL_PLANES: Path = ['k8s', 'control_planes', 'count'];

/** The range that Cilium takes for pods by itself (ipam.mode cluster-pool); it holds kubeadm's Service range. */
const CILIUM_OWN_RANGE = '10.0.0.0/8';

const DNS_NAME =
  /^(?=.{1,253}$)(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

export function checkNetwork(settings: Settings, findings: Findings): void {
  const subnet = checkSubnet(settings, findings);
  const machines = subnet === null ? null : checkRoom(settings, subnet, findings);
  if (subnet !== null && settings.topology.kind === 'ha')
    checkVip(settings, subnet, machines ?? [], findings);
  const management = subnet === null ? null : checkManagement(settings, subnet, findings);
  const pods = checkRange(PODS, settings.podSubnet, findings);
  const services = checkRange(SERVICES, settings.serviceSubnet, findings);
  if (pods !== null) checkPodRoom(settings, pods, findings);
  if (services !== null) checkServiceSize(services, findings);
  checkOverlaps(settings, { subnet, management, pods, services }, findings);
  checkApiName(settings, findings);
  checkApiSans(settings, findings);
}

function badRange(path: Path, text: string, expected: string, findings: Findings): void {
  findings.add({
    code: 'wrong-range',
    path,
    message: `"${text}" is not a range of IPv4 addresses.`,
    remedy: `Write ${expected}.`,
    expected,
    found: text,
  });
  findings.damage(path);
}

function hostBits(path: Path, text: string, range: Cidr, findings: Findings): void {
  findings.add({
    code: 'wrong-range',
    path,
    message: `${text} is an address inside a range, not the range.`,
    remedy: `Write ${printCidr(range)}.`,
    expected: printCidr(range),
    found: text,
  });
}

function checkSubnet({ subnet: text }: Settings, findings: Findings): Cidr | null {
  const subnet = parseSubnet(text);
  if (subnet === null) {
    badRange(SUBNET, text, 'three numbers such as 192.168.62, or a CIDR such as 10.62.0.0/20', findings);
    return null;
  }
  if (hasHostBits(text)) hostBits(SUBNET, text, subnet, findings);
  return subnet;
}

/** The network by which real machines are reached, when it was chosen: a derived one is apart from the others. */
function checkManagement(settings: Settings, subnet: Cidr, findings: Findings): Cidr | null {
  const { managementNetwork: text, controlPlanes, workers, loadBalancer } = settings;
  if (text === null) return null;
  const network = managementNetwork(settings, subnet);
  if (network === null) {
    badRange(MANAGEMENT, text, 'three numbers such as 172.29.62, or a CIDR such as 172.29.62.0/24', findings);
    return null;
  }
  if (hasHostBits(text)) hostBits(MANAGEMENT, text, network, findings);
  const machines = controlPlanes.count + workers.count + (loadBalancer === null ? 0 : 1);
  const room = managementRoom(network);
  if (machines > room) {
    findings.add({
      code: 'subnet-too-small',
      path: MANAGEMENT,
      also: [WORKERS, CONTROL_PLANES],
      message: `${printCidr(network)} has addresses for ${room} machines only, and the lab has ${machines}.`,
      remedy: 'Give it a /24 or larger.',
      expected: `room for ${machines} machines`,
      found: text,
    });
  }
  return network;
}

/** Do the machines fit into the subnet? Gives them when they do. */
function checkRoom(settings: Settings, subnet: Cidr, findings: Findings): readonly MachineSpec[] | null {
  const machines = layOut(settings, subnet);
  if (machines !== null) return machines;
  const room = workerRoom(subnet);
  const tooSmall = nthHost(subnet, OFFSETS.worker) === null;
  findings.add({
    code: 'subnet-too-small',
    path: tooSmall ? SUBNET : WORKERS,
    also: [SUBNET, WORKERS, CONTROL_PLANES],
    message: tooSmall
      ? `${printCidr(subnet)} is too small: workers begin at its address number ${OFFSETS.worker}.`
      : `${printCidr(subnet)} has addresses for ${room} workers only.`,
    remedy: tooSmall
      ? 'Give the lab a /24 or larger.'
      : `Use at most ${room} workers, or a larger vos.subnet.`,
    expected: tooSmall ? 'a /27 or larger' : `at most ${room}`,
    found: tooSmall ? printCidr(subnet) : String(settings.workers.count),
  });
  return null;
}

function checkVip(
  settings: Settings,
  subnet: Cidr,
  machines: readonly MachineSpec[],
  findings: Findings,
): void {
  const text = settings.ha.apiVip;
  if (text === null) return;
  const usual = nthHost(subnet, OFFSETS.vip);
  const refuse = (code: string, message: string, expected: string): void => {
    findings.add({
      code,
      path: VIP,
      also: [SUBNET],
      message,
      remedy:
        usual === null
          ? 'Use a larger vos.subnet.'
          : `Choose a free address such as api_vip: ${printAddress(usual)}.`,
      expected,
      found: text,
    });
  };
  const address = parseAddress(text);
  const inside = `a free address of ${printCidr(subnet)}`;
  if (address === null) {
    refuse('wrong-address', `"${text}" is not an IPv4 address.`, inside);
  } else if (!containsAddress(subnet, address)) {
    refuse('vip-outside-subnet', `${text} is not in the lab network ${printCidr(subnet)}.`, inside);
  } else if (!isHostAddress(subnet, address)) {
    refuse('vip-taken', `${text} is the network or broadcast address of ${printCidr(subnet)}.`, inside);
  } else if (address === nthHost(subnet, OFFSETS.host)) {
    refuse('vip-taken', `${text} is the address of the workstation itself.`, inside);
  } else {
    const owner = machines.find((machine) => machine.address === text);
    if (owner !== undefined) refuse('vip-taken', `${text} is the address of ${owner.name}.`, inside);
  }
}

function checkRange(path: Path, text: string, findings: Findings): Cidr | null {
  const range = parseCidr(text);
  if (range === null) badRange(path, text, 'a CIDR such as 10.244.0.0/16', findings);
  else if (hasHostBits(text)) hostBits(path, text, range, findings);
  return range;
}

/** kube-controller-manager gives every node a /24 of the pod range, and a node without one never becomes Ready. */
function checkPodRoom({ controlPlanes, workers }: Settings, pods: Cidr, findings: Findings): void {
  const nodes = controlPlanes.count + workers.count;
  const room = nodeRoom(pods);
  if (nodes <= room) return;
  const prefix = NODE_POD_PREFIX - Math.ceil(Math.log2(nodes));
  const example = parseCidr(`10.244.0.0/${Math.min(16, prefix)}`);
  findings.add({
    code: 'pod-range-too-small',
    path: PODS,
    also: [WORKERS, CONTROL_PLANES],
    message: `${printCidr(pods)} holds ${room} ranges of a /${NODE_POD_PREFIX}; each of the ${nodes} nodes needs one.`,
    remedy: `Use a /${prefix} or larger${example === null ? '' : `, such as ${printCidr(example)}`}.`,
    expected: `a /${prefix} or larger`,
    found: printCidr(pods),
  });
}

/** The API server takes at most 2^20 Service addresses, and kubeadm puts cluster DNS on the tenth. */
function checkServiceSize(services: Cidr, findings: Findings): void {
  if (services.prefix >= 12 && services.prefix <= 28) return;
  findings.add({
    code: 'service-range-size',
    path: SERVICES,
    message: `kubeadm takes a Service range from a /12 to a /28, not a /${services.prefix}.`,
    remedy: 'Write service_subnet: 10.96.0.0/12.',
    expected: 'a prefix from 12 to 28',
    found: printCidr(services),
  });
}

interface Ranges {
  readonly subnet: Cidr | null;
  readonly management: Cidr | null;
  readonly pods: Cidr | null;
  readonly services: Cidr | null;
}

function checkOverlaps(settings: Settings, ranges: Ranges, findings: Findings): void {
  const { subnet, management, pods, services } = ranges;
  const check = (path: Path, a: Cidr | null, other: Path, b: Cidr | null, names: string): void => {
    if (a === null || b === null || !rangesOverlap(a, b)) return;
    findings.add({
      code: 'ranges-overlap',
      path,
      also: [other],
      message: `${names}: ${printCidr(a)} and ${printCidr(b)} overlap.${ciliumHint(settings, path, a)}`,
      remedy:
        'Choose ranges apart, such as pods 10.244.0.0/16, Services 10.96.0.0/12 and the lab 192.168.62.0/24.',
      expected: `a range apart from ${printCidr(b)}`,
      found: printCidr(a),
    });
  };
  check(PODS, pods, SERVICES, services, 'pods and Services');
  check(PODS, pods, SUBNET, subnet, 'pods and the lab network');
  check(SERVICES, services, SUBNET, subnet, 'Services and the lab network');
  check(MANAGEMENT, management, SUBNET, subnet, 'the management network and the lab network');
  check(MANAGEMENT, management, PODS, pods, 'the management network and pods');
  check(MANAGEMENT, management, SERVICES, services, 'the management network and Services');
}

/** Cilium's own default is a common reason for this overlap, and homelab does not use it. */
function ciliumHint({ cni }: Settings, path: Path, range: Cidr): string {
  if (cni !== 'cilium' || path !== PODS || printCidr(range) !== CILIUM_OWN_RANGE) return '';
  return (
    ` ${CILIUM_OWN_RANGE} is Cilium's own pod range (ipam.mode cluster-pool), which holds kubeadm's Service range; ` +
    'homelab sets ipam.mode=kubernetes, so that k8s.pod_subnet is what counts.'
  );
}

function checkApiName({ ha }: Settings, findings: Findings): void {
  if (ha.apiName === null || !/^[\d.]+$/.test(ha.apiName)) return;
  findings.add({
    code: 'wrong-value',
    path: ['k8s', 'ha', 'api_name'],
    message: `${ha.apiName} is an address, not a name.`,
    remedy: 'Remove api_name and write the address as api_vip, or write a name such as api.stage.lab.',
    expected: 'a DNS name',
    found: ha.apiName,
  });
}

function checkApiSans({ apiSans }: Settings, findings: Findings): void {
  apiSans.forEach((san, i) => {
    if (parseAddress(san) !== null || (DNS_NAME.test(san) && !/^[\d.]+$/.test(san))) return;
    findings.add({
      code: 'wrong-value',
      path: ['k8s', 'api_sans', i],
      message: `"${san}" is neither a DNS name nor an IPv4 address.`,
      remedy: 'Write a name such as api.example.org, in lower case, or an address.',
      expected: 'a DNS name or an IPv4 address',
      found: san,
    });
  });
}
