/** From a configuration file or flags to a checked configuration of init, join or reset. */
import { parseVersion, printVersion } from '../../model/version.js';
import { splitToken } from '../bootstrap-token.js';
import { at, listAt, mapAt, textAt, textsAt, type Tree } from '../tree.js';
import type { InitConfig, JoinConfig, ResetConfig } from './config-model.js';
import * as read from './config-read.js';
import { KubeadmFailure, warn, type Kubeadm } from './context.js';
import {
  checkFields,
  gvkText,
  isComponent,
  knownApi,
  readConfigFile,
  splitDocuments,
  warnOldApi,
  type Document,
} from './documents.js';

/** The documents of a file by kind, checked; documents that the command has no use for are warned of. */
export function loadDocuments(
  kubeadm: Kubeadm,
  path: string,
  wanted: readonly string[],
  strict = false,
): Map<string, Document> {
  const found = new Map<string, Document>();
  for (const document of splitDocuments(readConfigFile(kubeadm, path))) {
    const api = knownApi(kubeadm, document);
    if (isComponent(document)) found.set(document.kind, document);
    else if (api !== null && wanted.includes(document.kind)) {
      warnOldApi(kubeadm, document);
      checkFields(kubeadm, document, api, strict);
      found.set(document.kind, document);
    } else {
      const text = `[config] WARNING: Ignored configuration document with GroupVersionKind ${gvkText(document)}`;
      warn(kubeadm, 'initconfiguration.go:332', text);
    }
  }
  if (!wanted.some((kind) => found.has(kind))) {
    const kinds = wanted.join(' or ');
    throw new KubeadmFailure(`no ${kinds} kind was found in the YAML file`);
  }
  for (const document of found.values()) refuseUnmodelled(document);
  return found;
}

/** What a file may ask for in truth, and the simulator does not have: said instead of read past. */
function refuseUnmodelled(document: Document): void {
  const { tree } = document;
  const asked: [string, boolean][] = [
    ['etcd.external', at(tree, 'etcd', 'external') !== undefined],
    ['patches', textAt(tree, 'patches', 'directory') !== null],
    ['featureGates', Object.keys(mapAt(tree, 'featureGates')).length > 0],
    ['discovery.file', at(tree, 'discovery', 'file') !== undefined],
    ['dns.disabled', at(tree, 'dns', 'disabled') === true],
    ['dryRun', at(tree, 'dryRun') === true],
  ];
  const found = asked.filter(([, there]) => there).map(([field]) => field);
  if (found.length > 0) {
    throw new KubeadmFailure(`${document.kind}: the simulator does not model ${found.join(', ')}`);
  }
}

/** Flags and file of `kubeadm init`. */
export function loadInit(
  kubeadm: Kubeadm,
  path: string | null,
  flags: { readonly init: Tree; readonly cluster: Tree },
  strict = false,
): InitConfig {
  const documents =
    path === null
      ? new Map<string, Document>()
      : loadDocuments(kubeadm, path, ['InitConfiguration', 'ClusterConfiguration'], strict);
  const init = documents.get('InitConfiguration')?.tree ?? flags.init;
  const cluster = documents.get('ClusterConfiguration')?.tree ?? flags.cluster;
  const tokens = listAt(init, 'bootstrapTokens').map(read.readToken);
  const config: InitConfig = {
    cluster: read.readCluster(cluster, targetVersion(kubeadm, textAt(cluster, 'kubernetesVersion'))),
    node: read.readNode(kubeadm, mapAt(init, 'nodeRegistration')),
    endpoint: read.readEndpoint(kubeadm, mapAt(init, 'localAPIEndpoint')),
    timeouts: read.readTimeouts(init, { apiServer: at(cluster, 'apiServer', 'timeoutForControlPlane') }),
    certificateKey: textAt(init, 'certificateKey'),
    tokens: tokens.length > 0 ? tokens : [read.readToken({})],
    skipPhases: textsAt(init, 'skipPhases'),
    kubelet: documents.get('KubeletConfiguration')?.tree ?? {},
    proxy: documents.get('KubeProxyConfiguration')?.tree ?? {},
  };
  checkInit(config);
  return config;
}

/** The version to deploy: kubeadm's own when it is not said, after asking the internet in vain. */
export function targetVersion(kubeadm: Kubeadm, wanted: string | null): string {
  if (wanted === null || wanted === '') {
    const url = 'https://dl.k8s.io/release/stable-1.txt';
    const lookup = 'lookup dl.k8s.io on 192.168.121.1:53: no such host';
    const why = `unable to get URL "${url}": Get "${url}": dial tcp: ${lookup}`;
    warn(kubeadm, 'version.go:109', `could not fetch a Kubernetes version from the internet: ${why}`);
    warn(kubeadm, 'version.go:110', `falling back to the local client version: ${kubeadm.versionText}`);
    return kubeadm.versionText;
  }
  const version = parseVersion(wanted);
  if (version === null)
    throw new KubeadmFailure(
      `couldn't parse Kubernetes version "${wanted}": could not parse "${wanted}" as version`,
    );
  if (version.minor < kubeadm.version.minor - 1) {
    const least = `1.${kubeadm.version.minor - 1}.0`;
    throw new KubeadmFailure(
      `this version of kubeadm only supports deploying clusters with the control plane version >= ${least}. ` +
        `Current version: ${printVersion(version)}`,
    );
  }
  return printVersion(version);
}

function checkInit(config: InitConfig): void {
  const problems: string[] = [];
  config.tokens.forEach(({ token }, index) => {
    if (token !== null && splitToken(token) === null) {
      problems.push(
        `bootstrapTokens[${index}].token: Invalid value: "${token}": the bootstrap token is invalid`,
      );
    }
  });
  problems.push(...certificateKeyProblems(config.certificateKey, 'certificateKey'));
  if (!isAddress(config.endpoint.advertiseAddress)) {
    const found = config.endpoint.advertiseAddress;
    problems.push(`localAPIEndpoint.advertiseAddress: Invalid value: "${found}": ip address is not valid`);
  }
  for (const [field, range] of [
    ['networking.serviceSubnet', config.cluster.serviceSubnet],
    ['networking.podSubnet', config.cluster.podSubnet],
  ] as const) {
    if (range !== null && !/^\d+\.\d+\.\d+\.\d+\/\d+$/.test(range)) {
      problems.push(`${field}: Invalid value: "${range}": couldn't parse subnet`);
    }
  }
  refuse(problems);
}

export function loadJoin(kubeadm: Kubeadm, path: string | null, flags: Tree): JoinConfig {
  const tree =
    path === null
      ? flags
      : loadDocuments(kubeadm, path, ['JoinConfiguration']).get('JoinConfiguration')?.tree;
  const config = read.readJoin(kubeadm, tree ?? {});
  checkJoin(config);
  return config;
}

function checkJoin(config: JoinConfig): void {
  const problems: string[] = [];
  const invalid = (field: string, value: string, why: string): void =>
    void problems.push(`${field}: Invalid value: "${value}": ${why}`);
  const wrongToken = 'the bootstrap token is invalid';
  if (config.token === '' && config.apiServerEndpoint === '') {
    invalid('discovery', '', 'bootstrapToken or file must be set');
  } else {
    if (splitToken(config.token) === null)
      invalid('discovery.bootstrapToken.token', config.token, wrongToken);
    if (config.caCertHashes.length === 0 && !config.skipVerification) {
      invalid(
        'discovery.bootstrapToken.caCertHashes',
        '',
        'using token-based discovery without caCertHashes can be unsafe. Set unsafeSkipCAVerification as true in ' +
          'your kubeadm config file or pass --discovery-token-unsafe-skip-ca-verification flag to continue',
      );
    }
    if (!/^[^:\s]+:\d+$/.test(config.apiServerEndpoint)) {
      invalid('discovery.bootstrapToken', config.apiServerEndpoint, 'address is not in the form host:port');
    }
  }
  if (splitToken(config.tlsBootstrapToken) === null)
    invalid('discovery.tlsBootstrapToken', config.tlsBootstrapToken, wrongToken);
  const key = config.controlPlane?.certificateKey ?? null;
  problems.push(...certificateKeyProblems(key, 'controlPlane.certificateKey'));
  refuse(problems);
}

function certificateKeyProblems(key: string | null, field: string): string[] {
  if (key === null || /^[0-9a-f]{64}$/i.test(key)) return [];
  return [`${field}: Invalid value: "${key}": certificate key must be a hex encoded 32-byte AES key`];
}

/** One problem stands alone, several are a list, as Go prints aggregated errors. Exit code 3. */
export function refuse(problems: readonly string[]): void {
  if (problems.length === 0) return;
  throw new KubeadmFailure(problems.length === 1 ? (problems[0] ?? '') : `[${problems.join(', ')}]`, 3);
}

function isAddress(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

export function loadReset(kubeadm: Kubeadm, path: string | null): ResetConfig {
  if (path === null) return read.readReset({});
  const documents = loadDocuments(kubeadm, path, ['ResetConfiguration']);
  return read.readReset(documents.get('ResetConfiguration')?.tree ?? {});
}
