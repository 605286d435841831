/** `kubeadm upgrade node`: every further control plane, and workers, of which it only rewrites the kubelet's file. */
import { sleep, type Sim } from '../task.js';
import { clientFromFile } from './api.js';
import { sayReading } from './cluster-document.js';
import { ADMIN_CONF, KUBELET_CONF, say, wrapFailure, type Kubeadm } from './context.js';
import { phaseUnless } from './phase.js';
import { pullImages } from './preflight.js';
import { upgradeAddons } from './upgrade-addons.js';
import { isControlPlane, readCluster } from './upgrade-cluster.js';
import { upgradeKubeletConfig } from './upgrade-node-files.js';
import type { UpgradeOptions } from './upgrade-options.js';
import { swapStaticPods } from './upgrade-static-pods.js';

export function* upgradeNode(kubeadm: Kubeadm, options: UpgradeOptions): Sim<void> {
  const { call } = kubeadm;
  const old = kubeadm.flavour === 31;
  const controlPlane = isControlPlane(kubeadm);
  const path = options.kubeconfig ?? (controlPlane ? ADMIN_CONF : KUBELET_CONF);
  const client = clientFromFile(kubeadm, path);
  sayReading(kubeadm, 'upgrade');
  const stored = yield* readCluster(kubeadm, client, options.timeouts, controlPlane);
  const config = { ...stored, node: { ...stored.node, pullImages: options.pullImages } };
  const run = (name: string, body: () => Sim<void>): Sim<void> => phaseUnless(options.skipPhases, name, body);
  const preflight = old ? 'preflight' : 'upgrade/preflight';
  yield* run('preflight', function* checks() {
    say(kubeadm, `[${preflight}] Running pre-flight checks`);
    yield* sleep(call.world.draw('preflight', call.prng));
    if (controlPlane) yield* pullImages(kubeadm, config, options.ignored, preflight);
    else say(kubeadm, `[${preflight}] Skipping prepull. Not a control plane node.`);
  });
  const skipped = 'Skipping phase. Not a control plane node.';
  yield* run('control-plane', function* swap() {
    if (!controlPlane) {
      say(kubeadm, `[${old ? 'upgrade' : 'upgrade/control-plane'}] ${skipped}`);
      return;
    }
    const version = config.cluster.kubernetesVersion;
    const upgrading = `Upgrading your Static Pod-hosted control plane instance to version "${version}"...`;
    say(kubeadm, `[${old ? 'upgrade' : 'upgrade/control-plane'}] ${upgrading}`);
    try {
      yield* swapStaticPods(kubeadm, client, config, options);
    } catch (error) {
      throw wrapFailure("couldn't complete the static pod upgrade", error);
    }
    const done = 'The control plane instance for this node was successfully';
    say(kubeadm, old ? `[upgrade] ${done} updated!` : `[upgrade/control-plane] ${done} upgraded!`);
  });
  if (!old) {
    yield* run('kubeconfig', function* kubeconfigs() {
      yield* [];
      const done = 'The kubeconfig files for this node were successfully upgraded!';
      say(kubeadm, `[upgrade/kubeconfig] ${controlPlane ? done : skipped}`);
    });
  }
  yield* run('kubelet-config', function* kubeletConfig() {
    yield* [];
    upgradeKubeletConfig(kubeadm, config);
    if (!old) {
      const done = 'The kubelet configuration for this node was successfully upgraded!';
      say(kubeadm, `[upgrade/kubelet-config] ${done}`);
      return;
    }
    say(kubeadm, '[upgrade] The configuration for this node was successfully updated!');
    const next = 'Now you should go ahead and upgrade the kubelet package using your package manager.';
    say(kubeadm, `[upgrade] ${next}`);
  });
  if (controlPlane) yield* upgradeAddons(kubeadm, client, config, run);
  else if (!old) {
    for (const addon of ['coredns', 'kube-proxy']) {
      const text = `Skipping the addon/${addon} phase. Not a control plane node.`;
      yield* run(`addon/${addon}`, function* addonPhase() {
        yield* [];
        say(kubeadm, `[upgrade/addon] ${text}`);
      });
    }
  }
}
