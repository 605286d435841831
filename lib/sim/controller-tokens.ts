/**
 * Bootstrap tokens: the signer keeps `jws-kubeconfig-<id>` in cluster-info for each token that may sign, the
 * cleaner deletes tokens whose time is over. Both only while a controller manager leads.
 */
import { fromBase64 } from '../base/base64.js';
import { parseRfc3339 } from '../base/calendar.js';
import { signClusterInfo } from './bootstrap-token.js';
import { onChange } from './control-plane-program.js';
import type { ControllerContext } from './controller-context.js';
import type { KubeObject } from './objects.js';
import { sleep, waitFor, type Sim } from './task.js';
import { mapAt, textAt } from './tree.js';
import { EPOCH_UNIX_MS } from './world.js';

const SECRETS = '/api/v1/namespaces/kube-system/secrets';
const CLUSTER_INFO = '/api/v1/namespaces/kube-public/configmaps';
const TOKEN_TYPE = 'bootstrap.kubernetes.io/token';
const ENTRY = 'jws-kubeconfig-';
const SETTLE_MS = 100;

/** What a bootstrap token's Secret holds. */
interface Token {
  readonly name: string;
  readonly id: string;
  readonly secret: string;
  readonly signs: boolean;
  /** Under which cluster-info has the signature of it. */
  readonly entry: string;
  /** Lab time; null for one that never ends. */
  readonly expiresMs: number | null;
}

function tokenOf(secret: KubeObject): Token | null {
  if (textAt(secret, 'type') !== TOKEN_TYPE) return null;
  const value = (key: string): string => fromBase64(textAt(secret, 'data', key) ?? '') ?? '';
  const unixMs = parseRfc3339(value('expiration'));
  const id = value('token-id');
  return {
    name: secret.metadata.name,
    id,
    entry: `${ENTRY}${id}`,
    secret: value('token-secret'),
    signs: value('usage-bootstrap-signing') === 'true',
    expiresMs: unixMs === null ? null : unixMs - EPOCH_UNIX_MS,
  };
}

export function* bootstrapSigner(context: ControllerContext): Sim<never> {
  const secrets = context.informer(SECRETS);
  const infos = context.informer(`${CLUSTER_INFO}?fieldSelector=metadata.name=cluster-info`);
  const tokens = secrets.view(tokenOf);
  /** What was signed: every token is signed once for one kubeconfig. */
  let signed = { kubeconfig: '', signatures: new WeakMap<Token, string>() };
  return yield* onChange([secrets, infos], SETTLE_MS, function* reconcile() {
    const info = [...infos.items.values()][0];
    const kubeconfig = textAt(info, 'data', 'kubeconfig');
    if (info === undefined || kubeconfig === null || !secrets.synced) return true;
    if (signed.kubeconfig !== kubeconfig) signed = { kubeconfig, signatures: new WeakMap() };
    const wanted = new Map<string, string>();
    for (const token of tokens.values.values()) {
      if (!token.signs) continue;
      const signature = signed.signatures.get(token) ?? signClusterInfo(kubeconfig, token.id, token.secret);
      signed.signatures.set(token, signature);
      wanted.set(token.entry, signature);
    }
    const data = mapAt(info, 'data');
    const patch: Record<string, string | null> = {};
    for (const key of Object.keys(data)) {
      if (key.startsWith(ENTRY) && !wanted.has(key)) patch[key] = null;
    }
    for (const [key, signature] of wanted) if (data[key] !== signature) patch[key] = signature;
    if (Object.keys(patch).length === 0) return true;
    return yield* context.patch(`${CLUSTER_INFO}/cluster-info`, { data: patch });
  });
}

/** Sleeps until the next token's time is over; nothing is scheduled while there is none. */
export function* tokenCleaner(context: ControllerContext): Sim<never> {
  const secrets = context.informer(SECRETS);
  const tokens = secrets.view(tokenOf);
  for (;;) {
    let nextMs: number | null = null;
    for (const { name, expiresMs } of [...tokens.values.values()]) {
      if (expiresMs === null) continue;
      if (expiresMs > context.wallMs) nextMs = Math.min(nextMs ?? expiresMs, expiresMs);
      else if (!(yield* context.remove(`${SECRETS}/${name}`))) nextMs = context.wallMs + 5_000;
    }
    yield* waitFor([secrets.changed], nextMs === null ? null : nextMs - context.wallMs);
    yield* sleep(SETTLE_MS);
  }
}
