/** `kubeadm config validate|images|print`. Migration between API versions is left out. */
import { stringify } from 'yaml';
import { kubeadmConfigApi } from '../../model/version.js';
import type { Sim } from '../task.js';
import { loadDocuments, loadInit, loadJoin, loadReset, targetVersion } from './config-load.js';
import { DEFAULT_TIMEOUTS } from './config-model.js';
import { PKI_FOLDER } from './config-read.js';
import { CRI_SOCKET, KubeadmFailure, goDuration, say, wrapFailure, type Kubeadm } from './context.js';
import { checkFields, gvkText, isComponent, knownApi, readConfigFile, splitDocuments } from './documents.js';
import { notModelled, readArguments, refuseMixedFlags } from './flags.js';
import { allImages, pullImage, type ImageSource } from './images.js';

export function* configCommand(kubeadm: Kubeadm, args: readonly string[]): Sim<void> {
  const [verb = '', noun = '', ...rest] = args;
  if (verb === 'validate') {
    validate(kubeadm, args.slice(1));
    return;
  }
  if (verb === 'images' && noun === 'list') {
    listImages(kubeadm, rest);
    return;
  }
  if (verb === 'images' && noun === 'pull') return yield* pullImages(kubeadm, rest);
  if (verb === 'print') {
    printDefaults(kubeadm, noun, rest);
    return;
  }
  if (verb === 'migrate') throw notModelled(kubeadm, 'kubeadm config migrate');
  throw new KubeadmFailure(`invalid subcommand "${verb}"\nSee 'kubeadm config -h' for help and examples`);
}

/** Every document strictly: a field that init would only warn of is an error here. */
function validate(kubeadm: Kubeadm, args: readonly string[]): void {
  const { flags } = readArguments(args, ['config=', 'allow-experimental-api', 'kubeconfig=']);
  const path = flags.get('config');
  if (path === null || path === '') throw new KubeadmFailure('the --config flag is mandatory');
  const documents = splitDocuments(readConfigFile(kubeadm, path));
  const unknown = documents.filter((one) => !isComponent(one) && knownApi(kubeadm, one) === null);
  if (unknown.length > 0) {
    throw new KubeadmFailure(`unknown configuration APIs: [${unknown.map(gvkText).join(' ')}]`);
  }
  for (const document of documents) {
    const api = knownApi(kubeadm, document);
    if (api !== null) checkFields(kubeadm, document, api, true);
  }
  const kinds = new Set(documents.map((document) => document.kind));
  if (kinds.has('InitConfiguration') || kinds.has('ClusterConfiguration')) {
    loadInit(kubeadm, path, { init: {}, cluster: {} }, true);
  } else if (kinds.has('JoinConfiguration')) loadJoin(kubeadm, path, {});
  else if (kinds.has('ResetConfiguration')) loadReset(kubeadm, path);
  else if (kinds.has('UpgradeConfiguration')) loadDocuments(kubeadm, path, ['UpgradeConfiguration'], true);
  say(kubeadm, 'ok');
}

const IMAGE_FLAGS = ['config=', 'cri-socket=', 'feature-gates=', 'image-repository=', 'kubernetes-version='];

function imageSource(kubeadm: Kubeadm, args: readonly string[]): ImageSource {
  const parsed = readArguments(args, [...IMAGE_FLAGS, 'output|o=', 'kubeconfig=']);
  refuseMixedFlags(parsed);
  const { flags } = parsed;
  if (flags.get('output') !== null && flags.get('output') !== 'text') {
    throw notModelled(kubeadm, 'kubeadm config images --output');
  }
  const path = flags.get('config');
  if (path !== null) return loadInit(kubeadm, path, { init: {}, cluster: {} }).cluster;
  return {
    kubernetesVersion: targetVersion(kubeadm, flags.get('kubernetes-version')),
    imageRepository: flags.get('image-repository') ?? 'registry.k8s.io',
  };
}

function listImages(kubeadm: Kubeadm, args: readonly string[]): void {
  for (const image of allImages(imageSource(kubeadm, args))) say(kubeadm, image);
}

function* pullImages(kubeadm: Kubeadm, args: readonly string[]): Sim<void> {
  for (const image of allImages(imageSource(kubeadm, args))) {
    const problem = yield* pullImage(kubeadm, image);
    if (problem !== null) {
      throw wrapFailure(`failed to pull image "${image}"`, new KubeadmFailure(problem));
    }
    say(kubeadm, `[config/images] Pulled ${image}`);
  }
}

/** The starting points that people edit; the same placeholder address and names as the real ones. */
function printDefaults(kubeadm: Kubeadm, noun: string, args: readonly string[]): void {
  const { flags } = readArguments(args, ['component-configs=', 'kubeconfig=', 'old-config=']);
  if (flags.get('component-configs') !== null) throw notModelled(kubeadm, 'the flag --component-configs');
  const documents =
    noun === 'init-defaults'
      ? initDefaults(kubeadm)
      : noun === 'join-defaults'
        ? joinDefaults(kubeadm)
        : null;
  if (documents === null) throw notModelled(kubeadm, `kubeadm config print ${noun}`.trim());
  const texts = documents.map((one) =>
    stringify(one, { sortMapEntries: true, lineWidth: 0, indentSeq: false }),
  );
  kubeadm.call.print(texts.join('---\n'));
}

function timeoutDefaults(kubeadm: Kubeadm): Record<string, unknown> {
  if (kubeadm.version.minor < 31) return {};
  const entries = Object.entries(DEFAULT_TIMEOUTS).map(([name, ms]) => [name, goDuration(ms as number)]);
  return { timeouts: Object.fromEntries(entries) as Record<string, string> };
}

function initDefaults(kubeadm: Kubeadm): Record<string, unknown>[] {
  const apiVersion = kubeadmConfigApi(kubeadm.version.minor);
  const old = kubeadm.version.minor < 31;
  const groups = ['system:bootstrappers:kubeadm:default-node-token'];
  const token = {
    groups,
    token: 'abcdef.0123456789abcdef',
    ttl: '24h0m0s',
    usages: ['signing', 'authentication'],
  };
  const init = {
    apiVersion,
    kind: 'InitConfiguration',
    bootstrapTokens: [token],
    localAPIEndpoint: { advertiseAddress: '1.2.3.4', bindPort: 6_443 },
    nodeRegistration: {
      criSocket: CRI_SOCKET,
      imagePullPolicy: 'IfNotPresent',
      ...(old ? {} : { imagePullSerial: true }),
      name: 'node',
      taints: null,
    },
    ...timeoutDefaults(kubeadm),
  };
  const cluster = {
    apiServer: old ? { timeoutForControlPlane: '4m0s' } : {},
    apiVersion,
    kind: 'ClusterConfiguration',
    certificatesDir: PKI_FOLDER,
    clusterName: 'kubernetes',
    controllerManager: {},
    dns: {},
    etcd: { local: { dataDir: '/var/lib/etcd' } },
    imageRepository: 'registry.k8s.io',
    kubernetesVersion: `1.${kubeadm.version.minor}.0`,
    networking: { dnsDomain: 'cluster.local', serviceSubnet: '10.96.0.0/12' },
    scheduler: {},
    ...(old
      ? {}
      : {
          caCertificateValidityPeriod: '87600h0m0s',
          certificateValidityPeriod: '8760h0m0s',
          encryptionAlgorithm: 'RSA-2048',
          proxy: {},
        }),
  };
  return [init, cluster];
}

function joinDefaults(kubeadm: Kubeadm): Record<string, unknown>[] {
  const token = 'abcdef.0123456789abcdef';
  const old = kubeadm.version.minor < 31;
  return [
    {
      apiVersion: kubeadmConfigApi(kubeadm.version.minor),
      caCertPath: `${PKI_FOLDER}/ca.crt`,
      discovery: {
        bootstrapToken: { apiServerEndpoint: 'kube-apiserver:6443', token, unsafeSkipCAVerification: true },
        ...(old ? { timeout: '5m0s' } : {}),
        tlsBootstrapToken: token,
      },
      kind: 'JoinConfiguration',
      nodeRegistration: {
        criSocket: CRI_SOCKET,
        imagePullPolicy: 'IfNotPresent',
        ...(old ? {} : { imagePullSerial: true }),
        name: kubeadm.call.machine.name,
        taints: null,
      },
      ...timeoutDefaults(kubeadm),
    },
  ];
}
