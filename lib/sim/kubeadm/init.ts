/** `kubeadm init`: all its phases in their order. */
import type { ApiClient } from '../api-client.js';
import { generateToken } from '../bootstrap-token.js';
import { sleep, type Sim } from '../task.js';
import { installCoreDns, installKubeProxy } from './addons.js';
import { bootstrapTokens } from './bootstrap.js';
import { adminClient } from './api.js';
import { bootstrapAdmin } from './admin-binding.js';
import type { InitConfig } from './config-model.js';
import {
  KUBELET_CONF,
  KUBELET_FOLDER,
  KubeadmFailure,
  MANIFESTS_FOLDER,
  say,
  type Kubeadm,
} from './context.js';
import { writeControlPlane } from './control-plane.js';
import { phaseUnless } from './phase.js';
import { writeEtcdManifest } from './etcd-manifest.js';
import { rotateKubeletConf } from './kubelet-finalize.js';
import {
  kubeletConfiguration,
  startKubelet,
  stopKubelet,
  writeKubeletConfig,
  writeKubeletFlags,
} from './kubelet-files.js';
import { writeKubeconfigs, type KubeconfigName } from './kubeconfigs.js';
import { markControlPlane } from './node-marks.js';
import { createCertificates } from './pki-files.js';
import { preflightInit } from './preflight.js';
import { sayInitSuccess } from './init-text.js';
import { uploadCertificates, uploadConfig } from './upload.js';
import { sayInitTrouble, waitApi, waitKubelet } from './waits.js';

export interface InitOptions {
  readonly uploadCertificates: boolean;
  readonly ignored: ReadonlySet<string>;
  readonly skipPhases: ReadonlySet<string>;
  readonly hideToken: boolean;
  readonly hideCertificateKey: boolean;
}

const KUBECONFIGS: readonly KubeconfigName[] = [
  'admin',
  'super-admin',
  'kubelet',
  'controller-manager',
  'scheduler',
];

export function* init(kubeadm: Kubeadm, config: InitConfig, options: InitOptions): Sim<void> {
  const { call } = kubeadm;
  say(kubeadm, `[init] Using Kubernetes version: ${config.cluster.kubernetesVersion}`);
  const run = (name: string, body: () => Sim<void>): Sim<void> => phaseUnless(options.skipPhases, name, body);
  yield* run('preflight', () => preflightInit(kubeadm, config, options.ignored));
  yield* run('certs', function* certs() {
    yield* sleep(call.world.draw('certificates', call.prng));
    createCertificates(kubeadm, config);
  });
  yield* run('kubeconfig', function* kubeconfigs() {
    yield* [];
    writeKubeconfigs(kubeadm, config, KUBECONFIGS);
  });
  yield* run('etcd/local', function* etcd() {
    yield* [];
    say(kubeadm, `[etcd] Creating static Pod manifest for local etcd in "${MANIFESTS_FOLDER}"`);
    // etcd refuses a data folder that others may read, so kubeadm makes it.
    call.machine.disk.makeDirectories(config.cluster.etcd.dataDir, 0o700);
    writeEtcdManifest(kubeadm, config, []);
  });
  yield* run('control-plane', function* controlPlane() {
    yield* [];
    writeControlPlane(kubeadm, config);
  });
  yield* run('kubelet-start', () => kubeletStart(kubeadm, config));
  yield* run('wait-control-plane', () => waitControlPlane(kubeadm, config));
  yield* finish(kubeadm, config, options);
}

function* kubeletStart(kubeadm: Kubeadm, config: InitConfig): Sim<void> {
  yield* stopKubelet(kubeadm);
  writeKubeletFlags(kubeadm, config.cluster, config.node);
  writeKubeletConfig(kubeadm, kubeletConfiguration(kubeadm, config.cluster, config.kubelet));
  startKubelet(kubeadm);
}

function* waitControlPlane(kubeadm: Kubeadm, config: InitConfig): Sim<void> {
  say(
    kubeadm,
    '[wait-control-plane] Waiting for the kubelet to boot up the control plane as static Pods from directory ' +
      `"${MANIFESTS_FOLDER}"`,
  );
  try {
    yield* waitKubelet(kubeadm, config.timeouts);
    // Not yet the client that makes sure of admin.conf's rights: that one needs a working API server.
    yield* waitApi(kubeadm, adminClient(kubeadm), config.timeouts);
  } catch (error) {
    if (!(error instanceof KubeadmFailure)) throw error;
    sayInitTrouble(kubeadm, config.node, error.message);
    throw new KubeadmFailure('could not initialize a Kubernetes cluster');
  }
}

/** The phases that need the API server. */
function* finish(kubeadm: Kubeadm, config: InitConfig, options: InitOptions): Sim<void> {
  const { call } = kubeadm;
  const run = (name: string, body: () => Sim<void>): Sim<void> => phaseUnless(options.skipPhases, name, body);
  let connected: ApiClient | null = null;
  function* client(): Sim<ApiClient> {
    connected ??= yield* bootstrapAdmin(kubeadm, config.timeouts.kubernetesAPICall);
    return connected;
  }
  yield* run('upload-config', function* upload() {
    yield* uploadConfig(kubeadm, yield* client(), config);
  });
  const key = config.certificateKey ?? call.prng.hex(64);
  yield* run('upload-certs', function* upload() {
    if (options.uploadCertificates) yield* uploadCertificates(kubeadm, yield* client(), config, key);
    else say(kubeadm, '[upload-certs] Skipping phase. Please see --upload-certs');
  });
  yield* run('mark-control-plane', function* mark() {
    yield* markControlPlane(kubeadm, yield* client(), config.node, config.timeouts.kubernetesAPICall);
  });
  const tokens = config.tokens.map(({ token }) => token ?? generateToken(call.prng));
  yield* run('bootstrap-token', function* bootstrap() {
    yield* bootstrapTokens(kubeadm, yield* client(), config, tokens, options.hideToken);
  });
  yield* run('kubelet-finalize', function* finalize() {
    yield* [];
    rotateKubeletConf(kubeadm, `${KUBELET_FOLDER}/pki`, KUBELET_CONF);
  });
  yield* run('addon/coredns', function* coredns() {
    yield* installCoreDns(kubeadm, yield* client(), config);
  });
  yield* run('addon/kube-proxy', function* proxy() {
    yield* installKubeProxy(kubeadm, yield* client(), config);
  });
  const shownKey = options.uploadCertificates ? key : null;
  for (const token of tokens) {
    sayInitSuccess(kubeadm, yield* client(), {
      token,
      certificateKey: shownKey,
      ...options,
      stableEndpoint: config.cluster.controlPlaneEndpoint !== null,
    });
  }
}
