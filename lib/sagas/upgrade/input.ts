/** From facts and wishes to the plain data that an upgrade is made from and recorded with. */
import type { LabSpec } from '../../model/lab.js';
import { controlPlanes } from '../../model/lab.js';
import type { ClusterFacts } from '../facts/facts.js';
import { minutes } from '../timing.js';
import type { UpgradeInput } from '../upgrade.js';
import type { BundleUse } from './bundle.js';

export interface UpgradeWishes {
  readonly from: string;
  readonly to: string;
  readonly maxUnavailable: number;
  /** Null means eight minutes on a machine of speed 1. */
  readonly drainTimeoutMs: number | null;
  readonly snapshot: string;
  readonly bundle: BundleUse | null;
}

export function upgradeInput(lab: LabSpec, facts: ClusterFacts, wishes: UpgradeWishes): UpgradeInput {
  const first = controlPlanes(lab)[0]?.name;
  return {
    from: wishes.from,
    to: wishes.to,
    maxUnavailable: wishes.maxUnavailable,
    drainTimeoutMs: wishes.drainTimeoutMs ?? minutes(lab, 8),
    snapshot: wishes.snapshot,
    bundle: wishes.bundle,
    cordoned: (facts.nodes ?? []).filter(({ schedulable }) => !schedulable).map(({ name }) => name),
    manifests: facts.machines.find(({ name }) => name === first)?.manifests ?? {},
  };
}
