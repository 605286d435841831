/**
 * How a joining node comes to trust a cluster it knows only by token and pinned key: cluster-info read without
 * trust, its signature checked with the token, its authority with the pin, and read once more over real TLS.
 */
import { fromBase64 } from '../../base/base64.js';
import { must } from '../../base/errors.js';
import { ApiClient } from '../api-client.js';
import { SIGNATURE_PREFIX, signClusterInfo, splitToken } from '../bootstrap-token.js';
import type { Documents } from '../documents.js';
import type { Kubeconfig } from '../kubeconfig.js';
import { parseCertificate, publicKeyHash, type Certificate } from '../pki.js';
import { sleep, type Sim } from '../task.js';
import { listAt, mapAt, textAt, type Tree } from '../tree.js';
import { explain, request } from './api.js';
import type { JoinConfig } from './config-model.js';
import { KubeadmFailure, wrapFailure, type Kubeadm } from './context.js';

const INFO_PATH = '/api/v1/namespaces/kube-public/configmaps/cluster-info';
const RETRY_MS = 5_000;

export interface Discovered {
  /** `https://host:port` as cluster-info names it. */
  readonly server: string;
  readonly authority: Certificate;
  readonly authorityPem: string;
}

/** Up to five minutes of asking. Throws a `KubeadmFailure` that says what the last answer lacked. */
export function* discover(kubeadm: Kubeadm, config: JoinConfig): Sim<Discovered> {
  try {
    return yield* discoverCluster(kubeadm, config);
  } catch (error) {
    throw wrapFailure("couldn't validate the identity of the API Server", error);
  }
}

function* discoverCluster(kubeadm: Kubeadm, config: JoinConfig): Sim<Discovered> {
  const token = must(splitToken(config.token), 'the token was checked before');
  const insecure = yield* fetchInfo(kubeadm, config, null, token.id);
  const kubeconfig = textAt(insecure, 'kubeconfig');
  if (kubeconfig === null || kubeconfig === '') {
    throw new KubeadmFailure(
      "there is no kubeconfig key in the cluster-info ConfigMap. This API Server isn't set up for token " +
        "bootstrapping, can't connect",
    );
  }
  const signature = textAt(insecure, `${SIGNATURE_PREFIX}${token.id}`);
  if (signature !== signClusterInfo(kubeconfig, token.id, token.secret)) {
    throw new KubeadmFailure(
      "failed to verify JWS signature of received cluster info object, can't trust this API Server",
    );
  }
  const found = readInfo(kubeadm.call.world.documents, kubeconfig);
  if (config.caCertHashes.length === 0) return found;
  const hash = publicKeyHash(found.authority);
  if (!config.caCertHashes.some((pin) => pin.toLowerCase() === hash)) {
    throw new KubeadmFailure(
      `cluster CA found in cluster-info ConfigMap is invalid: none of the public keys "${hash}" are pinned`,
    );
  }
  const secure = yield* fetchInfo(kubeadm, config, found.authority, token.id);
  if (textAt(secure, 'kubeconfig') !== kubeconfig) {
    throw new KubeadmFailure(
      'the second kubeconfig from the cluster-info ConfigMap (using validated TLS) was different from the first',
    );
  }
  return found;
}

function readInfo(documents: Documents, kubeconfig: string): Discovered {
  const clusters = listAt(documents.read(kubeconfig), 'clusters');
  const cluster = mapAt(clusters[0], 'cluster');
  const authorityPem = fromBase64(textAt(cluster, 'certificate-authority-data') ?? '') ?? '';
  const authority = parseCertificate(authorityPem);
  const server = textAt(cluster, 'server');
  if (clusters.length !== 1 || authority === null || server === null) {
    throw new KubeadmFailure("couldn't parse the kubeconfig file in the cluster-info ConfigMap");
  }
  return { server, authority, authorityPem };
}

/** The data of cluster-info once it is signed for the token. */
function* fetchInfo(
  kubeadm: Kubeadm,
  config: JoinConfig,
  authority: Certificate | null,
  tokenId: string,
): Sim<Tree> {
  const { machine, world } = kubeadm.call;
  const client = new ApiClient({
    machine,
    config: clientConfig(`https://${config.apiServerEndpoint}`, authority, null),
  });
  const deadlineMs = world.nowMs + config.timeouts.discovery;
  for (;;) {
    const outcome = yield* request(client, 'GET', INFO_PATH, undefined, deadlineMs - world.nowMs);
    let problem = `failed to request the cluster-info ConfigMap: ${explain(kubeadm, outcome, 'GET', INFO_PATH)}`;
    if (outcome.kind === 'ok') {
      const data = mapAt(outcome.body, 'data');
      if (textAt(data, `${SIGNATURE_PREFIX}${tokenId}`) !== null) return data;
      problem = `could not find a JWS signature in the cluster-info ConfigMap for token ID "${tokenId}"`;
    }
    if (world.nowMs + RETRY_MS >= deadlineMs) {
      yield* sleep(Math.max(0, deadlineMs - world.nowMs));
      throw new KubeadmFailure(problem);
    }
    yield* sleep(RETRY_MS);
  }
}

export function clientConfig(
  server: string,
  authority: Certificate | null,
  token: string | null,
): Kubeconfig {
  const match = /^https:\/\/(.+):(\d+)$/.exec(server);
  return { server, host: match?.[1] ?? '', port: Number(match?.[2]), authority, client: null, token };
}
