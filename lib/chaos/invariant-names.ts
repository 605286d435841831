/** The names of what must never happen. */

export const INVARIANTS = ['one-vip-holder', 'no-vip-after-reset', 'no-write-lost'] as const;

export type InvariantName = (typeof INVARIANTS)[number];
