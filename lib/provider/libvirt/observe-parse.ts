/** The JSON of kubectl and etcdctl, read into observations. */
import type { NodeObservation, PodObservation } from '../provider.js';

export function readNodes(json: string): readonly NodeObservation[] {
  return (itemsOf(json) as readonly RawNode[]).map(({ metadata, spec, status }) => ({
    name: metadata.name,
    ready: (status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True'),
    version: status?.nodeInfo?.kubeletVersion ?? '',
    schedulable: spec?.unschedulable !== true,
  }));
}

export function readPods(json: string): readonly PodObservation[] {
  return (itemsOf(json) as readonly RawPod[]).map(({ metadata, spec, status }) => {
    const containers = status?.containerStatuses ?? [];
    return {
      namespace: metadata.namespace ?? '',
      name: metadata.name,
      node: spec?.nodeName ?? null,
      phase: status?.phase ?? 'Unknown',
      ready: containers.length > 0 && containers.every(({ ready }) => ready),
      restarts: containers.reduce((total, { restartCount }) => total + restartCount, 0),
    };
  });
}

export interface EtcdMember {
  /** Decimal, as etcdctl's JSON has it: too large for a number. */
  readonly id: string;
  /** Empty when the member has never started. */
  readonly name: string;
  readonly learner: boolean;
}

/** `etcdctl member list -w json`. */
export function readMembers(json: string): readonly EtcdMember[] {
  const { members } = JSON.parse(quoteIds(json)) as { readonly members?: readonly RawMember[] };
  return (members ?? []).map(({ ID, name, isLearner }) => ({
    id: ID,
    name: name ?? '',
    learner: isLearner === true,
  }));
}

/** `etcdctl endpoint health -w json` of one endpoint. */
export function readHealth(json: string): boolean {
  const [first] = JSON.parse(json) as readonly { readonly health?: boolean }[];
  return first?.health === true;
}

/** Id of the leader in `etcdctl endpoint status -w json` of one endpoint; null while there is none. */
export function readStatus(json: string): string | null {
  const [first] = JSON.parse(quoteIds(json)) as readonly {
    readonly Status?: { readonly leader?: string | number };
  }[];
  const leader = first?.Status?.leader;
  return leader === undefined || String(leader) === '0' ? null : String(leader);
}

/** uint64 numbers would be rounded as JavaScript numbers, so they are quoted before they are parsed. */
function quoteIds(json: string): string {
  return json.replace(/"(ID|leader|cluster_id|member_id)":(\d+)/g, '"$1":"$2"');
}

function itemsOf(json: string): readonly unknown[] {
  return (JSON.parse(json) as { readonly items?: readonly unknown[] }).items ?? [];
}

interface RawNode {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly unschedulable?: boolean };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly nodeInfo?: { readonly kubeletVersion: string };
  };
}

interface RawPod {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly { readonly ready: boolean; readonly restartCount: number }[];
  };
}

interface RawMember {
  readonly ID: string;
  readonly name?: string;
  readonly isLearner?: boolean;
}
