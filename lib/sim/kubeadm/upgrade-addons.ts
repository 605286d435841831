/** Addons are upgraded once every API server of the cluster has the new image, by whoever upgrades the last one. */
import { itemsOf, isNotFound, type ApiClient } from '../api-client.js';
import type { Sim } from '../task.js';
import { textAt } from '../tree.js';
import { installCoreDns, installKubeProxy } from './addons.js';
import { explain, kubeSystem, request } from './api.js';
import type { InitConfig } from './config-model.js';
import { KubeadmFailure, say, warn, type Kubeadm } from './context.js';
import { componentImage } from './images.js';

export type Addon = 'coredns' | 'kube-proxy';

/** Control planes that still run another API server. A pod that nobody runs any more counts, until it is deleted. */
export function* laggingControlPlanes(
  kubeadm: Kubeadm,
  client: ApiClient,
  config: InitConfig,
): Sim<readonly string[]> {
  const path = kubeSystem('pods?labelSelector=component%3Dkube-apiserver');
  const outcome = yield* request(client, 'GET', path);
  if (outcome.kind !== 'ok') {
    const why = explain(kubeadm, outcome, 'GET', path);
    throw new KubeadmFailure(
      `failed to determine if all the control plane instances have been upgraded: ${why}`,
    );
  }
  const wanted = componentImage(config.cluster, 'kube-apiserver');
  return itemsOf(outcome)
    .filter((pod) => textAt(pod, 'spec', 'containers', 0, 'image') !== wanted)
    .map((pod) => textAt(pod, 'spec', 'nodeName') ?? '')
    .sort();
}

/** An addon whose ConfigMap is missing was never there, and is not brought in by an upgrade. */
export function* upgradeAddon(
  kubeadm: Kubeadm,
  client: ApiClient,
  config: InitConfig,
  addon: Addon,
): Sim<void> {
  if (addon === 'kube-proxy' && config.cluster.proxyDisabled) return;
  const path = kubeSystem(`configmaps/${addon}`);
  const found = yield* request(client, 'GET', path);
  if (isNotFound(found)) {
    const [what, short] = addon === 'coredns' ? ['a DNS server', 'DNS'] : ['kube-proxy', 'kube-proxy'];
    warn(
      kubeadm,
      addon === 'coredns' ? 'postupgrade.go:123' : 'postupgrade.go:135',
      `the ConfigMaps "${addon}" in the namespace "kube-system" were not found. Assuming that ${what} was not ` +
        `deployed for this cluster. Note that once 'kubeadm upgrade apply' supports phases you will have to skip ` +
        `the ${short} upgrade manually`,
    );
    return;
  }
  if (found.kind !== 'ok') throw new KubeadmFailure(explain(kubeadm, found, 'GET', path));
  if (addon === 'coredns') yield* installCoreDns(kubeadm, client, config);
  else yield* installKubeProxy(kubeadm, client, config);
}

/** Both addons, or the line that says whom they wait for: 1.31 says it once, 1.32 for each of its two phases. */
export function* upgradeAddons(
  kubeadm: Kubeadm,
  client: ApiClient,
  config: InitConfig,
  run: (name: string, body: () => Sim<void>) => Sim<void>,
): Sim<void> {
  let saidOnce = false;
  for (const addon of ['coredns', 'kube-proxy'] as const) {
    yield* run(`addon/${addon}`, function* upgradeOne() {
      const lagging = yield* laggingControlPlanes(kubeadm, client, config);
      if (lagging.length === 0) return yield* upgradeAddon(kubeadm, client, config, addon);
      const why = `because control plane instances [${lagging.join(' ')}] have not been upgraded`;
      if (kubeadm.flavour === 32) say(kubeadm, `[upgrade/addon] Skipping upgrade of addons ${why}`);
      else if (!saidOnce) say(kubeadm, `[upgrade/addons] skip upgrade addons ${why}`);
      saidOnce = true;
    });
  }
}
