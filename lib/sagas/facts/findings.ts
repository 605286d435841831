/**
 * What is wrong with a cluster as it stands, whatever is to be done with it: the part of the findings that an
 * upgrade's preflight and a look at a healthy lab have in common. Pure: facts in, findings out.
 */
import type { LabSpec } from '../../model/lab.js';
import { quorumSize, tolerance } from '../../model/quorum.js';
import type { BudgetFacts, ClusterFacts, ClusterFinding, EtcdFacts } from './facts.js';
import { finding, type Found } from './rules.js';

/** Less than this is about to expire: an upgrade renews certificates, but only half-way through. */
const SOON_HOURS = 24;
/** Less than this is worth a word: kubeadm renews certificates with every upgrade, and upgrades are months apart. */
const SEEN_HOURS = 30 * 24;

export function clusterFindings(facts: ClusterFacts, lab: LabSpec): readonly ClusterFinding[] {
  return [
    ...machinesOff(facts),
    ...apiSilent(facts),
    ...nodesNotReady(facts, lab),
    ...etcdWeak(facts, lab),
    ...expiring(facts),
    ...superAdmin(facts),
    ...(facts.budgets ?? []).flatMap((budget) => budgetFinding(budget)),
    ...unmanaged(facts),
  ];
}

function error(found: Found): ClusterFinding {
  return finding('error', found);
}

function warning(found: Found): ClusterFinding {
  return finding('warning', found);
}

function machinesOff({ machines }: ClusterFacts): readonly ClusterFinding[] {
  const off = machines.filter(({ state }) => state !== 'running');
  return off.map(({ name, state }) =>
    error({
      code: 'machine-off',
      message: `${name} is ${state}`,
      remedy: `Start it with: homelab machine start ${name}`,
    }),
  );
}

function apiSilent(facts: ClusterFacts): readonly ClusterFinding[] {
  if (facts.nodes !== null && facts.kubeadm !== null && facts.staticPods !== null) return [];
  const remedy = 'Look at it with: homelab status';
  return [error({ code: 'api-silent', message: 'the API does not answer', remedy })];
}

function nodesNotReady({ nodes, machines }: ClusterFacts, lab: LabSpec): readonly ClusterFinding[] {
  if (nodes === null) return [];
  return lab.machines.flatMap(({ name, role }) => {
    if (role === 'load-balancer') return [];
    const node = nodes.find((one) => one.name === name);
    if (node === undefined) {
      const remedy = 'Bring it in with: homelab up';
      return [error({ code: 'node-missing', message: `${name} is no node of the cluster`, remedy })];
    }
    const isOff = machines.some((machine) => machine.name === name && machine.state !== 'running');
    if (node.ready || isOff) return [];
    const remedy = `Look at it with: homelab kubectl describe node ${name}`;
    return [error({ code: 'node-not-ready', message: `the node ${name} is not Ready`, remedy })];
  });
}

function etcdWeak({ etcd }: ClusterFacts, lab: LabSpec): readonly ClusterFinding[] {
  const remedy = 'Look at it with: homelab etcd status';
  if (etcd === null) return [error({ code: 'etcd-silent', message: 'etcd does not answer', remedy })];
  const sick = etcd.members.flatMap(({ name, learner, healthy }) => {
    const member = `etcd member ${name || 'without a name'}`;
    if (learner) return [error({ code: 'etcd-learner', message: `${member} is still a learner`, remedy })];
    return healthy ? [] : [error({ code: 'etcd-unhealthy', message: `${member} is not healthy`, remedy })];
  });
  return [...sick, ...tooFewVoters(etcd, lab)];
}

function tooFewVoters(etcd: EtcdFacts, lab: LabSpec): readonly ClusterFinding[] {
  const voters = etcd.members.filter(({ learner }) => !learner);
  const up = voters.filter(({ healthy }) => healthy).length;
  if (lab.machines.filter(({ role }) => role === 'control-plane').length === 1) {
    return [
      finding('note', {
        code: 'api-away',
        message: 'there is one control plane: the API is away while it is upgraded',
        remedy: 'Nothing is to be done; the workloads go on meanwhile.',
      }),
    ];
  }
  if (tolerance(voters.length, up) >= 1) return [];
  return [
    error({
      code: 'no-tolerance',
      message:
        `etcd has ${voters.length} voters, ${up} of them up, and ${quorumSize(voters.length)} are a quorum: ` +
        'none may fail, and an upgrade takes each of them down for a while',
      remedy: 'Bring every control plane up; an odd number, three or more, survives that one is away.',
    }),
  ];
}

function expiring({ machines }: ClusterFacts): readonly ClusterFinding[] {
  return machines.flatMap(({ name, certificates }) =>
    (certificates ?? [])
      .filter(({ hoursLeft }) => hoursLeft < SEEN_HOURS)
      .map(({ name: certificate, hoursLeft, residual }) =>
        finding(hoursLeft < SOON_HOURS ? 'error' : 'warning', {
          code: 'certificate-expires',
          message: `${name}: certificate ${certificate} ${hoursLeft < 0 ? 'has expired' : `ends in ${residual}`}`,
          remedy: `Renew it first: homelab exec ${name} -- kubeadm certs renew all`,
        }),
      ),
  );
}

function superAdmin({ machines }: ClusterFacts): readonly ClusterFinding[] {
  const mounting = machines.filter(({ mountsSuperAdmin }) => mountsSuperAdmin === true);
  return mounting.map(({ name }) =>
    warning({
      code: 'super-admin-mounted',
      message: `kube-vip on ${name} still runs with super-admin.conf, which no rule of the cluster can limit`,
      remedy: 'An upgrade puts the everyday manifest in its place; `homelab up` does too.',
    }),
  );
}

/** `minAvailable` as large as the number of pods: no pod may ever go. Else it may only be too few for now. */
function budgetFinding(budget: BudgetFacts): readonly ClusterFinding[] {
  const { namespace, expectedPods, currentHealthy, desiredHealthy, disruptionsAllowed } = budget;
  if (disruptionsAllowed > 0 || expectedPods === 0) return [];
  const name = `${namespace}/${budget.name}`;
  if (namespace === 'longhorn-system') {
    return [
      warning({
        code: 'longhorn-budget',
        message: `Longhorn's budget ${name} allows no eviction now: a drain of its node may have to wait`,
        remedy: "Let every volume's replicas be rebuilt first, or set Longhorn's node-drain-policy.",
      }),
    ];
  }
  if (desiredHealthy >= expectedPods) {
    return [
      error({
        code: 'budget-never',
        message:
          `PodDisruptionBudget ${name} (${budgetRule(budget)}, ${expectedPods} pods) never lets a pod go: no node ` +
          'with one of them can be drained',
        remedy: 'Run one replica more, let the budget allow one to be away, or delete it for the time being.',
      }),
    ];
  }
  return [
    warning({
      code: 'budget-full',
      message:
        `PodDisruptionBudget ${name} (${budgetRule(budget)}) lets no pod go now: ${currentHealthy} of ` +
        `${expectedPods} pods are healthy and ${desiredHealthy} must be`,
      remedy: 'Wait until its pods are healthy, or a drain will wait for it.',
    }),
  ];
}

export function budgetRule({ minAvailable, maxUnavailable }: BudgetFacts): string {
  return minAvailable === null ? `maxUnavailable ${maxUnavailable ?? '0'}` : `minAvailable ${minAvailable}`;
}

function unmanaged({ barePods }: ClusterFacts): readonly ClusterFinding[] {
  return (barePods ?? [])
    .filter(({ node }) => node !== null)
    .map(({ namespace, name, node }) =>
      error({
        code: 'bare-pod',
        message: `the pod ${namespace}/${name} on ${node ?? ''} has no controller: a drain refuses to delete it`,
        remedy: `Give it a controller, or delete it: homelab kubectl delete pod -n ${namespace} ${name}`,
      }),
    );
}
