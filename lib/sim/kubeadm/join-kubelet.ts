/** Phase kubelet-start of join: the kubelet gets a client certificate of its own with the bootstrap token. */
import { parseKubeconfig } from '../kubeconfig.js';
import type { KubeObject } from '../objects.js';
import { sleep, type Sim } from '../task.js';
import { listAt, textAt } from '../tree.js';
import { clientFromFile, getObject } from './api.js';
import type { JoinConfig } from './config-model.js';
import {
  BOOTSTRAP_KUBELET_CONF,
  KUBELET_CONF,
  KubeadmFailure,
  save,
  say,
  wrapFailure,
  type Kubeadm,
} from './context.js';
import type { JoinTarget } from './join.js';
import { startKubelet, stopKubelet, writeKubeletConfig, writeKubeletFlags } from './kubelet-files.js';
import { annotateSocket } from './node-marks.js';
import { sayJoinTrouble, waitKubelet } from './waits.js';

const BOOTSTRAP_RETRY_MS = 1_000;

export function* startJoiningKubelet(kubeadm: Kubeadm, config: JoinConfig, target: JoinTarget): Sim<void> {
  const { disk } = kubeadm.call.machine;
  save(kubeadm, BOOTSTRAP_KUBELET_CONF, target.bootstrapKubeconfig, { mode: 0o600 });
  // kubeadm removes the file whatever the outcome. No `finally`: a machine that lost its power keeps it.
  try {
    yield* bootstrap(kubeadm, config, target);
  } catch (error) {
    disk.remove(BOOTSTRAP_KUBELET_CONF);
    throw error;
  }
  disk.remove(BOOTSTRAP_KUBELET_CONF);
}

function* bootstrap(kubeadm: Kubeadm, config: JoinConfig, target: JoinTarget): Sim<void> {
  const { disk } = kubeadm.call.machine;
  const { node, cluster, timeouts } = target.plane;
  const authorityPath = `${cluster.certificatesDir}/ca.crt`;
  if (!disk.isFile(authorityPath)) {
    disk.makeDirectories(cluster.certificatesDir);
    save(kubeadm, authorityPath, target.authorityPem);
  }
  yield* refuseReadyNode(kubeadm, target);
  yield* stopKubelet(kubeadm);
  writeKubeletConfig(kubeadm, target.kubeletConfig);
  writeKubeletFlags(kubeadm, cluster, node);
  startKubelet(kubeadm);
  try {
    yield* waitKubelet(kubeadm, timeouts);
    yield* waitBootstrapped(kubeadm, config);
  } catch (error) {
    if (error instanceof KubeadmFailure) sayJoinTrouble(kubeadm, error.message);
    throw error;
  }
  try {
    const client = clientFromFile(kubeadm, KUBELET_CONF);
    yield* annotateSocket(kubeadm, client, node, timeouts.kubernetesAPICall);
  } catch (error) {
    throw wrapFailure('error uploading crisocket', error);
  }
}

/** A Node of that name which is Ready belongs to another machine; one that is not may be this one's past. */
function* refuseReadyNode(kubeadm: Kubeadm, target: JoinTarget): Sim<void> {
  const { name } = target.plane.node;
  let node: KubeObject | null;
  try {
    node = yield* getObject(kubeadm, target.client, `/api/v1/nodes/${name}`);
  } catch (error) {
    throw wrapFailure(`cannot get Node "${name}"`, error);
  }
  const ready = listAt(node, 'status', 'conditions').some(
    (condition) => textAt(condition, 'type') === 'Ready' && textAt(condition, 'status') === 'True',
  );
  if (!ready) return;
  throw new KubeadmFailure(
    `a Node with name "${name}" and status "Ready" already exists in the cluster. ` +
      'You must delete the existing Node or change the name of this new joining Node',
  );
}

/** Looks every second whether the kubelet has written a kubelet.conf whose certificate file is there. */
function* waitBootstrapped(kubeadm: Kubeadm, config: JoinConfig): Sim<void> {
  const { machine, world } = kubeadm.call;
  say(kubeadm, '[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap');
  const deadlineMs = world.nowMs + config.timeouts.tlsBootstrap;
  for (;;) {
    const text = machine.disk.read(KUBELET_CONF);
    const kubeconfig =
      text === null ? null : parseKubeconfig(world.documents, text, (path) => machine.disk.read(path));
    if (kubeconfig !== null && kubeconfig.client !== null) return;
    const leftMs = deadlineMs - world.nowMs;
    if (leftMs <= 0) throw new KubeadmFailure('context deadline exceeded');
    yield* sleep(Math.min(BOOTSTRAP_RETRY_MS, leftMs));
  }
}
