/**
 * Asks a lab's machines and its cluster for everything that the findings judge. Changes nothing. A machine or an API
 * that does not answer is a fact, not a failure.
 */
import type { StepContext } from '../../engine/saga.js';
import { controlPlanes, type LabSpec } from '../../model/lab.js';
import { askKubectl, parseNodes, workingControlPlane } from '../kubectl.js';
import { etcdEndpoints, etcdMembers } from '../etcd.js';
import {
  parseBarePods,
  parseBudgets,
  parseKubeadmConfig,
  parsePods,
  parseStaticPods,
  parseWorkloads,
} from './parse.js';
import type { ClusterFacts, EtcdFacts } from './facts.js';
import { machineFacts } from './machine.js';

export async function gatherFacts(context: StepContext, lab: LabSpec): Promise<ClusterFacts> {
  const reasons: string[] = [];
  const states = await context.provider.machines();
  const machines = [];
  for (const machine of lab.machines) {
    const state = states.find(({ name }) => name === machine.name)?.state ?? 'absent';
    if (state !== 'running') reasons.push(`${machine.name} is ${state}`);
    machines.push(await machineFacts(context, lab, machine, state));
  }
  const on = await workingControlPlane(context, lab);
  const ask = async <T>(
    what: string,
    args: readonly string[],
    read: (json: string) => T,
  ): Promise<T | null> => {
    const json = on === null ? null : await askKubectl(context, lab, [...args, '-o', 'json'], on);
    if (json === null) reasons.push(`${what}: the API does not answer`);
    return json === null ? null : read(json);
  };
  const pods = await ask('pods', ['get', 'pods', '-A'], parsePods);
  const config = ['get', 'configmap', '-n', 'kube-system', 'kubeadm-config'];
  const workloads = ['get', 'daemonsets,deployments', '-A'];
  const etcd = on === null ? null : await etcdFacts(context, lab, on);
  if (etcd === null) reasons.push('etcd: no member answers');
  return {
    atMs: context.clock.nowMs(),
    machines,
    nodes: await ask('nodes', ['get', 'nodes'], parseNodes),
    staticPods: pods === null ? null : parseStaticPods(pods),
    etcd,
    kubeadm: await ask('kubeadm-config', config, parseKubeadmConfig),
    budgets: await ask('budgets', ['get', 'poddisruptionbudgets', '-A'], (json) =>
      parseBudgets(json, pods ?? []),
    ),
    barePods: pods === null ? null : parseBarePods(pods),
    workloads: await ask('workloads', workloads, parseWorkloads),
    reasons,
  };
}

/** Members with their health, asked at every control plane's own client address; null when nobody answers. */
export async function etcdFacts(context: StepContext, lab: LabSpec, on: string): Promise<EtcdFacts | null> {
  const members = await etcdMembers(context, lab, on);
  if (members === null) return null;
  const endpoints = await etcdEndpoints(context, lab, on);
  return {
    members: members.map(({ name, peerUrls, learner }) => {
      const own = controlPlanes(lab).find(
        (machine) => machine.name === name || peerUrls.includes(`https://${machine.address}:2380`),
      );
      const url = own === undefined ? '' : `https://${own.address}:2379`;
      return { name, learner, healthy: endpoints.healthy.includes(url) };
    }),
    dbBytes: endpoints.dbBytes,
  };
}
