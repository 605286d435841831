/**
 * `kubeadm upgrade plan`: what runs now and what would run. Told no version it asks the internet, which does not
 * answer in the simulated world, and plans for its own.
 */
import type { ApiClient } from '../api-client.js';
import {
  compareVersions,
  parseVersion,
  printMinor,
  printVersion,
  type KubernetesVersion,
} from '../../model/version.js';
import { sleep, type Sim } from '../task.js';
import { textAt } from '../tree.js';
import { clientFromFile, getObject } from './api.js';
import { sayReading } from './cluster-document.js';
import type { InitConfig } from './config-model.js';
import { ADMIN_CONF, KubeadmFailure, say, wrapFailure, type Kubeadm } from './context.js';
import { corednsImage, etcdImage } from './images.js';
import { componentVersions, readCluster, readProxy, tagOf } from './upgrade-cluster.js';
import { checkClusterHealth } from './upgrade-health.js';
import type { UpgradeOptions } from './upgrade-options.js';
import { printPlan } from './upgrade-plan-text.js';
import { kubeletVersions, serverVersion } from './upgrade-policy.js';

export interface PlannedComponent {
  readonly name: string;
  readonly currentVersion: string;
  readonly newVersion: string;
  readonly nodeName?: string;
}

export interface ConfigVersion {
  readonly group: string;
  readonly currentVersion: string;
  readonly preferredVersion: string;
  readonly manualUpgradeRequired: boolean;
}

export interface AvailableUpgrade {
  readonly description: string;
  readonly target: string;
  /** Kubelets, whose packages kubeadm leaves to the operator, first. */
  readonly components: readonly PlannedComponent[];
}

export interface UpgradePlan {
  readonly upgrades: readonly AvailableUpgrade[];
  readonly configs: readonly ConfigVersion[];
}

export function* upgradePlan(kubeadm: Kubeadm, options: UpgradeOptions): Sim<void> {
  // With JSON on stdout the progress goes nowhere.
  const quiet: Kubeadm = options.json
    ? { ...kubeadm, call: { ...kubeadm.call, print: (): void => undefined } }
    : kubeadm;
  say(quiet, '[preflight] Running pre-flight checks.');
  const client = clientFromFile(kubeadm, options.kubeconfig ?? ADMIN_CONF);
  sayReading(quiet, 'upgrade/config');
  const { call } = kubeadm;
  let config: InitConfig;
  try {
    config = yield* readCluster(kubeadm, client, options.timeouts, true);
  } catch (error) {
    throw wrapFailure('[upgrade/config] FATAL', error);
  }
  yield* sleep(call.world.draw('preflight', call.prng));
  try {
    yield* checkClusterHealth(quiet, client, config.cluster, options.ignored);
  } catch (error) {
    throw wrapFailure('[upgrade/health] FATAL', error);
  }
  say(quiet, '[upgrade] Fetching available versions to upgrade to');
  const cluster = yield* serverVersion(kubeadm, client);
  say(quiet, `[upgrade/versions] Cluster version: ${printVersion(cluster).slice(1)}`);
  say(quiet, `[upgrade/versions] kubeadm version: ${kubeadm.versionText}`);
  const target = targetOf(quiet, options.version);
  say(quiet, `[upgrade/versions] Target version: ${printVersion(target)}`);
  const series = `${printMinor(cluster.minor)} series`;
  say(quiet, `[upgrade/versions] Latest version in the ${series}: ${printVersion(target)}`);
  const newer = compareVersions(cluster, target) < 0;
  const plan: UpgradePlan = {
    upgrades: newer ? [yield* available(kubeadm, client, config, cluster, target)] : [],
    configs: yield* configVersions(kubeadm, client),
  };
  printPlan(kubeadm, plan, options.json);
}

function targetOf(kubeadm: Kubeadm, wanted: string | null): KubernetesVersion {
  if (wanted === null) {
    const url = 'https://dl.k8s.io/release/stable.txt';
    const lookup = 'lookup dl.k8s.io on 192.168.121.1:53: no such host';
    const why = `unable to get URL "${url}": Get "${url}": dial tcp: ${lookup}`;
    say(
      kubeadm,
      `[upgrade/versions] WARNING: Couldn't fetch latest stable version from the internet: ${why}`,
    );
    say(
      kubeadm,
      '[upgrade/versions] WARNING: Falling back to the local kubeadm version as the latest stable version',
    );
    return kubeadm.version;
  }
  const target = parseVersion(wanted);
  if (target === null) {
    throw new KubeadmFailure(`[upgrade/versions] FATAL: could not parse "${wanted}" as version`);
  }
  return target;
}

function* available(
  kubeadm: Kubeadm,
  client: ApiClient,
  config: InitConfig,
  cluster: KubernetesVersion,
  version: KubernetesVersion,
): Sim<AvailableUpgrade> {
  const target = printVersion(version);
  const images = { ...config.cluster, kubernetesVersion: target };
  const components: PlannedComponent[] = [];
  const add = (name: string, currentVersion: string, newVersion: string, nodeName?: string): void =>
    void components.push({
      name,
      currentVersion,
      newVersion,
      ...(nodeName === undefined ? {} : { nodeName }),
    });
  const kubelets = yield* kubeletVersions(kubeadm, client);
  const versions = [...new Set(kubelets.map((one) => one.version))].sort();
  if (versions.length > 1 || !versions.includes(target)) {
    for (const each of versions) {
      for (const one of kubelets) if (one.version === each) add('kubelet', each, target, one.node);
    }
  }
  for (const name of ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler']) {
    for (const [node, current] of yield* componentVersions(kubeadm, client, name)) {
      add(name, current, target, node);
    }
  }
  // The real one shows the cluster's version here, whatever kube-proxy runs, and whether there is one or not.
  add('kube-proxy', printVersion(cluster).slice(1), target);
  const coredns = yield* getObject(
    kubeadm,
    client,
    '/apis/apps/v1/namespaces/kube-system/deployments/coredns',
  );
  const corednsVersion = tagOf(textAt(coredns, 'spec', 'template', 'spec', 'containers', 0, 'image') ?? '');
  add('CoreDNS', corednsVersion, tagOf(corednsImage(images)));
  add('kubeadm', kubeadm.versionText, target);
  for (const [node, current] of yield* componentVersions(kubeadm, client, 'etcd')) {
    add('etcd', current, tagOf(etcdImage(images)), node);
  }
  return { description: `version in the ${printMinor(cluster.minor)} series`, target, components };
}

/** kube-proxy's configuration is listed only where there is one. */
function* configVersions(kubeadm: Kubeadm, client: ApiClient): Sim<ConfigVersion[]> {
  const proxy = yield* readProxy(kubeadm, client);
  const version = (group: string, current: string): ConfigVersion => ({
    group,
    currentVersion: current,
    preferredVersion: current,
    manualUpgradeRequired: false,
  });
  return [
    ...(proxy === null ? [] : [version('kubeproxy.config.k8s.io', 'v1alpha1')]),
    version('kubelet.config.k8s.io', 'v1beta1'),
  ];
}
