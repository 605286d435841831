/**
 * The exchange of a control plane's static pods, one after the other: renew its certificates, move the new manifest
 * over the old one, wait until the kubelet and the API say that it runs. When one does not come up, all manifests
 * go back. The etcd data that etcd backed up is only ever put back when etcd itself does not recover.
 */
import type { ApiClient } from '../api-client.js';
import { sleep, type Sim } from '../task.js';
import type { InitConfig } from './config-model.js';
import { KubeadmFailure, goDuration, say, wrapFailure, type Kubeadm } from './context.js';
import { controlPlanePods } from './control-plane.js';
import { checkEtcdHealth, connectEtcd, waitEtcdAvailable, type EtcdAccess } from './etcd-client.js';
import { writeEtcdManifest } from './etcd-manifest.js';
import { renewAdmins, renewForComponent } from './renew.js';
import { writeStaticPod } from './static-pod.js';
import { backUpEtcd, makeFolders, manifestPath, moveFile, type UpgradeFolders } from './upgrade-folders.js';
import { awaitHashChange, awaitPodsRunning, currentHash, type Waiter } from './upgrade-waits.js';

const ETCD_ROUNDS = 10;
const ETCD_PAUSE_MS = 15_000;

export interface SwapOptions {
  readonly renewCertificates: boolean;
  readonly upgradeEtcd: boolean;
}

interface Swap {
  readonly kubeadm: Kubeadm;
  readonly config: InitConfig;
  readonly options: SwapOptions;
  readonly folders: UpgradeFolders;
  readonly waiter: Waiter;
  /** Components whose manifests go back when something fails, in the order in which they were exchanged. */
  readonly touched: string[];
}

export function* swapStaticPods(
  kubeadm: Kubeadm,
  client: ApiClient,
  config: InitConfig,
  options: SwapOptions,
): Sim<void> {
  const folders = makeFolders(kubeadm);
  const nodeName = config.node.name;
  const waiter = { kubeadm, client, nodeName, budgetMs: config.timeouts.upgradeManifests };
  const swap: Swap = { kubeadm, config, options, folders, waiter, touched: [] };
  const pods = controlPlanePods(kubeadm, config);
  const hashes = new Map<string, string>();
  for (const { name } of pods) hashes.set(name, yield* currentHash(waiter, name));
  let etcd: EtcdAccess;
  try {
    etcd = yield* connectEtcd(kubeadm, client, config);
  } catch (error) {
    throw wrapFailure('failed to create etcd client', error);
  }
  say(kubeadm, `[upgrade/staticpods] Writing new Static Pod manifests to "${folders.upgraded}"`);
  for (const pod of pods) writeStaticPod(kubeadm, pod, folders.upgraded);
  if (options.upgradeEtcd) yield* upgradeEtcd(swap, etcd);
  for (const { name } of pods) yield* upgradeComponent(swap, name, hashes.get(name) ?? '');
  if (options.renewCertificates) {
    try {
      renewAdmins(kubeadm, config.cluster);
    } catch (error) {
      if (!(error instanceof KubeadmFailure)) throw error;
      throw rollBack(swap, error.message, false);
    }
  }
  kubeadm.call.machine.disk.removeTree(folders.upgraded);
}

function* upgradeComponent(swap: Swap, component: string, hashBefore: string): Sim<void> {
  const { kubeadm, config, options, folders, waiter } = swap;
  const { disk } = kubeadm.call.machine;
  say(kubeadm, `[upgrade/staticpods] Preparing for "${component}" upgrade`);
  const current = manifestPath(component);
  const next = manifestPath(component, folders.upgraded);
  const backup = manifestPath(component, folders.oldManifests);
  if (disk.read(current) === disk.read(next)) {
    const equal = `Current and new manifests of ${component} are equal, skipping upgrade`;
    say(kubeadm, `[upgrade/staticpods] ${equal}`);
    return;
  }
  const restoreEtcd = component === 'etcd';
  if (options.renewCertificates) {
    try {
      renewForComponent(kubeadm, config.cluster, component);
    } catch (error) {
      if (!(error instanceof KubeadmFailure)) throw error;
      const what = `failed to renew certificates for component "${component}"`;
      throw rollBack(swap, `${what}: ${error.message}`, restoreEtcd);
    }
  }
  const failed = moveFile(kubeadm, current, backup);
  if (failed === null) swap.touched.push(component);
  const failedNext = failed ?? moveFile(kubeadm, next, current);
  if (failedNext !== null) throw rollBack(swap, failedNext, restoreEtcd);
  say(
    kubeadm,
    `[upgrade/staticpods] Moving new manifest to "${current}" and backing up old manifest to "${backup}"`,
  );
  say(kubeadm, '[upgrade/staticpods] Waiting for the kubelet to restart the component');
  say(kubeadm, `[upgrade/staticpods] This can take up to ${goDuration(waiter.budgetMs)}`);
  try {
    yield* awaitHashChange(waiter, component, hashBefore);
    yield* awaitPodsRunning(waiter, component);
  } catch (error) {
    if (!(error instanceof KubeadmFailure)) throw error;
    throw rollBack(swap, error.message, restoreEtcd);
  }
  say(kubeadm, `[upgrade/staticpods] Component "${component}" upgraded successfully!`);
}

/** Puts the old manifests back; etcd's only when etcd itself failed. What it returns is to be thrown. */
function rollBack(swap: Swap, problem: string, restoreEtcd: boolean): KubeadmFailure {
  const { kubeadm, folders } = swap;
  const problems = [problem];
  for (const component of swap.touched) {
    if (component === 'etcd' && !restoreEtcd) continue;
    const backup = manifestPath(component, folders.oldManifests);
    const failed = moveFile(kubeadm, backup, manifestPath(component));
    if (failed !== null) problems.push(failed);
  }
  const faced = problems.length === 1 ? problem : `[${problems.join(', ')}]`;
  return new KubeadmFailure(
    "couldn't upgrade control plane. kubeadm has tried to recover everything into the earlier state. " +
      `Errors faced: ${faced}`,
  );
}

function* upgradeEtcd(swap: Swap, access: EtcdAccess): Sim<void> {
  const { kubeadm, config, folders, waiter } = swap;
  try {
    yield* checkEtcdHealth(access);
  } catch (error) {
    throw wrapFailure('etcd cluster is not healthy', error);
  }
  yield* sleep(kubeadm.call.world.draw('etcdBackup', kubeadm.call.prng));
  backUpEtcd(kubeadm, config.cluster.etcd.dataDir, folders.etcdData);
  const before = yield* currentHash(waiter, 'etcd');
  writeEtcdManifest(kubeadm, config, [], folders.upgraded);
  try {
    yield* upgradeComponent(swap, 'etcd', before);
  } catch (error) {
    if (!(error instanceof KubeadmFailure)) throw error;
    say(kubeadm, `[upgrade/etcd] Failed to upgrade etcd: ${error.message}`);
    yield* awaitPrevious(swap, access, true);
    say(kubeadm, '[upgrade/etcd] Etcd was rolled back and is now available');
    throw wrapFailure(
      'fatal error when trying to upgrade the etcd cluster, rolled the state back to pre-upgrade state',
      error,
    );
  }
  say(kubeadm, '[upgrade/etcd] Waiting for etcd to become available');
  try {
    yield* waitEtcdAvailable(access, ETCD_ROUNDS, ETCD_PAUSE_MS);
  } catch (error) {
    if (!(error instanceof KubeadmFailure)) throw error;
    say(kubeadm, `[upgrade/etcd] Failed to healthcheck etcd: ${error.message}`);
    restoreData(swap);
    say(kubeadm, '[upgrade/etcd] Rolling back etcd manifest');
    rollBack(swap, error.message, true);
    yield* awaitPrevious(swap, access, false);
    throw wrapFailure(
      'fatal error upgrading local etcd cluster, rolled the state back to pre-upgrade state',
      error,
    );
  }
}

/** Waits for the etcd of the old manifest; once more with the old data where that was not put back yet. */
function* awaitPrevious(swap: Swap, access: EtcdAccess, mayRestore: boolean): Sim<void> {
  const { kubeadm, folders } = swap;
  say(kubeadm, '[upgrade/etcd] Waiting for previous etcd to become available');
  try {
    yield* waitEtcdAvailable(access, ETCD_ROUNDS, ETCD_PAUSE_MS);
  } catch (error) {
    if (!(error instanceof KubeadmFailure)) throw error;
    say(kubeadm, `[upgrade/etcd] Failed to healthcheck previous etcd: ${error.message}`);
    if (!mayRestore) {
      const stored = `the backup of etcd database is stored here:(${folders.etcdData})`;
      throw wrapFailure(`fatal error rolling back local etcd cluster manifest, ${stored}`, error);
    }
    restoreData(swap);
    yield* awaitPrevious(swap, access, false);
  }
}

function restoreData(swap: Swap): void {
  const { kubeadm, config, folders } = swap;
  const { disk } = kubeadm.call.machine;
  const { dataDir } = config.cluster.etcd;
  say(kubeadm, '[upgrade/etcd] Rolling back etcd data');
  const backup = `${folders.etcdData}/${dataDir.slice(dataDir.lastIndexOf('/') + 1)}`;
  disk.removeTree(dataDir);
  const failed = disk.copyTree(backup, dataDir);
  if (failed !== null) {
    throw new KubeadmFailure(
      `fatal error rolling back local etcd cluster datadir: ${failed}, ` +
        `the backup of etcd database is stored here:(${folders.etcdData})`,
    );
  }
  say(kubeadm, '[upgrade/etcd] Etcd data rollback successful');
}
