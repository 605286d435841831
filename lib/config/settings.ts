/**
 * The configuration as typed data: what the file and the flags say, completed from the topology and from the
 * defaults of the schema. Texts that still need reading (versions, ranges) stay as they were written.
 */
import { must } from '../base/errors.js';
import { DEFAULT_BASE_IMAGE } from '../model/base-image.js';
import type {
  Budget,
  Cni,
  Csi,
  Driver,
  Ingress,
  ProviderName,
  TopologyKind,
  VipProvider,
} from '../model/lab.js';
import type { LeaseTimers } from '../model/lease.js';
import { CONFIG_SCHEMA } from './schema.js';
import { parseMemoryMiB } from './size.js';
import type { Path, Tree } from './source.js';
import type { MachineClass, MachineSize, Topology } from './topology.js';
import { schemaAt, textOf, valueAt } from './tree.js';

export interface HaSettings {
  /** Null means the default place in the subnet. */
  readonly apiVip: string | null;
  readonly apiVipProvider: VipProvider;
  readonly apiName: string | null;
  readonly interface: string;
  /** Null means the default timers. */
  readonly lease: LeaseTimers | null;
  readonly kubeVipVersion: string;
  readonly allowUntested: boolean;
}

export interface ImageSettings {
  readonly base: string;
  /** Null when another base image was named without one. */
  readonly checksum: string | null;
  readonly sshUser: string;
  readonly sshKey: string | null;
}

export interface Settings {
  readonly name: string;
  /** What the top of the file says; null when it does not. */
  readonly declaredKind: TopologyKind | null;
  readonly topology: Topology;
  readonly provider: ProviderName;
  readonly bundle: string | null;
  readonly distribution: string;
  readonly version: string;
  readonly cni: Cni;
  readonly csi: Csi;
  readonly ingress: Ingress;
  readonly podSubnet: string;
  readonly serviceSubnet: string;
  readonly apiSans: readonly string[];
  readonly parallelJoins: number;
  readonly maxUnavailable: number;
  readonly controlPlanes: MachineClass;
  readonly workers: MachineClass;
  /** Null when the lab has no machine for HAProxy. */
  readonly loadBalancer: MachineSize | null;
  readonly ha: HaSettings;
  readonly budget: Budget;
  readonly subnet: string;
  /** Null means one derived from the subnet. */
  readonly managementNetwork: string | null;
  readonly box: string | null;
  readonly driver: Driver;
  readonly timeScale: number;
  readonly image: ImageSettings;
  readonly acmeName: string;
  readonly acmeTld: string;
}

/** A machine for HAProxy when a topology of the user's own does not say. */
const DEFAULT_LOAD_BALANCER: MachineSize = { cpus: 1, memoryMiB: 1024 };

/** `tree` must fit the schema. */
export function settingsOf(tree: Tree, topology: Topology): Settings {
  const read = new Reader(tree);
  const ha = haSettings(read);
  const balanced = topology.kind === 'ha' && ha.apiVipProvider === 'haproxy';
  const name = read.text('name');
  return {
    name,
    declaredKind: read.optionalText('topology') as TopologyKind | null,
    topology,
    provider: read.text('provider') as ProviderName,
    bundle: read.optionalText('bundle'),
    distribution: read.text('k8s.distribution'),
    version: read.text('k8s.version'),
    cni: read.text('k8s.cni') as Cni,
    csi: read.text('k8s.csi') as Csi,
    ingress: read.text('k8s.ingress') as Ingress,
    podSubnet: read.text('k8s.pod_subnet'),
    serviceSubnet: read.text('k8s.service_subnet'),
    apiSans: read.texts('k8s.api_sans'),
    parallelJoins: read.number('k8s.parallel_joins'),
    maxUnavailable: read.number('k8s.upgrade.max_unavailable'),
    controlPlanes: machineClass(read, 'k8s.control_planes', topology.controlPlanes),
    // A topology without workers says nothing of their size; then workers are as large as control planes.
    workers: machineClass(read, 'k8s.workers', {
      ...(topology.workers.cpus === 0 ? topology.controlPlanes : topology.workers),
      count: topology.workers.count,
    }),
    loadBalancer: balanced ? (topology.loadBalancer ?? DEFAULT_LOAD_BALANCER) : null,
    ha,
    budget: { cpus: read.number('vos.cpus'), memoryMiB: read.memoryMiB('vos.memory') },
    subnet: read.text('vos.subnet'),
    managementNetwork: read.optionalText('vos.management_network'),
    box: read.optionalText('vos.box'),
    driver: read.text('vos.driver') as Driver,
    timeScale: read.number('vos.time_scale'),
    image: {
      base: read.optionalText('image.base') ?? DEFAULT_BASE_IMAGE.base,
      checksum:
        read.optionalText('image.checksum') ?? (read.has('image.base') ? null : DEFAULT_BASE_IMAGE.checksum),
      sshUser: read.text('image.ssh_user'),
      sshKey: read.optionalText('image.ssh_key'),
    },
    acmeName: read.optionalText('acme.name') ?? name,
    acmeTld: read.text('acme.tld'),
  };
}

function haSettings(read: Reader): HaSettings {
  const explicitLease = ['duration', 'renew_deadline', 'retry_period'].some((key) =>
    read.has(`k8s.ha.lease.${key}`),
  );
  return {
    apiVip: read.optionalText('k8s.ha.api_vip'),
    apiVipProvider: read.text('k8s.ha.api_vip_provider') as VipProvider,
    apiName: read.optionalText('k8s.ha.api_name'),
    interface: read.text('k8s.ha.interface'),
    lease: explicitLease
      ? {
          durationSeconds: read.number('k8s.ha.lease.duration'),
          renewDeadlineSeconds: read.number('k8s.ha.lease.renew_deadline'),
          retryPeriodSeconds: read.number('k8s.ha.lease.retry_period'),
        }
      : null,
    kubeVipVersion: read.text('k8s.ha.kube_vip_version'),
    allowUntested: read.flag('k8s.ha.allow_untested'),
  };
}

function machineClass(read: Reader, key: string, fallback: MachineClass): MachineClass {
  return {
    count: read.has(`${key}.count`) ? read.number(`${key}.count`) : fallback.count,
    cpus: read.has(`${key}.cpus`) ? read.number(`${key}.cpus`) : fallback.cpus,
    memoryMiB: read.has(`${key}.memory`) ? read.memoryMiB(`${key}.memory`) : fallback.memoryMiB,
  };
}

/** Reads values by dotted key, or the default that the schema gives. */
class Reader {
  readonly #tree: Tree;

  constructor(tree: Tree) {
    this.#tree = tree;
  }

  has(key: string): boolean {
    return valueAt(this.#tree, key.split('.')) !== undefined;
  }

  text(key: string): string {
    return textOf(this.#value(key));
  }

  optionalText(key: string): string | null {
    return this.has(key) ? this.text(key) : null;
  }

  texts(key: string): readonly string[] {
    return (this.#value(key) as readonly Tree[]).map(textOf);
  }

  number(key: string): number {
    return Number(this.#value(key));
  }

  flag(key: string): boolean {
    return this.#value(key) === true;
  }

  memoryMiB(key: string): number {
    return must(parseMemoryMiB(this.text(key)), `${key} was not checked to be a size`);
  }

  #value(key: string): Tree {
    const path: Path = key.split('.');
    return must(
      valueAt(this.#tree, path) ?? schemaAt(CONFIG_SCHEMA, path)?.default,
      `${key} has neither a value nor a default`,
    );
  }
}
