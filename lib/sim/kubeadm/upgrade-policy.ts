/**
 * Which version a cluster may be brought to, as kubeadm's EnforceVersionPolicies decides it: mandatory rules, and
 * rules that --force sets aside. Pre-release versions are left out: the simulated world has none.
 */
import { itemsOf, type ApiClient } from '../api-client.js';
import { compareVersions, parseVersion, printVersion, type KubernetesVersion } from '../../model/version.js';
import type { Sim } from '../task.js';
import { textAt } from '../tree.js';
import { explain, request } from './api.js';
import { KubeadmFailure, say, type Kubeadm } from './context.js';

/** A kubelet may be three minors older than its API server. */
const KUBELET_SKEW = 3;

/** `v1.31.4`, as the API server behind the cluster's endpoint says it. */
export function* serverVersion(kubeadm: Kubeadm, client: ApiClient): Sim<KubernetesVersion> {
  const outcome = yield* request(client, 'GET', '/version');
  const text = outcome.kind === 'ok' ? (textAt(outcome.body, 'gitVersion') ?? '') : '';
  const version = parseVersion(text);
  if (version !== null) return version;
  const why = outcome.kind === 'ok' ? `bad version "${text}"` : explain(kubeadm, outcome, 'GET', '/version');
  throw new KubeadmFailure(
    `Unable to fetch cluster version: Couldn't fetch cluster version from the API Server: ${why}`,
  );
}

export interface NodeVersion {
  readonly node: string;
  /** `v1.31.4`. */
  readonly version: string;
}

export function* kubeletVersions(kubeadm: Kubeadm, client: ApiClient): Sim<readonly NodeVersion[]> {
  const outcome = yield* request(client, 'GET', '/api/v1/nodes');
  if (outcome.kind !== 'ok') {
    const why = explain(kubeadm, outcome, 'GET', '/api/v1/nodes');
    throw new KubeadmFailure(`couldn't list all nodes in cluster: ${why}`);
  }
  return itemsOf(outcome).map((node) => ({
    node: node.metadata.name,
    version: textAt(node, 'status', 'nodeInfo', 'kubeletVersion') ?? '',
  }));
}

/** Says what was chosen and what runs, and throws unless the step is allowed. */
export function* enforcePolicies(
  kubeadm: Kubeadm,
  client: ApiClient,
  target: KubernetesVersion,
  force: boolean,
): Sim<void> {
  const old = kubeadm.flavour === 31;
  const chosen = old
    ? '[upgrade/version] You have chosen to change'
    : '[upgrade/preflight] You have chosen to upgrade';
  say(kubeadm, `${chosen} the cluster version to "${printVersion(target)}"`);
  const cluster = yield* serverVersion(kubeadm, client);
  say(kubeadm, `[upgrade/versions] Cluster version: ${printVersion(cluster)}`);
  say(kubeadm, `[upgrade/versions] kubeadm version: ${kubeadm.versionText}`);
  const kubelets = yield* kubeletVersions(kubeadm, client);
  const mandatory = mandatoryProblems(kubeadm.version, cluster, target);
  const prefix = old ? '[upgrade/version] FATAL: ' : '';
  if (mandatory.length > 0) {
    throw new KubeadmFailure(
      `${prefix}the --version argument is invalid due to these fatal errors:\n\n${bullets(mandatory)}\n` +
        'Please fix the misalignments highlighted above and try upgrading again',
    );
  }
  const skippable = skippableProblems(kubeadm.version, target, kubelets);
  if (skippable.length === 0) return;
  if (!force) {
    throw new KubeadmFailure(
      `${prefix}the --version argument is invalid due to these errors:\n\n${bullets(skippable)}\n` +
        'Can be bypassed if you pass the --force flag',
    );
  }
  const where = old ? '[upgrade/version]' : '[upgrade/preflight]';
  kubeadm.call.print(
    `${where} Found ${skippable.length} potential version compatibility errors but skipping since the --force ` +
      `flag is set: \n\n${bullets(skippable)}`,
  );
}

function bullets(problems: readonly string[]): string {
  return problems.map((problem) => `\t- ${problem}\n`).join('');
}

function mandatoryProblems(
  kubeadm: KubernetesVersion,
  cluster: KubernetesVersion,
  target: KubernetesVersion,
): string[] {
  const wanted = `"${printVersion(target)}"`;
  const problems: string[] = [];
  if (target.minor < kubeadm.minor - 1) {
    problems.push(
      `Specified version to upgrade to ${wanted} is equal to or lower than the minimum supported version ` +
        `"${printVersion(cluster)}". Please specify a higher version to upgrade to`,
    );
  }
  if (target.minor > cluster.minor + 1) {
    problems.push(
      `Specified version to upgrade to ${wanted} is too high; kubeadm can upgrade only 1 minor version at a time`,
    );
  }
  if (target.minor < cluster.minor - 1) {
    problems.push(
      `Specified version to downgrade to ${wanted} is too low; kubeadm can downgrade only 1 minor version at a time`,
    );
  }
  if (target.minor > kubeadm.minor) {
    problems.push(
      `Specified version to upgrade to ${wanted} is at least one minor release higher than the kubeadm minor ` +
        `release (${target.minor} > ${kubeadm.minor}). Such an upgrade is not supported`,
    );
  }
  return problems;
}

function skippableProblems(
  kubeadm: KubernetesVersion,
  target: KubernetesVersion,
  kubelets: readonly NodeVersion[],
): string[] {
  const problems: string[] = [];
  if (target.minor === kubeadm.minor && compareVersions(kubeadm, target) < 0) {
    problems.push(
      `Specified version to upgrade to "${printVersion(target)}" is higher than the kubeadm version ` +
        `"${printVersion(kubeadm)}". Upgrade kubeadm first using the tool you used to install kubeadm`,
    );
  }
  if (kubeadm.minor > target.minor) {
    const only = `1.${kubeadm.minor}`;
    problems.push(
      `Kubeadm version ${printVersion(kubeadm)} can only be used to upgrade to Kubernetes version ${only}`,
    );
  }
  const tooOld = new Set(
    kubelets
      .map(({ version }) => version)
      .filter((version) => (parseVersion(version)?.minor ?? target.minor) < target.minor - KUBELET_SKEW),
  );
  if (tooOld.size > 0) {
    const list = [...tooOld].sort().join(' ');
    problems.push(`There are kubelets in this cluster that are too old that have these versions [${list}]`);
  }
  return problems;
}
