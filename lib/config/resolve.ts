/**
 * A configuration text and flags → a checked, resolved, deeply frozen lab, or every reason why not. Reads no file:
 * texts come in, a topology of the user's own through `readTopologyFile`.
 */
import { must, type Problem } from '../base/errors.js';
import { deepFreeze } from '../base/freeze.js';
import { nthHost, printAddress, printCidr } from '../model/address.js';
import { parseKubeVipVersion, printKubeVipVersion } from '../model/kube-vip.js';
import type { EndpointSpec, LabNetwork, LabSpec, MachineSpec, VipSpec } from '../model/lab.js';
import { defaultLease } from '../model/lease.js';
import { parseVersionRequest, pickVersion, printVersion } from '../model/version.js';
import { checkBudget } from './budget.js';
import { checkCluster } from './checks-cluster.js';
import { checkNetwork } from './checks-network.js';
import { Findings } from './findings.js';
import { CONFIG_FLAGS, flagValue, type Overrides } from './flags.js';
import { layOut, managementNetwork, OFFSETS, parseSubnet } from './machines.js';
import { CONFIG_SCHEMA } from './schema.js';
import { settingsOf, type Settings } from './settings.js';
import { YamlSource, type Path, type Tree } from './source.js';
import { checkStructure, withWrittenText } from './structure.js';
import { suggest } from './suggest.js';
import {
  builtinTopology,
  builtinTopologyNames,
  checkMemory,
  isTopologyPath,
  readTopology,
  type Topology,
  type TopologyText,
} from './topology.js';
import { isTreeMap, textOf, valueAt, withValue } from './tree.js';

/** Where a topology's path was written; it is relative to the working directory or to the configuration's folder. */
export type TopologyOrigin = 'command-line' | 'configuration';

export interface ResolveInput {
  /** Content of the configuration file; null when there is none, so that defaults and flags decide. */
  readonly text: string | null;
  /** Its path as messages show it; null exactly when `text` is. */
  readonly file: string | null;
  /** Texts of flags by long name; only names of CONFIG_FLAGS. */
  readonly overrides?: Overrides;
  /** Content of a topology file that the user named; null when it cannot be read. */
  readonly readTopologyFile?: (path: string, origin: TopologyOrigin) => string | null;
}

export interface Resolved {
  /** Null when `problems` has an error. */
  readonly spec: LabSpec | null;
  /** Everything wrong or doubtful, in the order of the file. */
  readonly problems: readonly Problem[];
  /** True when the lab network was chosen by the file or a flag, not by default. */
  readonly subnetChosen: boolean;
}

const TOPOLOGY: Path = ['k8s', 'topology'];
const SIZES: readonly Path[] = [
  ['k8s', 'control_planes', 'memory'],
  ['k8s', 'workers', 'memory'],
  ['vos', 'memory'],
];

export function resolve(input: ResolveInput): Resolved {
  const overrides = input.overrides ?? {};
  const config = input.text === null ? null : new YamlSource(input.file ?? 'config-homelab.yaml', input.text);
  const tree = config === null ? {} : (config.tree ?? {});
  if (config?.readable === false) {
    return deepFreeze({ spec: null, problems: config.problems, subnetChosen: false });
  }
  const written = config === null ? tree : withWrittenText(tree, CONFIG_SCHEMA, config);
  const merged = isTreeMap(written) ? withOverrides(written, overrides) : written;
  const chosen = chooseTopology(merged, input);
  const sources = { config, topology: chosen.source, overrides };
  const findings = new Findings(sources);
  findings.addPlaced([...(config?.problems ?? []), ...chosen.problems]);
  if (chosen.problems.length > 0) findings.damage(TOPOLOGY);
  const sound = soundTree(merged, findings);
  if (chosen.missing !== null) reportMissingTopology(chosen.missing, findings);
  const settings = settingsOf(sound, chosen.topology);
  checkCluster(settings, findings);
  checkNetwork(settings, findings);
  const subnet = parseSubnet(settings.subnet);
  const machines = subnet === null ? null : layOut(settings, subnet);
  if (machines !== null) checkBudget(settings, machines, findings);
  return deepFreeze({
    spec: findings.hasErrors()
      ? null
      : labOf(settings, must(machines, 'machines without an address passed the checks')),
    problems: findings.problems,
    subnetChosen: valueAt(merged, ['vos', 'subnet']) !== undefined,
  });
}

/** A flag wins over the file; --topology also over the kind at the top of the file, which may say otherwise. */
function withOverrides(tree: Tree, overrides: Overrides): Tree {
  const unknown = Object.keys(overrides).find((name) => !CONFIG_FLAGS.some((flag) => flag.name === name));
  must(unknown === undefined ? true : null, `--${unknown ?? ''} is no flag of the configuration`);
  const start = Object.hasOwn(overrides, 'topology') ? withValue(tree, ['topology'], undefined) : tree;
  return CONFIG_FLAGS.reduce((result, flag) => {
    const text = overrides[flag.name];
    return text === undefined ? result : withValue(result, flag.path, flagValue(flag, text));
  }, start);
}

function soundTree(tree: Tree, findings: Findings): Tree {
  const structured = checkStructure(tree, CONFIG_SCHEMA, findings);
  return SIZES.reduce((sound, path) => {
    const errors = findings.problems.length;
    checkMemory(sound, path, findings);
    return findings.problems.length === errors ? sound : withValue(sound, path, undefined);
  }, structured);
}

interface ChosenTopology {
  readonly topology: Topology;
  /** Where its values are written, for a file of the user's own; null otherwise. */
  readonly source: YamlSource | null;
  readonly problems: readonly Problem[];
  /** The reference that led nowhere; the default topology stands in, so that other checks can go on. */
  readonly missing: string | null;
}

function chooseTopology(tree: Tree, input: ResolveInput): ChosenTopology {
  const kind = valueAt(tree, ['topology']);
  const fallback = builtinTopologyNames().find((name) => name === `k8s-${textOf(kind)}`) ?? 'k8s-ha';
  const reference = valueAt(tree, TOPOLOGY);
  const named = typeof reference === 'string' ? reference : fallback;
  const text = topologyText(named, input);
  if (text !== null) {
    const { topology, source, findings } = readTopology(text);
    const own = isTopologyPath(named) ? source : null;
    if (topology !== null) return { topology, source: own, problems: findings.problems, missing: null };
    return { topology: builtin(fallback), source: null, problems: findings.problems, missing: null };
  }
  return { topology: builtin(fallback), source: null, problems: [], missing: named };
}

function builtin(name: string): Topology {
  const text = must(builtinTopology(name), `homelab brings no topology ${name}`);
  return must(readTopology(text).topology, `the topology ${name} that homelab brings is wrong`);
}

function topologyText(reference: string, input: ResolveInput): TopologyText | null {
  if (!isTopologyPath(reference)) return builtinTopology(reference);
  const origin = input.overrides?.['topology'] === undefined ? 'configuration' : 'command-line';
  const text = input.readTopologyFile?.(reference, origin) ?? null;
  return text === null ? null : { file: reference, text };
}

function reportMissingTopology(reference: string, findings: Findings): void {
  const names = builtinTopologyNames();
  const meant = suggest(reference, names);
  const path = isTopologyPath(reference);
  findings.report({
    code: 'unknown-topology',
    path: TOPOLOGY,
    message: path ? `the file ${reference} cannot be read.` : `there is no topology ${reference}.`,
    remedy: path
      ? 'Check the path and whether the file may be read.'
      : `Did you mean ${meant ?? names.join(' or ')}?`,
    expected: `one of ${names.join(', ')}, or the path of a topology file`,
    found: reference,
  });
  findings.damage(TOPOLOGY);
}

/** The settings have passed every check. */
function labOf(settings: Settings, machines: readonly MachineSpec[]): LabSpec {
  const subnet = must(parseSubnet(settings.subnet), 'a lab without a network passed the checks');
  const addressAt = (offset: number): string =>
    printAddress(must(nthHost(subnet, offset), 'no room in the subnet'));
  const request = must(parseVersionRequest(settings.version), 'a wrong version passed the checks');
  const network: LabNetwork = {
    cidr: printCidr(subnet),
    prefixLength: subnet.prefix,
    hostAddress: addressAt(OFFSETS.host),
    managementCidr: printCidr(must(managementNetwork(settings, subnet), 'no management network')),
    interface: settings.ha.interface,
  };
  const vip = settings.topology.kind === 'ha' ? vipOf(settings, addressAt(OFFSETS.vip)) : null;
  return {
    name: settings.name,
    provider: settings.provider,
    topology: settings.topology.name,
    kubernetes: {
      distribution: 'kubeadm',
      version: printVersion(must(pickVersion(request), 'an unknown version passed the checks')),
      cni: settings.cni,
      csi: settings.csi,
      ingress: settings.ingress,
      podSubnet: settings.podSubnet,
      serviceSubnet: settings.serviceSubnet,
      apiSans: settings.apiSans,
    },
    vip,
    endpoint: endpointOf(settings, vip, machines),
    network,
    machines,
    budget: settings.budget,
    apiName: `api.${settings.acmeName}.${settings.acmeTld}`,
    timeScale: settings.timeScale,
    parallelJoins: settings.parallelJoins,
    maxUnavailable: settings.maxUnavailable,
    box: settings.box,
    driver: settings.driver,
    image: {
      ...settings.image,
      checksum: must(settings.image.checksum, 'a base image without a checksum passed the checks'),
    },
    bundle: settings.bundle,
  };
}

function vipOf({ ha, timeScale }: Settings, usual: string): VipSpec {
  const version = parseKubeVipVersion(ha.kubeVipVersion);
  return {
    address: ha.apiVip ?? usual,
    provider: ha.apiVipProvider,
    lease: ha.lease === null ? defaultLease(timeScale) : { ...ha.lease, explicit: true },
    // With HAProxy the version is never used, and so was not checked.
    kubeVipVersion: version === null ? ha.kubeVipVersion : printKubeVipVersion(version),
  };
}

function endpointOf({ ha }: Settings, vip: VipSpec | null, machines: readonly MachineSpec[]): EndpointSpec {
  const first = machines.find((machine) => machine.role === 'control-plane');
  const address = vip?.address ?? must(first, 'a lab without a control plane passed the checks').address;
  return { host: ha.apiName ?? address, port: 6443, address };
}
