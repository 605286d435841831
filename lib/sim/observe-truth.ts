/** What nobody can see from outside, as an all-seeing observer has it: plain reads, for what must never happen. */
import type { EtcdCluster } from './etcd-cluster.js';
import type { World } from './world.js';

export interface ObservedTruth {
  readonly leaders: readonly { readonly cluster: string; readonly machine: string; readonly term: number }[];
  readonly voters: readonly { readonly machine: string; readonly live: boolean }[];
  readonly kubelets: Readonly<Record<string, string>>;
  readonly apiServers: Readonly<Record<string, string>>;
  readonly superAdmin: readonly string[];
}

const SUPER_ADMIN = '/etc/kubernetes/super-admin.conf';

/** `cluster`: the one that is observed; null when no member of any runs. */
export function observeTruth(world: World, cluster: EtcdCluster | null): ObservedTruth {
  const machines = [...world.machines.values()];
  const running = <T extends { readonly process: { readonly running: boolean } }>(
    programs: ReadonlyMap<string, T>,
    versionOf: (program: T) => string,
  ): Record<string, string> =>
    Object.fromEntries(
      [...programs].flatMap(([name, one]) => (one.process.running ? [[name, versionOf(one)] as const] : [])),
    );
  const servers = new Map([...world.apiServers].map(([name, { options }]) => [name, options] as const));
  return {
    leaders: [...world.etcdClusters.values()].flatMap(({ clusterId, nodes }) =>
      [...nodes.values()]
        .filter((node) => node.isLeader)
        .map(({ machine, term }) => ({ cluster: clusterId, machine: machine.name, term })),
    ),
    voters: (cluster?.voters ?? []).map(({ id, name }) => {
      const machine = cluster?.nodes.get(id)?.machine;
      return { machine: machine?.name ?? name, live: machine?.answersNetwork === true };
    }),
    kubelets: running(world.kubelets, ({ version }) => version),
    apiServers: running(servers, ({ version }) => version),
    superAdmin: machines
      .filter(({ containers }) =>
        containers.containers.some(
          ({ process, spec }) =>
            process.running && spec.mounts.some(({ hostPath }) => hostPath === SUPER_ADMIN),
        ),
      )
      .map(({ name }) => name),
  };
}
