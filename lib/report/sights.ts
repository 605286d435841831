/** An observation as lanes show it: for each thing that can be seen, one word and whether that is as it should be. */
import type { Observation, PodObservation } from '../provider/provider.js';

/** In the order in which reports show them. */
export const LANE_GROUPS = ['power', 'etcd', 'vip', 'api', 'nodes', 'pods', 'probe'] as const;
export type LaneGroup = (typeof LANE_GROUPS)[number];

/** What a lane shows at one moment. */
export interface Sight {
  /** Such as `power:stage-cp-1`, `etcd:margin`, `vip`, `api:endpoint`, `api:stage-cp-1`, `pods:stage-w-1`. */
  readonly key: string;
  readonly title: string;
  readonly group: LaneGroup;
  readonly value: string;
  readonly good: boolean;
}

/** What could not be read, and what is not there any more. Neither is good, and neither is an outage. */
export const UNKNOWN = 'unknown';
export const ABSENT = 'absent';

const NO_ANSWER = 'no answer';

export const MARGIN_LANE = 'etcd:margin';
export const VIP_LANE = 'vip';
export const ENDPOINT_LANE = 'api:endpoint';

/** The parts of an observation, each a group of lanes. */
export type Part = 'machines' | 'etcd' | 'vipHolders' | 'api' | 'nodes' | 'pods';

export const GROUP_OF: Readonly<Record<Part, LaneGroup>> = {
  ...{ machines: 'power', etcd: 'etcd', vipHolders: 'vip', api: 'api', nodes: 'nodes', pods: 'pods' },
};

/** What is said of what was seen before and is not any more: an API server whose process ended does not answer. */
export const GONE: Readonly<Record<Part, string>> = {
  ...{ machines: ABSENT, etcd: ABSENT, vipHolders: ABSENT, api: NO_ANSWER, nodes: ABSENT, pods: ABSENT },
};

/** Null where the part could not be read. */
export const PARTS: readonly (readonly [Part, (seen: Observation) => readonly Sight[] | null])[] = [
  ['machines', power],
  ['etcd', etcd],
  ['vipHolders', vip],
  ['api', api],
  ['nodes', nodes],
  ['pods', pods],
];

function power({ machines }: Observation): readonly Sight[] {
  return machines.map(({ name, state }) => ({
    ...{ key: `power:${name}`, title: name, group: 'power', value: state, good: state === 'running' },
  }));
}

function etcd({ etcd: { members, leader, quorum, tolerance } }: Observation): readonly Sight[] | null {
  if (members === null) return null;
  const margin = { key: MARGIN_LANE, title: 'voters to spare', group: 'etcd' } as const;
  return [
    { ...margin, value: String(tolerance), good: quorum },
    ...members.map(({ name, started, learner, healthy }): Sight => {
      const role = name === leader ? 'leader' : learner ? 'learner' : 'voter';
      const value = !started ? 'not started' : healthy ? role : 'unhealthy';
      const title = name === '' ? 'new member' : name;
      return { key: `etcd:${name}`, title, group: 'etcd', value, good: started && healthy };
    }),
  ];
}

function vip({ vipHolders }: Observation): readonly Sight[] {
  if (vipHolders === null) return [];
  const value = vipHolders.length === 0 ? 'nobody' : vipHolders.join(' + ');
  return [{ key: VIP_LANE, title: 'holder', group: 'vip', value, good: vipHolders.length === 1 }];
}

function api({ api: { endpoint, nodes: servers } }: Observation): readonly Sight[] {
  const sight = (key: string, title: string, answers: boolean): Sight => ({
    ...{ key, title, group: 'api', value: answers ? 'answers' : NO_ANSWER, good: answers },
  });
  return [
    sight(ENDPOINT_LANE, 'endpoint', endpoint),
    ...Object.entries(servers).map(([name, answers]) => sight(`api:${name}`, name, answers)),
  ];
}

function nodes({ nodes: seen }: Observation): readonly Sight[] | null {
  if (seen === null) return null;
  return seen.map(({ name, ready, version, schedulable }) => ({
    ...{ key: `node:${name}`, title: name, group: 'nodes', good: ready },
    value: `${ready ? 'Ready' : 'NotReady'} ${version}${schedulable ? '' : ', cordoned'}`,
  }));
}

/** Pods of a Job that has come to its end are neither waited for nor missed. */
function pods({ pods: seen }: Observation): readonly Sight[] | null {
  if (seen === null) return null;
  const byNode = new Map<string | null, PodObservation[]>();
  for (const pod of seen) {
    if (pod.phase === 'Succeeded') continue;
    const there = byNode.get(pod.node);
    if (there === undefined) byNode.set(pod.node, [pod]);
    else there.push(pod);
  }
  return [...byNode].map(([node, there]) => {
    const ready = there.filter((pod) => pod.ready).length;
    if (node === null) {
      const value = `${there.length} waiting`;
      return { key: 'pods:', title: 'on no node', group: 'pods', value, good: false };
    }
    const value = `${ready} of ${there.length} ready`;
    return { key: `pods:${node}`, title: node, group: 'pods', value, good: ready === there.length };
  });
}
