/** `kubeadm upgrade apply`: the first control plane of a cluster, and what the cluster itself stores. */
import type { ApiClient } from '../api-client.js';
import { parseVersion, printVersion } from '../../model/version.js';
import { sleep, type Sim } from '../task.js';
import { allowTokens } from './bootstrap.js';
import { clientFromFile } from './api.js';
import { sayReading } from './cluster-document.js';
import type { InitConfig } from './config-model.js';
import { ADMIN_CONF, KubeadmFailure, goDuration, say, wrapFailure, type Kubeadm } from './context.js';
import { phaseUnless } from './phase.js';
import { pullImages } from './preflight.js';
import { upgradeAddons } from './upgrade-addons.js';
import { readCluster } from './upgrade-cluster.js';
import { checkClusterHealth } from './upgrade-health.js';
import { upgradeKubeletConfig } from './upgrade-node-files.js';
import type { UpgradeOptions } from './upgrade-options.js';
import { enforcePolicies } from './upgrade-policy.js';
import { swapStaticPods } from './upgrade-static-pods.js';
import { uploadConfig } from './upload.js';

type Run = (name: string, body: () => Sim<void>) => Sim<void>;

export function* upgradeApply(kubeadm: Kubeadm, options: UpgradeOptions): Sim<void> {
  const target = parseVersion(options.version ?? '');
  if (options.version === null) {
    throw new KubeadmFailure('missing one or more required arguments. Required arguments: [version]');
  }
  if (target === null) {
    throw new KubeadmFailure(
      `couldn't parse Kubernetes version "${options.version}": could not parse "${options.version}" as version`,
    );
  }
  const old = kubeadm.flavour === 31;
  if (old) say(kubeadm, '[preflight] Running pre-flight checks.');
  const client = clientFromFile(kubeadm, options.kubeconfig ?? ADMIN_CONF);
  sayReading(kubeadm, old ? 'upgrade/config' : 'upgrade');
  const stored = yield* readStored(kubeadm, client, options);
  const config: InitConfig = {
    ...stored,
    node: { ...stored.node, pullImages: options.pullImages },
    cluster: { ...stored.cluster, kubernetesVersion: printVersion(target) },
  };
  // 1.31 has no phases here: what fails is not named after one.
  const run: Run = (name, body) => (old ? body() : phaseUnless(options.skipPhases, name, body));
  yield* run('preflight', function* preflight() {
    yield* checkBefore(kubeadm, client, config, stored, options);
  });
  yield* run('control-plane', () => swap(kubeadm, client, config, options));
  yield* storeInCluster(kubeadm, client, config, run);
  yield* upgradeAddons(kubeadm, client, config, run);
  saySuccess(kubeadm, config.cluster.kubernetesVersion);
}

function* readStored(kubeadm: Kubeadm, client: ApiClient, options: UpgradeOptions): Sim<InitConfig> {
  try {
    return yield* readCluster(kubeadm, client, options.timeouts, true);
  } catch (error) {
    throw wrapFailure('[upgrade/init config]', error);
  }
}

function* checkBefore(
  kubeadm: Kubeadm,
  client: ApiClient,
  config: InitConfig,
  stored: InitConfig,
  options: UpgradeOptions,
): Sim<void> {
  const { call } = kubeadm;
  const old = kubeadm.flavour === 31;
  if (!old) say(kubeadm, '[upgrade/preflight] Running preflight checks');
  yield* sleep(call.world.draw('preflight', call.prng));
  try {
    yield* checkClusterHealth(kubeadm, client, stored.cluster, options.ignored);
  } catch (error) {
    throw old ? wrapFailure('[upgrade/health] FATAL', error) : error;
  }
  const target = parseVersion(config.cluster.kubernetesVersion);
  if (target !== null) yield* enforcePolicies(kubeadm, client, target, options.force);
  if (!options.yes) confirm(kubeadm);
  yield* pullImages(kubeadm, config, options.ignored, old ? 'upgrade/prepull' : 'upgrade/preflight');
}

/** Nobody types at a machine's program: the answer is what came on stdin. */
function confirm({ call }: Kubeadm): void {
  call.print('[upgrade] Are you sure you want to proceed? [y/N]: ');
  const answer = new TextDecoder().decode(call.stdin).split('\n')[0] ?? '';
  if (!/^y(es)?$/i.test(answer.trim())) {
    throw new KubeadmFailure("won't proceed; the user didn't answer (Y|y) in order to continue");
  }
}

function* swap(kubeadm: Kubeadm, client: ApiClient, config: InitConfig, options: UpgradeOptions): Sim<void> {
  const old = kubeadm.flavour === 31;
  const { kubernetesVersion } = config.cluster;
  const took = goDuration(config.timeouts.upgradeManifests);
  const where = old ? '[upgrade/apply]' : '[upgrade/control-plane]';
  const plane = `${old ? 'Static' : 'static'} Pod-hosted control plane`;
  say(kubeadm, `${where} Upgrading your ${plane} to version "${kubernetesVersion}" (timeout: ${took})...`);
  try {
    yield* swapStaticPods(kubeadm, client, config, options);
  } catch (error) {
    throw wrapFailure(old ? '[upgrade/apply] FATAL' : "couldn't complete the static pod upgrade", error);
  }
  if (!old) {
    const done = 'The control plane instance for this node was successfully upgraded!';
    say(kubeadm, `[upgrade/control-plane] ${done}`);
  }
}

/** The phases upload-config, kubeconfig, kubelet-config and bootstrap-token. */
function* storeInCluster(kubeadm: Kubeadm, client: ApiClient, config: InitConfig, run: Run): Sim<void> {
  const old = kubeadm.flavour === 31;
  yield* run('upload-config', () => uploadConfig(kubeadm, client, config));
  yield* run('kubeconfig', function* kubeconfigs() {
    yield* [];
    // The missing letter is in the real program.
    if (!old) {
      say(kubeadm, '[upgrad/kubeconfig] The kubeconfig files for this node were successfully upgraded!');
    }
  });
  yield* run('kubelet-config', function* kubeletConfig() {
    yield* [];
    upgradeKubeletConfig(kubeadm, config);
    if (!old) {
      const done = 'The kubelet configuration for this node was successfully upgraded!';
      say(kubeadm, `[upgrade/kubelet-config] ${done}`);
    }
  });
  yield* run('bootstrap-token', function* bootstrapToken() {
    const what = 'Configuring bootstrap token and cluster-info RBAC rules';
    if (!old) say(kubeadm, `[upgrade/bootstrap-token] ${what}`);
    yield* allowTokens(kubeadm, client, config.timeouts.kubernetesAPICall);
  });
}

function saySuccess(kubeadm: Kubeadm, version: string): void {
  say(kubeadm, '');
  if (kubeadm.flavour === 31) {
    say(kubeadm, `[upgrade/successful] SUCCESS! Your cluster was upgraded to "${version}". Enjoy!`);
    say(kubeadm, '');
    say(
      kubeadm,
      '[upgrade/kubelet] Now that your control plane is upgraded, please proceed with upgrading your kubelets if ' +
        "you haven't already done so.",
    );
    return;
  }
  say(kubeadm, `[upgrade] SUCCESS! A control plane node of your cluster was upgraded to "${version}".`);
  say(kubeadm, '');
  say(
    kubeadm,
    '[upgrade] Now please proceed with upgrading the rest of the nodes by following the right order.',
  );
}
