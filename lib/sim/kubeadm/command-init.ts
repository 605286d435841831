/** `kubeadm init` and `kubeadm init phase`: flags and dispatch. */
import type { Sim } from '../task.js';
import type { Tree } from '../tree.js';
import type { InitConfig } from './config-model.js';
import { loadInit } from './config-load.js';
import { kubeconfigPath } from './config-read.js';
import { KubeadmFailure, MANIFESTS_FOLDER, say, type Kubeadm } from './context.js';
import { clientFromFile } from './api.js';
import { writeControlPlane } from './control-plane.js';
import { writeEtcdManifest } from './etcd-manifest.js';
import {
  listOf,
  notModelled,
  readArguments,
  refuseMixedFlags,
  refuseUnmodelledFlags,
  type Arguments,
} from './flags.js';
import { init } from './init.js';
import { writeKubeconfigs, type KubeconfigName } from './kubeconfigs.js';
import { markControlPlane } from './node-marks.js';
import { phase } from './phase.js';
import { createCertificates } from './pki-files.js';
import { uploadCertificates, uploadConfig } from './upload.js';

const INIT_FLAGS = [
  'apiserver-advertise-address=',
  'apiserver-bind-port=',
  'apiserver-cert-extra-sans=',
  'cert-dir=',
  'certificate-key=',
  'config=',
  'control-plane-endpoint=',
  'cri-socket=',
  'dry-run',
  'feature-gates=',
  'ignore-preflight-errors=',
  'image-repository=',
  'kubernetes-version=',
  'node-name=',
  'patches=',
  'pod-network-cidr=',
  'service-cidr=',
  'service-dns-domain=',
  'skip-certificate-key-print',
  'skip-phases=',
  'skip-token-print',
  'token=',
  'token-ttl=',
  'upload-certs',
];
const UNMODELLED = ['dry-run', 'feature-gates', 'patches'];

export function* initCommand(kubeadm: Kubeadm, args: readonly string[]): Sim<void> {
  const parsed = readArguments(args, INIT_FLAGS);
  if (parsed.operands.length > 0) {
    throw new KubeadmFailure(`unknown command "${parsed.operands[0] ?? ''}" for "kubeadm init"`);
  }
  const config = initConfig(kubeadm, parsed);
  const { flags } = parsed;
  yield* init(kubeadm, config, {
    uploadCertificates: flags.has('upload-certs'),
    ignored: ignoredChecks(parsed, config.node.ignorePreflightErrors),
    skipPhases: new Set([...config.skipPhases, ...listOf(flags, 'skip-phases')]),
    hideToken: flags.has('skip-token-print'),
    hideCertificateKey: flags.has('skip-certificate-key-print'),
  });
}

/** Names of checks in lower case: kubeadm takes them in any. */
export function ignoredChecks({ flags }: Arguments, ofFile: readonly string[]): ReadonlySet<string> {
  return new Set([...listOf(flags, 'ignore-preflight-errors'), ...ofFile].map((name) => name.toLowerCase()));
}

function initConfig(kubeadm: Kubeadm, parsed: Arguments): InitConfig {
  refuseMixedFlags(parsed);
  refuseUnmodelledFlags(kubeadm, parsed, UNMODELLED);
  const config = loadInit(kubeadm, parsed.flags.get('config'), flagTrees(parsed));
  const skipsProxy = [...config.skipPhases, ...listOf(parsed.flags, 'skip-phases')].some((name) =>
    ['addon', 'addon/kube-proxy'].includes(name),
  );
  // The cluster remembers it, so that no upgrade brings kube-proxy back.
  const cluster = { ...config.cluster, proxyDisabled: config.cluster.proxyDisabled || skipsProxy };
  const name = parsed.flags.get('node-name');
  return { ...config, cluster, node: name === null ? config.node : { ...config.node, name } };
}

/** The flags as the documents they stand for. */
function flagTrees({ flags }: Arguments): { readonly init: Tree; readonly cluster: Tree } {
  const token = flags.get('token');
  const ttl = flags.get('token-ttl');
  const port = flags.get('apiserver-bind-port');
  return {
    init: prune({
      certificateKey: flags.get('certificate-key'),
      localAPIEndpoint: prune({
        advertiseAddress: flags.get('apiserver-advertise-address'),
        bindPort: port === null ? null : Number(port),
      }),
      nodeRegistration: prune({ criSocket: flags.get('cri-socket'), name: flags.get('node-name') }),
      bootstrapTokens: token === null && ttl === null ? null : [prune({ token, ttl })],
    }),
    cluster: prune({
      kubernetesVersion: flags.get('kubernetes-version'),
      controlPlaneEndpoint: flags.get('control-plane-endpoint'),
      certificatesDir: flags.get('cert-dir'),
      imageRepository: flags.get('image-repository'),
      networking: prune({
        podSubnet: flags.get('pod-network-cidr'),
        serviceSubnet: flags.get('service-cidr'),
        dnsDomain: flags.get('service-dns-domain'),
      }),
      apiServer: prune({
        certSANs:
          flags.get('apiserver-cert-extra-sans') === null ? null : listOf(flags, 'apiserver-cert-extra-sans'),
      }),
    }),
  };
}

/** Leaves out what is null, so that defaults apply. */
export function prune(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([, value]) => value !== null));
}

type PhaseRun = (kubeadm: Kubeadm, config: InitConfig, parsed: Arguments) => Sim<void>;

const PHASES: Readonly<Record<string, PhaseRun>> = {
  'upload-certs': uploadCertsPhase,
  'upload-config all': function* uploadConfigPhase(kubeadm, config, parsed) {
    yield* uploadConfig(kubeadm, phaseClient(kubeadm, parsed), config);
  },
  'mark-control-plane': function* markPhase(kubeadm, config, parsed) {
    const client = phaseClient(kubeadm, parsed);
    yield* markControlPlane(kubeadm, client, config.node, config.timeouts.kubernetesAPICall);
  },
  'certs all': function* certsPhase(kubeadm, config) {
    yield* [];
    createCertificates(kubeadm, config);
  },
  'kubeconfig all': kubeconfigPhase(['admin', 'super-admin', 'kubelet', 'controller-manager', 'scheduler']),
  'kubeconfig admin': kubeconfigPhase(['admin']),
  'kubeconfig super-admin': kubeconfigPhase(['super-admin']),
  'kubeconfig kubelet': kubeconfigPhase(['kubelet']),
  'kubeconfig controller-manager': kubeconfigPhase(['controller-manager']),
  'kubeconfig scheduler': kubeconfigPhase(['scheduler']),
  'etcd local': function* etcdPhase(kubeadm, config) {
    yield* [];
    say(kubeadm, `[etcd] Creating static Pod manifest for local etcd in "${MANIFESTS_FOLDER}"`);
    writeEtcdManifest(kubeadm, config, []);
  },
  'control-plane all': function* controlPlanePhase(kubeadm, config) {
    yield* [];
    writeControlPlane(kubeadm, config);
  },
};

/** `kubeadm init phase NAME [PART]`. Phases that are not in the table are refused. */
export function* initPhaseCommand(kubeadm: Kubeadm, args: readonly string[]): Sim<void> {
  const parsed = readArguments(args, [...INIT_FLAGS, 'kubeconfig=', 'kubeconfig-dir=']);
  const name = parsed.operands.join(' ');
  const run = PHASES[name];
  if (run === undefined) throw notModelled(kubeadm, `kubeadm init phase ${name}`.trim());
  const config = initConfig(kubeadm, parsed);
  yield* phase(name.replace(' all', '').replace(' ', '/'), () => run(kubeadm, config, parsed));
}

function phaseClient(kubeadm: Kubeadm, { flags }: Arguments): ReturnType<typeof clientFromFile> {
  return clientFromFile(kubeadm, kubeconfigPath(kubeadm, flags.get('kubeconfig')));
}

function* uploadCertsPhase(kubeadm: Kubeadm, config: InitConfig, parsed: Arguments): Sim<void> {
  if (!parsed.flags.has('upload-certs')) {
    say(kubeadm, '[upload-certs] Skipping phase. Please see --upload-certs');
    return;
  }
  const key = config.certificateKey ?? kubeadm.call.prng.hex(64);
  yield* uploadCertificates(kubeadm, phaseClient(kubeadm, parsed), config, key);
}

function kubeconfigPhase(names: readonly KubeconfigName[]): PhaseRun {
  return function* writePhase(kubeadm, config) {
    yield* [];
    writeKubeconfigs(kubeadm, config, names);
  };
}
