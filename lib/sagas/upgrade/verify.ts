/** The last look: every node, every static pod, the add-ons, the stored configuration, and the API from outside. */
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import { tagOf, type ClusterFacts } from '../facts/facts.js';
import { gatherFacts } from '../facts/gather.js';
import { statusFromOutside, vipHolders } from '../gates.js';
import { brief, minutes, poll, seconds } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { addonReleases } from '../../generate/addons.js';
import { askKubectl, unreadyWorkloads } from '../kubectl.js';
import { addonProblem } from './addons.js';
import { anyControlPlane } from './drain.js';
import { TYPICAL } from './typical.js';

export function everythingUpgraded(upgrade: Upgrade): Step {
  const { lab, input } = upgrade;
  const hasAgents = ['cilium', 'flannel'].includes(lab.kubernetes.cni);
  return {
    key: 'verify',
    title: `Nodes, static pods and add-ons are of ${input.to}, and the API answers from outside`,
    kind: 'retriable',
    retry: brief(lab),
    timeoutMs: minutes(lab, 15),
    typicalMs: hasAgents ? TYPICAL.verifyAgents : TYPICAL.verify,
    run: async (context) => {
      let problems: readonly string[] = [];
      const times = { timeoutMs: minutes(lab, 10), everyMs: seconds(lab, 5) };
      const good = await poll(context, times, async () => {
        const before = problems;
        problems = await stillOld(context, upgrade);
        // The last worker's add-ons may start for minutes: whoever looks on is told what is waited for.
        if (problems.length > 0 && problems.join() !== before.join())
          context.log(`waits: ${problems.join('; ')}`);
        return problems.length === 0 ? true : null;
      });
      if (good !== null) return;
      throw new StepError({
        code: 'upgrade-incomplete',
        message: problems.join('\n'),
        remedy: 'Mend what is named, then type: homelab resume',
        retryable: true,
      });
    },
  };
}

async function stillOld(context: StepContext, upgrade: Upgrade): Promise<readonly string[]> {
  const { lab } = upgrade;
  const problems = [...outdatedParts(await gatherFacts(context, lab), upgrade)];
  const addons = await addonProblem(context, upgrade);
  if (addons !== null) problems.push(addons);
  problems.push(...(await unreadyAddons(context, upgrade)));
  const status = await statusFromOutside(context, lab, lab.endpoint.address, '/livez');
  if (status !== 200) problems.push(`the API at ${lab.endpoint.address} answers ${status ?? 'nothing'}`);
  const holders = await vipHolders(context, lab);
  if (holders !== null && holders.length !== 1) {
    problems.push(`${lab.vip?.address ?? ''} is held by ${holders.join(' and ') || 'no machine'}`);
  }
  return problems;
}

/** Pods that were evicted last may still be starting. Workloads of the user's own are theirs to look at. */
async function unreadyAddons(context: StepContext, { lab }: Upgrade): Promise<readonly string[]> {
  const on = await anyControlPlane(context, lab, '');
  const namespaces = new Set(['kube-system', ...addonReleases(lab).map(({ namespace }) => namespace)]);
  const problems: string[] = [];
  for (const namespace of namespaces) {
    const args = ['get', 'daemonsets,deployments', '-n', namespace, '-o', 'json'];
    const json = await askKubectl(context, lab, args, on);
    const unready = json === null ? [] : unreadyWorkloads(json);
    problems.push(...unready.map((workload) => `${workload} in ${namespace} lacks pods`));
  }
  return problems;
}

const OF_KUBERNETES = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

/** What of the cluster is not of the new version, or not well; one line each. */
export function outdatedParts(facts: ClusterFacts, { lab, input }: Upgrade): readonly string[] {
  const nodes = lab.machines.flatMap(({ name, role }) => {
    if (role === 'load-balancer') return [];
    const node = facts.nodes?.find((one) => one.name === name);
    if (node === undefined) return [`${name} is not seen as a node`];
    return [
      ...(node.version === input.to ? [] : [`the kubelet of ${name} is ${node.version}`]),
      ...(node.ready ? [] : [`${name} is not Ready`]),
      ...(node.schedulable || input.cordoned.includes(name) ? [] : [`${name} is cordoned`]),
    ];
  });
  const controlPlanes = lab.machines.filter(({ role }) => role === 'control-plane');
  const pods = controlPlanes.flatMap(({ name }) =>
    OF_KUBERNETES.flatMap((component) => {
      const pod = facts.staticPods?.find((one) => one.node === name && one.component === component);
      if (pod === undefined) return [`${component} of ${name} is not seen`];
      return [
        ...(tagOf(pod.image) === input.to ? [] : [`${component} of ${name} is ${tagOf(pod.image)}`]),
        ...(pod.running ? [] : [`${component} of ${name} does not run`]),
      ];
    }),
  );
  const etcdTags = new Set(
    facts.staticPods?.filter((one) => one.component === 'etcd').map((one) => tagOf(one.image)),
  );
  return [
    ...nodes,
    ...pods,
    ...(etcdTags.size <= 1 ? [] : [`etcd runs as ${[...etcdTags].join(' and ')}`]),
    ...(facts.kubeadm?.version === input.to
      ? []
      : [`the stored configuration says ${facts.kubeadm?.version ?? 'nothing'}`]),
  ];
}
