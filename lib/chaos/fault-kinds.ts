/** The kinds of faults: what each needs of a provider, which keys of a scenario it reads, and how it is told of. */
import type { ProviderName } from '../model/lab.js';
import type { Power } from '../provider/provider.js';

export const FAULT_KINDS = [
  ...(['halt', 'cut', 'reboot', 'pause', 'link', 'partition', 'loss', 'delay', 'fill-disk'] as const),
  ...(['stop-unit', 'remove-manifest', 'kill-process', 'drain', 'cordon', 'lose-etcd-data'] as const),
  ...(['registry-unreachable', 'slow-disk', 'clock-skew', 'expire-certificate'] as const),
] as const;

/** Certificates that can be expired, by kubeadm's names. */
export const CERTIFICATES = ['apiserver', 'apiserver-etcd-client', 'etcd-server', 'etcd-peer'] as const;

export type FaultName = (typeof FAULT_KINDS)[number];

/** The keys of a fault that only some kinds read. */
export const PARAMETERS = [
  ...(['from', 'unit', 'manifest', 'process', 'loss', 'delay', 'names', 'latency', 'skew'] as const),
  ...(['certificate'] as const),
] as const;
export type Parameter = (typeof PARAMETERS)[number];

export interface FaultFacts {
  /** What it does to machines, with the machines' names for %. */
  readonly title: string;
  readonly requires: readonly Parameter[];
  readonly allows: readonly Parameter[];
  /** The power of a provider without which it cannot be done. */
  readonly power: Power | null;
  readonly providers: readonly ProviderName[];
  /** True where it leaves the machine without its part in the cluster, so that plans can say so. */
  readonly takesDown: boolean;
}

const BOTH: readonly ProviderName[] = ['sim', 'libvirt'];
const NONE: Omit<FaultFacts, 'title'> = {
  ...{ requires: [], allows: [], power: null, providers: BOTH, takesDown: false },
};

export const FAULTS: Readonly<Record<FaultName, FaultFacts>> = {
  halt: { ...NONE, title: 'Halt %', takesDown: true },
  cut: { ...NONE, title: 'Cut the power of %', takesDown: true },
  reboot: { ...NONE, title: 'Reboot %', takesDown: true },
  pause: { ...NONE, title: 'Pause %', power: 'pause', takesDown: true },
  link: { ...NONE, title: 'Pull the cable of %', power: 'link', takesDown: true },
  partition: { ...NONE, title: 'Cut % off from others', allows: ['from'], takesDown: true },
  loss: { ...NONE, title: 'Lose frames of %', requires: ['loss'], allows: ['delay'] },
  delay: { ...NONE, title: 'Delay frames of %', requires: ['delay'], allows: ['loss'] },
  'fill-disk': { ...NONE, title: 'Fill the disk of %' },
  'stop-unit': { ...NONE, title: 'Stop a unit of %', requires: ['unit'] },
  'remove-manifest': { ...NONE, title: 'Take a static pod away from %', requires: ['manifest'] },
  'kill-process': { ...NONE, title: 'Kill a process of %', requires: ['process'] },
  drain: { ...NONE, title: 'Drain %' },
  cordon: { ...NONE, title: 'Cordon %' },
  'lose-etcd-data': { ...NONE, title: 'Take the data of etcd away from %', takesDown: true },
  'registry-unreachable': { ...NONE, title: 'Shut the registries to %', allows: ['names'] },
  'slow-disk': {
    ...NONE,
    title: 'Slow the disk of %',
    requires: ['latency'],
    power: 'disk',
    providers: ['sim'],
  },
  'clock-skew': { ...NONE, title: 'Set the clock of % wrong', requires: ['skew'] },
  'expire-certificate': {
    ...NONE,
    title: 'Expire a certificate of %',
    requires: ['certificate'],
    // Done by setting a clock back, which real members of etcd and their neighbours would take ill.
    providers: ['sim'],
  },
};
