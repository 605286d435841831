/**
 * Labs made by hand for tests of what reads a `LabSpec`, so that those do not depend on the configuration.
 */
import fc from 'fast-check';
import type { Test } from 'tap';
import { defaultLease } from '../../lib/model/lease.js';
import type { KubernetesSpec, LabSpec, MachineSpec, Role, VipSpec } from '../../lib/model/lab.js';

export interface LabShape {
  readonly controlPlanes?: number;
  readonly workers?: number;
  readonly vip?: VipSpec['provider'] | null;
  /** Uses this name as the endpoint instead of the address. */
  readonly apiName?: string;
  readonly kubernetes?: Partial<KubernetesSpec>;
  readonly lease?: Partial<VipSpec['lease']>;
  readonly more?: Partial<LabSpec>;
}

const SUBNET = '192.168.62';
const VIP = `${SUBNET}.5`;

export function makeLab(shape: LabShape): LabSpec {
  const { controlPlanes = 3, workers = 3, vip = null } = shape;
  const machines = [
    ...(vip === 'haproxy' ? [machine('stage-lb-1', 'load-balancer', 10)] : []),
    ...numbers(controlPlanes).map((n) => machine(`stage-cp-${n}`, 'control-plane', 10 + n)),
    ...numbers(workers).map((n) => machine(`stage-w-${n}`, 'worker', 20 + n)),
  ];
  const address = vip === null ? `${SUBNET}.11` : VIP;
  return {
    name: 'stage',
    provider: 'sim',
    topology: 'k8s-ha',
    kubernetes: {
      distribution: 'kubeadm',
      version: 'v1.31.4',
      cni: 'cilium',
      csi: 'longhorn',
      ingress: 'nginx',
      podSubnet: '10.244.0.0/16',
      serviceSubnet: '10.96.0.0/12',
      apiSans: [],
      ...shape.kubernetes,
    },
    vip:
      vip === null
        ? null
        : {
            address: VIP,
            provider: vip,
            kubeVipVersion: 'v1.0.4',
            lease: {
              ...defaultLease(shape.more?.timeScale ?? 1),
              ...shape.lease,
            },
          },
    endpoint: { host: shape.apiName ?? address, port: 6443, address },
    network: {
      cidr: `${SUBNET}.0/24`,
      prefixLength: 24,
      hostAddress: `${SUBNET}.1`,
      managementCidr: '172.29.62.0/24',
      interface: 'eth1',
    },
    machines,
    budget: { cpus: 18, memoryMiB: 38912 },
    apiName: null,
    timeScale: 1,
    parallelJoins: 3,
    maxUnavailable: 1,
    box: null,
    image: {
      base: 'base.qcow2',
      checksum: `sha256:${'0'.repeat(64)}`,
      sshUser: 'vagrant',
      sshKey: null,
    },
    driver: 'auto',
    bundle: null,
    ...shape.more,
  };
}

function machine(name: string, role: Role, last: number): MachineSpec {
  const size = {
    'control-plane': { cpus: 2, memoryMiB: 4096 },
    worker: { cpus: 2, memoryMiB: 8192 },
    'load-balancer': { cpus: 1, memoryMiB: 1024 },
  }[role];
  return { name, role, ...size, address: `${SUBNET}.${last}` };
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** One lab for each topology, for both VIP providers, and for each thing that changes the files' shape. */
export const labs: Readonly<Record<string, LabSpec>> = {
  'k8s-single': makeLab({ controlPlanes: 1, workers: 0, more: { topology: 'k8s-single' } }),
  'k8s-multi': makeLab({ controlPlanes: 1, kubernetes: { cni: 'flannel' }, more: { topology: 'k8s-multi' } }),
  'k8s-ha-kube-vip': makeLab({ vip: 'kube-vip' }),
  'k8s-ha-haproxy': makeLab({ vip: 'haproxy' }),
  'k8s-ha-api-name': makeLab({
    vip: 'kube-vip',
    apiName: 'k8s.stage.lab',
    kubernetes: { apiSans: ['kube.example.org', '10.1.2.3'] },
    more: { apiName: 'api.stage.lab' },
  }),
  'k8s-ha-slow-bridge': makeLab({
    workers: 1,
    vip: 'kube-vip',
    kubernetes: { cni: 'bridge', csi: 'none', ingress: 'none' },
    more: { timeScale: 10, box: 'debian12-tcg', driver: 'qemu', bundle: '/srv/bundle', provider: 'libvirt' },
  }),
  'k8s-ha-v1.30': makeLab({
    vip: 'haproxy',
    kubernetes: { version: 'v1.30.8', cni: 'flannel', csi: 'none', ingress: 'none' },
    more: { timeScale: 2 },
  }),
};

/** Labs of every shape that the configuration can give. */
export function anyLab(): fc.Arbitrary<LabSpec> {
  return fc
    .record({
      controlPlanes: fc.constantFrom(1, 3, 5),
      workers: fc.nat({ max: 5 }),
      vip: fc.constantFrom('kube-vip' as const, 'haproxy' as const, null),
      named: fc.boolean(),
      version: fc.constantFrom('v1.30.8', 'v1.31.4', 'v1.32.0', 'v1.33.1'),
      cni: fc.constantFrom('cilium' as const, 'flannel' as const, 'bridge' as const, 'none' as const),
      csi: fc.constantFrom('longhorn' as const, 'none' as const),
      ingress: fc.constantFrom('nginx' as const, 'none' as const),
      timeScale: fc.constantFrom(1, 1.5, 2, 10, 100),
      offline: fc.boolean(),
      driver: fc.constantFrom('auto' as const, 'kvm' as const, 'qemu' as const),
    })
    .map(({ controlPlanes, workers, vip, version, cni, csi, ingress, ...rest }) =>
      makeLab({
        ...{ controlPlanes, workers },
        vip: vip === null && controlPlanes > 1 ? 'kube-vip' : vip,
        ...(rest.named ? { apiName: 'k8s.stage.lab' } : {}),
        kubernetes: { version, cni, csi, ingress },
        more: {
          ...{ timeScale: rest.timeScale, driver: rest.driver, bundle: rest.offline ? '/srv/bundle' : null },
          apiName: rest.named ? 'api.stage.lab' : null,
        },
      }),
    );
}

/**
 * The property holds for 50 labs, the same ones on every run; the failure shows the smallest lab that breaks
 * it.
 */
export function holds(t: Test, property: (lab: LabSpec) => void): void {
  t.doesNotThrow(() => {
    fc.assert(fc.property(anyLab(), property), { seed: 1, numRuns: 50 });
  });
}
