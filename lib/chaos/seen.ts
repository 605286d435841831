/** How a subject stands in what an onlooker sees at one moment: a word, and whether that is good. */
import { controlPlanes, type LabSpec } from '../model/lab.js';
import type { Observation } from '../provider/provider.js';
import type { SubjectKind } from './subject.js';

export interface Standing {
  readonly value: string;
  readonly good: boolean;
}

/** A subject on a lab, with its machines known. */
export interface Sighted {
  /** The subject's text: under it its intervals are kept. */
  readonly key: string;
  readonly kind: Exclude<SubjectKind, 'probe' | 'step'>;
  /** Null for all that could be meant. */
  readonly machines: readonly string[] | null;
  /** Of pods `NAMESPACE/PREFIX`, else empty. */
  readonly name: string;
}

export function standingOf(lab: LabSpec, seen: Observation, { kind, machines, name }: Sighted): Standing {
  switch (kind) {
    case 'api':
      return upOrDown(
        machines === null ? seen.api.endpoint : machines.every((one) => seen.api.nodes[one] === true),
      );
    case 'machines':
      return without(powerless(lab, seen, machines));
    case 'nodes':
      return without(seen.nodes === null ? null : unready(lab, seen, machines));
    case 'etcd':
      return without(unhealthy(lab, seen, machines));
    case 'quorum':
      return upOrDown(seen.etcd.quorum);
    case 'etcd-leader':
      return { value: seen.etcd.leader ?? 'nobody', good: seen.etcd.leader !== null };
    case 'vip': {
      const holders = answering(seen);
      return { value: holders.length === 0 ? 'nobody' : holders.join(' and '), good: holders.length === 1 };
    }
    case 'pods':
      return pods(seen, name);
  }
}

/** A machine that is off or frozen answers for no address, whatever its card has. */
export function answering(seen: Observation): readonly string[] {
  return (seen.vipHolders ?? []).filter(
    (holder) => seen.machines.find(({ name }) => name === holder)?.state === 'running',
  );
}

function powerless(lab: LabSpec, seen: Observation, machines: readonly string[] | null): readonly string[] {
  const wanted = machines ?? lab.machines.map(({ name }) => name);
  return wanted.filter((one) => seen.machines.find(({ name }) => name === one)?.state !== 'running');
}

/** Nodes that are not Ready, or that nothing is scheduled to. */
function unready(lab: LabSpec, seen: Observation, machines: readonly string[] | null): readonly string[] {
  const nodes = lab.machines.filter(({ role }) => role !== 'load-balancer').map(({ name }) => name);
  return (machines ?? nodes).filter((one) => {
    const node = seen.nodes?.find(({ name }) => name === one);
    return node === undefined || !node.ready || !node.schedulable;
  });
}

/** Machines whose member is not a voter that answers; members that are of no machine count too. */
function unhealthy(
  lab: LabSpec,
  seen: Observation,
  machines: readonly string[] | null,
): readonly string[] | null {
  const { members } = seen.etcd;
  if (members === null) return null;
  const wanted = machines ?? controlPlanes(lab).map(({ name }) => name);
  const strangers =
    machines === null ? members.filter(({ name }) => !wanted.includes(name)).map(({ name }) => name) : [];
  const missing = wanted.filter((one) => {
    const member = members.find(({ name }) => name === one);
    return member === undefined || !member.healthy || member.learner;
  });
  return [...missing, ...strangers];
}

function pods(seen: Observation, name: string): Standing {
  if (seen.pods === null) return { value: 'not to be seen', good: false };
  const [namespace = '', prefix = ''] = name.split('/');
  const found = seen.pods.filter((pod) => pod.namespace === namespace && pod.name.startsWith(prefix));
  const ready = found.filter((pod) => pod.ready);
  const nodes = [...new Set(ready.map(({ node }) => node ?? 'no node'))].sort();
  const where = nodes.length === 0 ? '' : ` on ${nodes.join(', ')}`;
  return {
    value: `${ready.length} of ${found.length} ready${where}`,
    good: found.length > 0 && ready.length === found.length,
  };
}

function upOrDown(up: boolean): Standing {
  return { value: up ? 'up' : 'down', good: up };
}

/** Null for what could not be seen. */
function without(missing: readonly string[] | null): Standing {
  if (missing === null) return { value: 'not to be seen', good: false };
  return missing.length === 0
    ? { value: 'up', good: true }
    : { value: `without ${missing.join(', ')}`, good: false };
}
