/** `kubeadm join`: a worker's phases, and those that make a control plane of it. */
import { ApiClient } from '../api-client.js';
import { parseKubeconfig, printKubeconfig } from '../kubeconfig.js';
import { sleep, type Sim } from '../task.js';
import { adminClient } from './api.js';
import { fetchCluster, fetchKubeletConfig, sayReading } from './cluster-document.js';
import type { ControlPlane, JoinConfig } from './config-model.js';
import { ADMIN_CONF, KubeadmFailure, say, wrapFailure, type Kubeadm } from './context.js';
import { writeControlPlane } from './control-plane.js';
import { clientConfig, discover, type Discovered } from './discovery.js';
import { checkEtcdHealth, connectEtcd } from './etcd-client.js';
import { phase, phaseUnless } from './phase.js';
import { joinEtcd } from './join-etcd.js';
import { startJoiningKubelet } from './join-kubelet.js';
import { CONTROL_PLANE_JOINED, WORKER_JOINED } from './join-text.js';
import { writeKubeconfigs } from './kubeconfigs.js';
import { markControlPlane } from './node-marks.js';
import { createJoinCertificates } from './pki-files.js';
import { preflightJoin, preflightJoinControlPlane } from './preflight.js';
import { downloadCertificates } from './upload.js';

export interface JoinOptions {
  readonly ignored: ReadonlySet<string>;
  readonly skipPhases: ReadonlySet<string>;
  /** True for the flag form of a control plane's join, which takes an admin.conf that is there for its own. */
  readonly trustsAdminConf: boolean;
}

/** What the preflight phase learned of the cluster. */
export interface JoinTarget {
  /** With the rights of the bootstrap token. */
  readonly client: ApiClient;
  readonly bootstrapKubeconfig: string;
  readonly authorityPem: string;
  readonly plane: ControlPlane;
  readonly kubeletConfig: string;
}

export function* join(kubeadm: Kubeadm, config: JoinConfig, options: JoinOptions): Sim<void> {
  const run = (name: string, body: () => Sim<void>): Sim<void> => phaseUnless(options.skipPhases, name, body);
  const target = yield* phase('preflight', () => preflight(kubeadm, config, options));
  const { plane } = target;
  if (config.controlPlane === null) {
    yield* run('kubelet-start', () => startJoiningKubelet(kubeadm, config, target));
    say(kubeadm, WORKER_JOINED);
    return;
  }
  yield* prepareControlPlane(kubeadm, config, target, run);
  yield* run('check-etcd', function* checkEtcd() {
    say(kubeadm, '[check-etcd] Checking that the etcd cluster is healthy');
    const etcd = yield* connectEtcd(kubeadm, adminClient(kubeadm), plane);
    try {
      yield* checkEtcdHealth(etcd);
    } catch (error) {
      throw wrapFailure('etcd cluster is not healthy', error);
    }
  });
  yield* run('kubelet-start', () => startJoiningKubelet(kubeadm, config, target));
  yield* run('control-plane-join/etcd', () => joinEtcd(kubeadm, plane));
  yield* run('control-plane-join/mark-control-plane', () =>
    markControlPlane(kubeadm, adminClient(kubeadm), plane.node, plane.timeouts.kubernetesAPICall),
  );
  say(kubeadm, CONTROL_PLANE_JOINED);
}

/** Checks of the machine, discovery, the cluster's configuration, and a control plane's further checks. */
function* preflight(kubeadm: Kubeadm, config: JoinConfig, options: JoinOptions): Sim<JoinTarget> {
  yield* preflightJoin(kubeadm, config, options.ignored);
  const found = yield* findCluster(kubeadm, config, options);
  sayReading(kubeadm, 'preflight');
  const { client } = found;
  let plane: ControlPlane;
  let kubeletConfig: string;
  try {
    const cluster = yield* fetchCluster(kubeadm, client);
    const endpoint = config.controlPlane?.endpoint ?? { advertiseAddress: '', bindPort: 6443 };
    plane = { cluster, node: config.node, endpoint, timeouts: config.timeouts };
    kubeletConfig = yield* fetchKubeletConfig(kubeadm, client);
  } catch (error) {
    throw wrapFailure('unable to fetch the kubeadm-config ConfigMap', error);
  }
  if (config.controlPlane !== null) {
    refuseUnready(kubeadm, plane, config.controlPlane.certificateKey);
    yield* preflightJoinControlPlane(kubeadm, plane, options.ignored);
  }
  return { ...found, plane, kubeletConfig };
}

function* findCluster(
  kubeadm: Kubeadm,
  config: JoinConfig,
  options: JoinOptions,
): Sim<Pick<JoinTarget, 'client' | 'bootstrapKubeconfig' | 'authorityPem'>> {
  const { machine } = kubeadm.call;
  if (options.trustsAdminConf && machine.disk.exists(ADMIN_CONF)) return trustAdminConf(kubeadm);
  const discovered: Discovered = yield* discover(kubeadm, config);
  const token = config.tlsBootstrapToken;
  return {
    client: new ApiClient({ machine, config: clientConfig(discovered.server, discovered.authority, token) }),
    authorityPem: discovered.authorityPem,
    bootstrapKubeconfig: printKubeconfig({
      server: discovered.server,
      authorityPem: discovered.authorityPem,
      user: 'tls-bootstrap-token-user',
      clusterName: 'kubernetes',
      token,
    }),
  };
}

/** An admin.conf that was left behind is believed, whatever cluster it belongs to. */
function trustAdminConf(
  kubeadm: Kubeadm,
): Pick<JoinTarget, 'client' | 'bootstrapKubeconfig' | 'authorityPem'> {
  const { disk } = kubeadm.call.machine;
  const text = disk.read(ADMIN_CONF);
  const config =
    text === null ? null : parseKubeconfig(kubeadm.call.world.documents, text, (path) => disk.read(path));
  if (text === null || config === null) {
    throw new KubeadmFailure(`error loading ${ADMIN_CONF}: error loading config file "${ADMIN_CONF}"`);
  }
  const authorityPem = disk.read('/etc/kubernetes/pki/ca.crt') ?? '';
  return { client: adminClient(kubeadm), bootstrapKubeconfig: text, authorityPem };
}

/** A further control plane needs an endpoint that outlives the first one, and the shared certificates. */
function refuseUnready(kubeadm: Kubeadm, plane: ControlPlane, certificateKey: string | null): void {
  const problems: string[] = [];
  if (plane.cluster.controlPlaneEndpoint === null) {
    problems.push(
      "unable to add a new control plane instance to a cluster that doesn't have a stable controlPlaneEndpoint address",
    );
  }
  if (certificateKey === null) {
    const missing = missingCertificates(kubeadm, plane.cluster.certificatesDir);
    if (missing.length > 0)
      problems.push(missing.length === 1 ? (missing[0] ?? '') : `[${missing.join(', ')}]`);
  }
  if (problems.length === 0) return;
  throw new KubeadmFailure(`
One or more conditions for hosting a new control plane instance is not satisfied.

${problems[0] ?? ''}

Please ensure that:
* The cluster has a stable controlPlaneEndpoint address.
* The certificates that must be shared among control plane instances are provided.

`);
}

function missingCertificates(kubeadm: Kubeadm, folder: string): string[] {
  const { disk } = kubeadm.call.machine;
  const shared: [string, string][] = [
    ["failure loading certificate for CA: couldn't load the certificate file", 'ca.crt'],
    ["failure loading key for service account: couldn't load the private key file", 'sa.key'],
    [
      "failure loading certificate for front-proxy CA: couldn't load the certificate file",
      'front-proxy-ca.crt',
    ],
    ["failure loading certificate for etcd CA: couldn't load the certificate file", 'etcd/ca.crt'],
  ];
  return shared
    .filter(([, file]) => !disk.isFile(`${folder}/${file}`))
    .map(([what, file]) => `${what} ${folder}/${file}: open ${folder}/${file}: no such file or directory`);
}

/** Phase control-plane-prepare. */
function* prepareControlPlane(
  kubeadm: Kubeadm,
  config: JoinConfig,
  target: JoinTarget,
  run: (name: string, body: () => Sim<void>) => Sim<void>,
): Sim<void> {
  const { call } = kubeadm;
  const { plane } = target;
  const key = config.controlPlane?.certificateKey ?? null;
  yield* run('control-plane-prepare/download-certs', function* download() {
    if (key !== null) {
      yield* downloadCertificates(kubeadm, target.client, plane.cluster.certificatesDir, key);
    }
  });
  yield* run('control-plane-prepare/certs', function* certs() {
    yield* sleep(call.world.draw('certificates', call.prng));
    createJoinCertificates(kubeadm, plane);
  });
  yield* run('control-plane-prepare/kubeconfig', function* kubeconfigs() {
    yield* [];
    say(kubeadm, '[kubeconfig] Generating kubeconfig files');
    writeKubeconfigs(kubeadm, plane, ['admin', 'controller-manager', 'scheduler']);
  });
  yield* run('control-plane-prepare/control-plane', function* controlPlane() {
    yield* [];
    writeControlPlane(kubeadm, plane);
  });
}
