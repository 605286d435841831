/** Looks at etcd at every event of a simulated world, without touching it. */
import { observeWorld } from '../../lib/sim/observe.js';
import type { Opened } from './upgrade-runs.js';

export interface QuorumWatch {
  /** The fewest voters that ran at one moment. */
  fewestUp(): number;
}

export function watchQuorum({ lab, provider, traced }: Opened): QuorumWatch {
  let fewest = Infinity;
  const endpoint = {
    address: lab.endpoint.address,
    port: lab.endpoint.port,
    vip: lab.vip?.address ?? null,
  };
  traced.add(() => {
    const members = observeWorld(provider.world, endpoint).etcd.members ?? [];
    fewest = Math.min(fewest, members.filter(({ learner, healthy }) => !learner && healthy).length);
  });
  return { fewestUp: () => fewest };
}

export interface HolderWatch {
  /** Machines that carried the floating address at this lab time. */
  at(labMs: number): readonly string[];
}

export function watchHolders({ lab, provider, traced }: Opened): HolderWatch {
  const vip = lab.vip?.address ?? '';
  const seen: { readonly atMs: number; readonly holders: readonly string[] }[] = [];
  traced.add(() => {
    const holders = [...provider.world.machines.values()]
      .filter((one) => one.hasAddress(vip))
      .map((one) => one.name);
    if (holders.join() !== seen.at(-1)?.holders.join()) seen.push({ atMs: provider.world.nowMs, holders });
  });
  return { at: (labMs) => seen.findLast(({ atMs }) => atMs <= labMs)?.holders ?? [] };
}
