/**
 * What a finding about a cluster means, by its code: why it matters, and where more can be read. What was found, how
 * bad it is here and what to do about it is said by the functions that look.
 */
import type { UpgradeRefusal } from '../../model/upgrade.js';
import type { ClusterFinding, FindingSeverity } from './facts.js';

interface Rule {
  readonly explanation: string;
  readonly reference: string;
}

const KUBERNETES = 'https://kubernetes.io/docs';
const KUBEADM_UPGRADE = `${KUBERNETES}/tasks/administer-cluster/kubeadm/kubeadm-upgrade/`;
const DRAIN = `${KUBERNETES}/tasks/administer-cluster/safely-drain-node/`;
const BUDGETS = `${KUBERNETES}/tasks/run-application/configure-pdb/`;
const V1BETA4 = `${KUBERNETES}/reference/config-api/kubeadm-config.v1beta4/`;
const ETCD = 'https://etcd.io/docs/v3.5';

const RULES = {
  'machine-off': {
    explanation:
      'Every machine must take part in an upgrade, and one that is away already leaves less to lose.',
    reference: KUBEADM_UPGRADE,
  },
  'api-silent': {
    explanation: 'Without the API nothing can be read of the cluster, and nothing changed in it.',
    reference: `${KUBERNETES}/reference/using-api/health-checks/`,
  },
  'node-missing': {
    explanation:
      'A machine of the lab that is no node carries no pods, and an upgrade cannot reach its kubelet.',
    reference: `${KUBERNETES}/reference/setup-tools/kubeadm/kubeadm-join/`,
  },
  'node-not-ready': {
    explanation:
      'kubeadm refuses to upgrade while a control plane is not Ready, and drained pods need other nodes.',
    reference: `${KUBERNETES}/concepts/architecture/nodes/#condition`,
  },
  'etcd-silent': {
    explanation:
      'etcd holds everything that the cluster knows; without an answer its health cannot be judged.',
    reference: `${ETCD}/op-guide/recovery/`,
  },
  'etcd-learner': {
    explanation:
      'A learner has no vote: it was never promoted, so one more failure is survived by the others only.',
    reference: `${ETCD}/learning/design-learner/`,
  },
  'etcd-unhealthy': {
    explanation: 'A member that does not answer counts as a failure that has happened already.',
    reference: `${ETCD}/op-guide/monitoring/`,
  },
  'api-away': {
    explanation: 'A single control plane has nobody to stand in for it while its API server restarts.',
    reference: `${KUBERNETES}/setup/production-environment/tools/kubeadm/ha-topology/`,
  },
  'no-tolerance': {
    explanation:
      'etcd writes only while a majority of its voters is up; one more away, and the cluster stands still.',
    reference: `${ETCD}/faq/#what-is-failure-tolerance`,
  },
  'certificate-expires': {
    explanation:
      "kubeadm's certificates live for a year, and an expired one locks its component out of the cluster.",
    reference: `${KUBERNETES}/tasks/administer-cluster/kubeadm/kubeadm-certs/`,
  },
  'super-admin-mounted': {
    explanation: 'super-admin.conf bypasses every authorization rule; kube-vip needs it during init only.',
    reference: 'https://github.com/kube-vip/kube-vip/issues/684',
  },
  'longhorn-budget': {
    explanation:
      'Longhorn keeps a PodDisruptionBudget for each instance manager, and lifts it from a cordoned node only ' +
      'when no volume has its last healthy replica there. Until then a drain of that node waits.',
    reference:
      'https://longhorn.io/docs/1.8.1/maintenance/maintenance/#updating-the-node-os-or-container-runtime',
  },
  'budget-never': {
    explanation:
      'An eviction that no number of healthy pods would allow is refused for ever, and a drain with it.',
    reference: BUDGETS,
  },
  'budget-full': {
    explanation: 'While a budget allows no disruption, a drain waits for its pods to become healthy.',
    reference: BUDGETS,
  },
  'bare-pod': {
    explanation:
      'A drain deletes pods for others to be made in their place; nobody would make this one anew.',
    reference: DRAIN,
  },
  'unexpected-version': {
    explanation:
      'An upgrade goes from one version to one other; a third one in between was brought by something else.',
    reference: KUBEADM_UPGRADE,
  },
  'version-skew': {
    explanation:
      'A kubelet may be three minors older than an API server and never newer; API servers may differ by one.',
    reference: 'https://kubernetes.io/releases/version-skew-policy/',
  },
  'disk-full': {
    explanation: "kubeadm copies etcd's data before it changes it, and new images lie beside the old ones.",
    reference: KUBEADM_UPGRADE,
  },
  'etcd-jump': {
    explanation:
      'Before 3.5.26 a member that was removed or promoted may be stored wrongly, and etcd 3.6 reads what is stored: ' +
      'such members come back as voters and take the quorum with them.',
    reference: 'https://etcd.io/blog/2025/upgrade_from_3.5_to_3.6_issue_followup/',
  },
  'config-rewritten': {
    explanation: "kubeadm keeps the cluster's configuration in the newest form that it knows.",
    reference: V1BETA4,
  },
  'config-too-old': {
    explanation: 'kubeadm reads the form before the newest one, and no older ones.',
    reference: V1BETA4,
  },
  'kube-vip-trap': {
    explanation:
      "Every control plane of an upgrade restarts its API server, so kube-vip's address must move well.",
    reference: 'https://github.com/kube-vip/kube-vip/issues',
  },
  'node-cordoned': {
    explanation: 'A cordoned node takes no pods of those that are drained. An upgrade leaves it as it was.',
    reference: DRAIN,
  },
  'addon-untested': {
    explanation:
      "An add-on's makers say which versions of Kubernetes they test it with; others may work or not.",
    reference: KUBEADM_UPGRADE,
  },
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleCode = keyof typeof RULES;

/** What a look found. `reference` is for rules that are about many things, each with a page of its own. */
export interface Found {
  readonly code: RuleCode;
  readonly message: string;
  readonly remedy: string;
  readonly reference?: string | undefined;
}

export function finding(severity: FindingSeverity, found: Found): ClusterFinding {
  const { code, message, remedy } = found;
  const { explanation, reference } = RULES[code];
  return { code, severity, message, remedy, explanation, reference: found.reference ?? reference };
}

/** What the rules of versions say against an upgrade, whatever the cluster is like. */
export function refusalFinding(refusal: UpgradeRefusal): ClusterFinding {
  return {
    ...refusal,
    severity: 'error',
    explanation:
      'Kubernetes is upgraded one minor at a time and never back, to versions that were published.',
    reference: 'https://kubernetes.io/releases/version-skew-policy/',
  };
}
