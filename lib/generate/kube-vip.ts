/**
 * kube-vip's static pod, which holds the lab's VIP on one control plane through ARP and a Lease. Two
 * variants: before `kubeadm init` has bound admin.conf to its role only super-admin.conf may touch the Lease,
 * and that file exists on the first control plane alone. Leaves out services of type LoadBalancer: the
 * control plane only.
 */
import { assert, must } from '../base/errors.js';
import type { LabSpec, VipSpec } from '../model/lab.js';
import { defaultLease } from '../model/lease.js';
import { API_PORT } from './kubeadm.js';
import { ADMIN_CONF, SUPER_ADMIN_CONF } from './paths.js';
import { toYaml } from './yaml.js';

export type KubeVipVariant = 'bootstrap' | 'steady';

export function kubeVipImage(version: string): string {
  return `ghcr.io/kube-vip/kube-vip:${version}`;
}

/**
 * The manifest for every control plane (`steady`), or for the first one until init has returned
 * (`bootstrap`).
 */
export function kubeVipManifest(lab: LabSpec, variant: KubeVipVariant): string {
  const vip = must(lab.vip, `the lab ${lab.name} has no VIP`);
  assert(vip.provider === 'kube-vip', `the VIP of ${lab.name} is not held by kube-vip`);
  return manifest(vip, lab.network.interface, variant);
}

/** For the node image, which knows no lab: what a lab says stands between @ signs, the lease is the default. */
export function kubeVipTemplate(): string {
  const vip: VipSpec = {
    address: '@VIP@',
    provider: 'kube-vip',
    kubeVipVersion: '@VERSION@',
    lease: defaultLease(1),
  };
  return [
    '# kube-vip for a control plane; @VIP@ and @INTERFACE@ are for whoever puts it into /etc/kubernetes/manifests.',
    '# On the first control plane the volume is /etc/kubernetes/super-admin.conf until kubeadm init has returned.',
    manifest(vip, '@INTERFACE@', 'steady'),
  ].join('\n');
}

function manifest(vip: VipSpec, device: string, variant: KubeVipVariant): string {
  return toYaml({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'kube-vip', namespace: 'kube-system' },
    spec: {
      containers: [
        {
          name: 'kube-vip',
          image: kubeVipImage(vip.kubeVipVersion),
          imagePullPolicy: 'IfNotPresent',
          args: ['manager'],
          env: environment(vip, device),
          securityContext: { capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] } },
          // One mount path for both variants: when this file exists kube-vip replaces its server by
          // https://kubernetes:<port>, which the host alias below makes the local API server.
          volumeMounts: [{ name: 'kubeconfig', mountPath: ADMIN_CONF }],
        },
      ],
      hostAliases: [{ ip: '127.0.0.1', hostnames: ['kubernetes'] }],
      hostNetwork: true,
      volumes: [
        {
          name: 'kubeconfig',
          // With the type unset containerd makes a missing path a directory, which breaks kube-vip silently
          // and a later kubeadm run loudly. `File` keeps the pod in ContainerCreating with a FailedMount
          // event.
          hostPath: { path: variant === 'bootstrap' ? SUPER_ADMIN_CONF : ADMIN_CONF, type: 'File' },
        },
      ],
    },
  });
}

/**
 * Every value is written out, because kube-vip's defaults changed between its versions (the lease in v1.1.0).
 */
function environment(vip: VipSpec, device: string): readonly unknown[] {
  const { lease } = vip;
  return [
    { name: 'vip_arp', value: 'true' },
    { name: 'port', value: String(API_PORT) },
    { name: 'vip_nodename', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
    // Without it kube-vip takes the interface of the default route, which on Vagrant machines is the NAT
    // card.
    { name: 'vip_interface', value: device },
    { name: 'vip_subnet', value: '32' },
    { name: 'cp_enable', value: 'true' },
    { name: 'cp_namespace', value: 'kube-system' },
    { name: 'vip_leaderelection', value: 'true' },
    { name: 'vip_leasename', value: 'plndr-cp-lock' },
    { name: 'vip_leaseduration', value: String(lease.durationSeconds) },
    { name: 'vip_renewdeadline', value: String(lease.renewDeadlineSeconds) },
    { name: 'vip_retryperiod', value: String(lease.retryPeriodSeconds) },
    { name: 'address', value: vip.address },
    { name: 'prometheus_server', value: ':2112' },
  ];
}
