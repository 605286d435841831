/** The names of what must never happen, and which of it only the all-seeing simulator can watch. */

export const INVARIANTS = [
  ...(['one-vip-holder', 'no-vip-after-reset', 'no-write-lost', 'one-etcd-leader'] as const),
  ...(['kubelet-not-newer', 'super-admin-unmounted'] as const),
] as const;

export type InvariantName = (typeof INVARIANTS)[number];

export const SIMULATOR_ONLY: readonly InvariantName[] = [
  'one-etcd-leader',
  'kubelet-not-newer',
  'super-admin-unmounted',
];
