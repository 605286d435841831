/**
 * Which control planes HAProxy's checks have up, so that it gives them connections: "active servers", in its words.
 * Asked of the page that it keeps for Prometheus. Who carries which connection nobody but HAProxy knows.
 */
import { CancelledError } from '../base/errors.js';
import { HAPROXY_METRICS_PORT } from '../generate/haproxy.js';
import { loadBalancers, type LabSpec } from '../model/lab.js';
import { HOST, type Provider } from '../provider/provider.js';

const TIMEOUT_SECONDS = 5;

/** Null on a lab without a load balancer. */
export function askBackends(lab: LabSpec): readonly string[] | null {
  const balancer = loadBalancers(lab)[0];
  if (balancer === undefined) return null;
  const limit = String(Math.ceil(TIMEOUT_SECONDS * lab.timeScale));
  return ['curl', '-sS', '-m', limit, `http://${balancer.address}:${HAPROXY_METRICS_PORT}/metrics`];
}

/** Names of the servers that are up. */
export function activeBackends(page: string): readonly string[] {
  return [...page.matchAll(/^haproxy_server_status\{.*server="([^"]+)",state="UP"\} 1$/gm)].map(
    ([, name = '']) => name,
  );
}

/** Null where there is no load balancer, or where it does not answer. */
export async function seenBackends(
  lab: LabSpec,
  provider: Provider,
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  const argv = askBackends(lab);
  if (argv === null) return null;
  const timeoutMs = 2 * TIMEOUT_SECONDS * 1_000 * lab.timeScale;
  const ended = await provider.shell(HOST).run({ argv, timeoutMs, signal });
  if (ended.kind === 'cancelled') throw new CancelledError();
  if (ended.kind !== 'exited' || ended.code !== 0) return null;
  return activeBackends(new TextDecoder().decode(ended.stdout));
}
