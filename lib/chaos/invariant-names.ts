/** The names of what must never happen; the last four need the ground truth that only the simulator has. */

export const INVARIANTS = [
  ...(['one-vip-holder', 'no-vip-after-reset', 'no-write-lost'] as const),
  ...([
    'one-leader-per-term',
    'kubelet-not-newer',
    'super-admin-not-mounted',
    'quorum-not-given-up',
  ] as const),
] as const;

export type InvariantName = (typeof INVARIANTS)[number];
