/**
 * Where an upgrade that needs a person has left each machine, what is safe meanwhile, and how it goes on. Pure: facts
 * in, lines out.
 */
import { controlPlanes, type LabSpec } from '../../model/lab.js';
import { forecastQuorum } from '../../model/quorum.js';
import { tagOf, type ClusterFacts } from '../facts/facts.js';
import type { UpgradeInput } from '../upgrade.js';

export function standing(facts: ClusterFacts, lab: LabSpec, input: UpgradeInput): readonly string[] {
  return [
    'each machine now:',
    ...lab.machines.map(({ name }) => `  ${name}: ${machineLine(facts, name)}`),
    'what is safe now:',
    ...safety(facts, lab, input).map((line) => `  ${line}`),
  ];
}

function machineLine(facts: ClusterFacts, name: string): string {
  const machine = facts.machines.find((one) => one.name === name);
  const state = machine?.state ?? 'absent';
  if (machine?.role === 'load-balancer' || state !== 'running') return state;
  const node = facts.nodes?.find((one) => one.name === name);
  const pod = facts.staticPods?.find((one) => one.node === name && one.component === 'kube-apiserver');
  return [
    `kubeadm ${machine?.kubeadm ?? 'does not answer'}`,
    ...(machine?.role === 'control-plane'
      ? [`control plane ${pod === undefined ? 'not seen' : tagOf(pod.image)}`]
      : []),
    `kubelet ${node?.version ?? 'not seen'}`,
    ...(node === undefined
      ? []
      : [node.ready ? 'Ready' : 'not Ready', ...(node.schedulable ? [] : ['cordoned'])]),
  ].join(', ');
}

function safety(facts: ClusterFacts, lab: LabSpec, { from, to }: UpgradeInput): readonly string[] {
  const voters = (facts.etcd?.members ?? []).map(({ name, healthy }) => ({ name, up: healthy }));
  const { voters: count, upBefore, toleranceAfter, hadQuorum } = forecastQuorum(voters, []);
  const etcd =
    facts.etcd === null
      ? 'etcd does not answer: bring control planes back before anything else'
      : hadQuorum
        ? `etcd writes: ${upBefore} of ${count} voters are up, and ${toleranceAfter} more may fail`
        : `etcd cannot write: ${upBefore} of ${count} voters are up`;
  const off = controlPlanes(lab).filter(({ name }) =>
    facts.machines.some((machine) => machine.name === name && machine.state !== 'running'),
  );
  return [
    etcd,
    ...(off.length === 0
      ? []
      : [
          `do not take another control plane down while ${off.map(({ name }) => name).join(' and ')} is away`,
        ]),
    `${from} and ${to} may run side by side for as long as it takes; workloads go on`,
    'do not start another upgrade, and do not run kubeadm by hand, before this one is over',
  ];
}
