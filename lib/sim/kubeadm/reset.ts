/**
 * `kubeadm reset`: takes this node's etcd member out, kills the pods, empties the folders. What it cannot do it
 * warns of and goes on: exit code 0 does not mean that the member was removed. Iptables, CNI files, the Node
 * object and addresses that a killed kube-vip left on the card stay.
 */
import { parse } from 'yaml';
import { itemsOf, type ApiClient } from '../api-client.js';
import { parseKubeconfig } from '../kubeconfig.js';
import { sleep, type Sim } from '../task.js';
import { listAt, textAt } from '../tree.js';
import { adminClient, explain, kubeSystem, request } from './api.js';
import { fetchCluster, fetchKubeletConfig, sayReading } from './cluster-document.js';
import type { ControlPlane, ResetConfig } from './config-model.js';
import { readNode } from './config-read.js';
import {
  ADMIN_CONF,
  KUBELET_CONF,
  KUBELET_FOLDER,
  KUBERNETES_FOLDER,
  KubeadmFailure,
  MANIFESTS_FOLDER,
  say,
  warn,
  type Kubeadm,
} from './context.js';
import { connectEtcd, listMembers, removeMember } from './etcd-client.js';
import { clientUrl, peerUrl } from './etcd-manifest.js';
import { phase, phaseUnless } from './phase.js';

const DEFAULT_DATA_DIR = '/var/lib/etcd';
const CONF_FILES = [
  'admin',
  'super-admin',
  'kubelet',
  'bootstrap-kubelet',
  'controller-manager',
  'scheduler',
].map((name) => `${KUBERNETES_FOLDER}/${name}.conf`);

export function* reset(kubeadm: Kubeadm, config: ResetConfig, skipped: ReadonlySet<string>): Sim<void> {
  const cluster = yield* readClusterConfig(kubeadm, config);
  yield* phase('preflight', function* preflight() {
    yield* [];
    if (!config.force) confirm(kubeadm);
    say(kubeadm, '[preflight] Running pre-flight checks');
  });
  yield* phaseUnless(skipped, 'remove-etcd-member', () => removeEtcd(kubeadm, cluster));
  yield* phaseUnless(skipped, 'cleanup-node', () => cleanNode(kubeadm, config));
  say(kubeadm, ADVICE);
}

interface ResetTarget {
  readonly client: ApiClient;
  readonly plane: ControlPlane;
}

/** Null when there is no admin.conf, without a word, or when the cluster cannot be asked, with a warning. */
function* readClusterConfig(kubeadm: Kubeadm, config: ResetConfig): Sim<ResetTarget | null> {
  if (!kubeadm.call.machine.disk.isFile(ADMIN_CONF)) return null;
  sayReading(kubeadm, 'reset');
  try {
    const client = adminClient(kubeadm);
    const cluster = yield* fetchCluster(kubeadm, client);
    yield* fetchKubeletConfig(kubeadm, client);
    const name = ownNodeName(kubeadm);
    const advertiseAddress = yield* advertisedAddress(kubeadm, client, name);
    const node = { ...readNode(kubeadm, {}), name };
    const endpoint = { advertiseAddress, bindPort: 6443 };
    return { client, plane: { cluster, node, endpoint, timeouts: config.timeouts } };
  } catch (error) {
    if (!(error instanceof KubeadmFailure)) throw error;
    const text = `[reset] Unable to fetch the kubeadm-config ConfigMap from cluster: ${error.message}`;
    warn(kubeadm, 'reset.go:123', text);
    return null;
  }
}

/** The node's name is in the certificate of its kubelet.conf. */
function ownNodeName(kubeadm: Kubeadm): string {
  const { disk } = kubeadm.call.machine;
  const text = disk.read(KUBELET_CONF);
  const kubeconfig =
    text === null ? null : parseKubeconfig(kubeadm.call.world.documents, text, (path) => disk.read(path));
  const user = kubeconfig?.client?.commonName ?? '';
  if (!user.startsWith('system:node:')) {
    throw new KubeadmFailure(
      `failed to get node registration: failed to get node name from kubelet config: open ${KUBELET_CONF}: ` +
        'no such file or directory',
    );
  }
  return user.slice('system:node:'.length);
}

function* advertisedAddress(kubeadm: Kubeadm, client: ApiClient, node: string): Sim<string> {
  const labels = 'component%3Dkube-apiserver%2Ctier%3Dcontrol-plane';
  const path = kubeSystem(`pods?fieldSelector=spec.nodeName%3D${node}&labelSelector=${labels}`);
  const outcome = yield* request(client, 'GET', path);
  const problem = 'failed to getAPIEndpoint: could not retrieve API endpoints';
  if (outcome.kind !== 'ok')
    throw new KubeadmFailure(`${problem}: ${explain(kubeadm, outcome, 'GET', path)}`);
  const annotation = 'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint';
  const endpoint = itemsOf(outcome)[0]?.metadata.annotations?.[annotation];
  if (endpoint === undefined) {
    throw new KubeadmFailure(`${problem} for node "${node}" using pod annotations`);
  }
  return endpoint.replace(/:\d+$/, '');
}

function confirm(kubeadm: Kubeadm): void {
  const text =
    "[reset] WARNING: Changes made to this host by 'kubeadm init' or 'kubeadm join' will be reverted.";
  warn(kubeadm, 'preflight.go:56', text);
  kubeadm.call.print('[reset] Are you sure you want to proceed? [y/N]: ');
  const answer = new TextDecoder().decode(kubeadm.call.stdin).split('\n')[0] ?? '';
  if (answer.trim().toLowerCase() !== 'y')
    throw new KubeadmFailure("won't proceed; the user didn't answer (Y|y) in order to continue");
}

function* removeEtcd(kubeadm: Kubeadm, target: ResetTarget | null): Sim<void> {
  const { disk } = kubeadm.call.machine;
  const folder = dataFolder(kubeadm, target);
  if (target !== null) {
    try {
      yield* removeOwnMember(kubeadm, target);
    } catch (error) {
      if (!(error instanceof KubeadmFailure)) throw error;
      const text = `[reset] Failed to remove etcd member: ${error.message}`;
      const advice = 'please manually remove this etcd member using etcdctl';
      warn(kubeadm, 'removeetcdmember.go:80', `${text}, ${advice}`);
    }
  }
  // A folder that is not there counts as one that is not empty: workers are told that it was emptied.
  if (disk.isDirectory(folder) && disk.list(folder).length === 0) return;
  disk.emptyDirectory(folder);
  say(kubeadm, `[reset] Deleted contents of the etcd data directory: ${folder}`);
}

function dataFolder(kubeadm: Kubeadm, target: ResetTarget | null): string {
  if (target !== null) return target.plane.cluster.etcd.dataDir;
  const text = '[reset] No kubeadm config, using etcd pod spec to get data directory';
  warn(kubeadm, 'removeetcdmember.go:106', text);
  const manifest = kubeadm.call.machine.disk.read(`${MANIFESTS_FOLDER}/etcd.yaml`);
  if (manifest === null) return DEFAULT_DATA_DIR;
  const volumes = listAt(parse(manifest) as unknown, 'spec', 'volumes');
  const volume = volumes.find((one) => textAt(one, 'name') === 'etcd-data');
  return textAt(volume, 'hostPath', 'path') ?? DEFAULT_DATA_DIR;
}

function* removeOwnMember(kubeadm: Kubeadm, { client, plane }: ResetTarget): Sim<void> {
  const etcd = yield* connectEtcd(kubeadm, client, plane);
  const members = yield* listMembers(etcd);
  const address = plane.endpoint.advertiseAddress;
  // The last member cannot leave; its data simply goes.
  if (members.length === 1 && etcd.endpoints.includes(clientUrl(address))) return;
  const own = members.find((member) => member.peerUrls.includes(peerUrl(address)));
  if (own !== undefined) yield* removeMember(etcd, own.id);
}

function* cleanNode(kubeadm: Kubeadm, config: ResetConfig): Sim<void> {
  const { machine, world, prng } = kubeadm.call;
  const { disk } = machine;
  say(kubeadm, '[reset] Stopping the kubelet service');
  yield* machine.units.stop('kubelet');
  say(kubeadm, `[reset] Unmounting mounted directories in "${KUBELET_FOLDER}"`);
  if (machine.containers.serving) yield* machine.containers.removeAllPods();
  else
    warn(
      kubeadm,
      'cleanupnode.go:104',
      '[reset] Failed to remove containers: failed to create new CRI runtime service',
    );
  yield* sleep(world.draw('resetCleanup', prng));
  const folders = [MANIFESTS_FOLDER, KUBELET_FOLDER, config.certificatesDir];
  if (config.cleanupTmpDir) folders.push(`${KUBERNETES_FOLDER}/tmp`);
  say(kubeadm, `[reset] Deleting contents of directories: [${folders.join(' ')}]`);
  for (const folder of folders) disk.emptyDirectory(folder);
  say(kubeadm, `[reset] Deleting files: [${CONF_FILES.join(' ')}]`);
  for (const file of CONF_FILES) disk.removeTree(file);
}

const ADVICE = `
The reset process does not clean CNI configuration. To do so, you must remove /etc/cni/net.d

The reset process does not reset or clean up iptables rules or IPVS tables.
If you wish to reset iptables, you must do so manually by using the "iptables" command.

If your cluster was setup to utilize IPVS, run ipvsadm --clear (or similar)
to reset your system's IPVS tables.

The reset process does not clean your kubeconfig files and you must remove them manually.
Please, check the contents of the $HOME/.kube/config file.`;
