/** Bootstrap tokens in the cluster, and the join commands that are made from one. */
import { must } from '../../base/errors.js';
import { rfc3339 } from '../../base/calendar.js';
import type { ApiClient } from '../api-client.js';
import {
  TOKEN_SECRET_PREFIX,
  TOKEN_SECRET_TYPE,
  splitToken,
  tokenSecretData,
  type BootstrapToken,
} from '../bootstrap-token.js';
import type { KubeObject } from '../objects.js';
import { publicKeyHash } from '../pki.js';
import type { Sim } from '../task.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { createOrUpdate, kubeSystem } from './api.js';
import type { TokenConfig } from './config-model.js';
import { KubeadmFailure, type Kubeadm } from './context.js';

export const WITHHELD = '<value withheld>';

/** The Secret of a token that lives `ttlMs` from now; 0 never expires. */
export function tokenSecret(kubeadm: Kubeadm, text: string, config: Omit<TokenConfig, 'token'>): KubeObject {
  const { id, secret } = must(splitToken(text), 'the token was checked before');
  const expiresUnixMs =
    config.ttlMs === 0
      ? null
      : EPOCH_UNIX_MS + Math.floor((kubeadm.call.machine.wallMs + config.ttlMs) / 1_000) * 1_000;
  const token: BootstrapToken = {
    id,
    secret,
    expiresUnixMs,
    usages: config.usages,
    groups: config.groups,
    description: config.description,
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${TOKEN_SECRET_PREFIX}${id}`, namespace: 'kube-system' },
    type: TOKEN_SECRET_TYPE,
    data: tokenSecretData(token, expiresUnixMs === null ? null : rfc3339(expiresUnixMs)),
  };
}

export function* storeToken(
  kubeadm: Kubeadm,
  client: ApiClient,
  text: string,
  config: Omit<TokenConfig, 'token'>,
  budgetMs: number,
): Sim<void> {
  yield* createOrUpdate(kubeadm, client, kubeSystem('secrets'), tokenSecret(kubeadm, text, config), budgetMs);
}

export interface JoinCommandParts {
  /** `host:port`. */
  readonly endpoint: string;
  readonly token: string;
  readonly caHash: string;
}

/** Endpoint and pinned key come from the kubeconfig that was used, which may not be the cluster's endpoint. */
export function joinParts(client: ApiClient, token: string): JoinCommandParts {
  const { server, authority } = client.config;
  if (authority === null) {
    throw new KubeadmFailure('failed to get default cluster config: no CA certificates found in kubeconfig');
  }
  return { endpoint: server.replace('https://', ''), token, caHash: publicKeyHash(authority) };
}

/** Two spaces before the first line, tabs before the others; without a key the line ends in a space. */
export function controlPlaneJoinCommand(parts: JoinCommandParts, certificateKey: string | null): string {
  const tail = certificateKey === null ? '' : `--certificate-key ${certificateKey}`;
  return (
    `  kubeadm join ${parts.endpoint} --token ${parts.token} \\\n` +
    `\t--discovery-token-ca-cert-hash ${parts.caHash} \\\n\t--control-plane ${tail}`
  );
}

/** Ends in a space, as the real one does. */
export function workerJoinCommand(parts: JoinCommandParts): string {
  return `kubeadm join ${parts.endpoint} --token ${parts.token} \\\n\t--discovery-token-ca-cert-hash ${parts.caHash} `;
}

/** What `kubeadm token create --print-join-command` prints, all on one line. */
export function joinCommandLine(parts: JoinCommandParts, certificateKey: string | null): string {
  const tail = certificateKey === null ? '' : `--control-plane --certificate-key ${certificateKey}`;
  return `kubeadm join ${parts.endpoint} --token ${parts.token} --discovery-token-ca-cert-hash ${parts.caHash} ${tail}`;
}
