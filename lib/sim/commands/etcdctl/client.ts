/** etcdctl's client: endpoints and certificates from flags and environment, requests with etcdctl's time limits. */
import type { EtcdMethod, EtcdParameters, EtcdReply } from '../../etcd-api.js';
import { etcdPath } from '../../etcd-api.js';
import type { Outcome } from '../../network.js';
import { checkServer, parseCertificate, parseKey, type Certificate } from '../../pki.js';
import type { Invocation } from '../../process.js';
import { sleep, type Sim } from '../../task.js';
import type { Flags } from '../flags.js';

export interface EtcdctlClient {
  readonly call: Invocation;
  readonly endpoints: readonly string[];
  readonly authority: Certificate | null;
  readonly certificate: Certificate | null;
  readonly timeoutMs: number;
}

/** Ends etcdctl: `Error: <message>` on stderr. */
export class EtcdctlError extends Error {
  override readonly name = 'EtcdctlError';
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** etcdctl's exit code for arguments that are no good. */
export const EXIT_BAD_ARGS = 128;

export function clientOf(call: Invocation, flags: Flags): EtcdctlClient {
  const value = (name: string): string | null =>
    flags.get(name) ?? call.env[`ETCDCTL_${name.toUpperCase().replaceAll('-', '_')}`] ?? null;
  const read = (name: string): string | null => {
    const path = value(name);
    if (path === null) return null;
    const text = call.machine.disk.read(path);
    if (text === null) throw new EtcdctlError(`open ${path}: no such file or directory`, EXIT_BAD_ARGS);
    return text;
  };
  const authority = read('cacert');
  const certificate = read('cert');
  const key = read('key');
  const parsed = certificate === null ? null : parseCertificate(certificate);
  if (parsed !== null && (key === null || parseKey(key) !== parsed.keyId))
    throw new EtcdctlError('tls: private key does not match public key', EXIT_BAD_ARGS);
  return {
    call,
    endpoints: (value('endpoints') ?? '127.0.0.1:2379').split(',').map((one) => one.trim()),
    authority: authority === null ? null : parseCertificate(authority),
    certificate: parsed,
    timeoutMs: durationMs(value('command-timeout')) ?? 5_000,
  };
}

/** Go's durations as far as people type them: `5s`, `500ms`, `1m30s`. */
function durationMs(text: string | null): number | null {
  if (text === null) return null;
  if (!/^(\d+(ms|s|m|h))+$/.test(text))
    throw new EtcdctlError(
      `invalid argument "${text}" for "--command-timeout" flag: time: invalid duration "${text}"`,
    );
  let ms = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h)/g))
    ms += Number(count) * (unit === 'ms' ? 1 : unit === 's' ? 1_000 : unit === 'm' ? 60_000 : 3_600_000);
  return ms;
}

/** The answer of one endpoint. A failure is worded as gRPC's client words it, and logged as etcd's client logs it. */
export function* askEndpoint<M extends EtcdMethod>(
  client: EtcdctlClient,
  endpoint: string,
  method: M,
  parameters: EtcdParameters = {},
  logger: 'etcd-client' | 'client' = 'etcd-client',
): Sim<EtcdReply<M>> {
  const { call, timeoutMs } = client;
  const logFailure = (error: string): void => {
    // Only health checks make a client for each endpoint; all others log the first as their target.
    const target = logger === 'client' ? endpoint : (client.endpoints[0] ?? endpoint);
    logWarning(client, logger, target, error);
  };
  const startMs = call.world.nowMs;
  const outcome = yield* exchange(client, endpoint, method, parameters);
  if (outcome.kind === 'response' && trusts(client, endpoint, outcome.certificate)) {
    const reply = outcome.body as EtcdReply<M>;
    if (!reply.ok) logFailure(`rpc error: code = ${codeOf(reply.error)} desc = ${reply.error}`);
    return reply;
  }
  // The client goes on connecting until the command's time is over.
  yield* sleep(Math.max(0, startMs + timeoutMs - call.world.nowMs));
  logFailure(`rpc error: code = DeadlineExceeded desc = ${reasonOf(endpoint, outcome)}`);
  return { ok: false, error: 'context deadline exceeded' };
}

/** The answer of the first endpoint that can be connected to. */
export function* ask<M extends EtcdMethod>(
  client: EtcdctlClient,
  method: M,
  parameters: EtcdParameters = {},
): Sim<EtcdReply<M> & { readonly ok: true }> {
  const [first = '', ...others] = client.endpoints;
  let endpoint = first;
  for (const candidate of [first, ...others]) {
    endpoint = candidate;
    if (others.length === 0 || (yield* reachable(client, candidate))) break;
  }
  const reply = yield* askEndpoint(client, endpoint, method, parameters);
  if (!reply.ok) throw new EtcdctlError(reply.error);
  return reply;
}

function* reachable({ call }: EtcdctlClient, endpoint: string): Sim<boolean> {
  const { host, port } = partsOf(endpoint);
  const probe = { method: 'POST', path: '/' };
  const outcome = yield* call.world.network.exchange(call.machine, host, port, probe, 1_000);
  return outcome.kind === 'response' || outcome.kind === 'reset';
}

function* exchange(
  client: EtcdctlClient,
  endpoint: string,
  method: EtcdMethod,
  body: EtcdParameters,
): Sim<Outcome> {
  const { call, certificate, timeoutMs } = client;
  const { host, port } = partsOf(endpoint);
  const request = {
    method: 'POST',
    path: etcdPath(method),
    body,
    ...(certificate === null ? {} : { clientCertificate: certificate }),
  };
  return yield* call.world.network.exchange(call.machine, host, port, request, timeoutMs);
}

function trusts(client: EtcdctlClient, endpoint: string, server: Certificate | null): boolean {
  if (server === null) return true;
  if (!endpoint.startsWith('https://') || client.authority === null) return false;
  return checkServer(server, client.authority, partsOf(endpoint).host, client.call.machine.wallMs) === null;
}

function reasonOf(endpoint: string, outcome: Outcome): string {
  const { host, port } = partsOf(endpoint);
  const dialing = (why: string): string =>
    'latest balancer error: last connection error: connection error: desc = ' +
    `"transport: Error while dialing: dial tcp ${host}:${port}: ${why}"`;
  switch (outcome.kind) {
    case 'refused':
      return dialing('connect: connection refused');
    case 'no-host':
      return dialing(`lookup ${host}: no such host`);
    case 'no-route':
    case 'dial-timeout':
      return 'received context error while waiting for new LB policy update: context deadline exceeded';
    case 'timeout':
      return 'context deadline exceeded';
    case 'reset':
    case 'response':
      return (
        'latest balancer error: last connection error: connection error: desc = ' +
        '"transport: authentication handshake failed: context deadline exceeded"'
      );
  }
}

/** gRPC's codes for etcd's errors. */
function codeOf(error: string): string {
  if (error.includes('not found')) return 'NotFound';
  if (error.includes('mvcc: required revision')) return 'OutOfRange';
  if (/Peer URLs|learner member|not enough started|not leader|transferee/.test(error))
    return 'FailedPrecondition';
  return 'Unavailable';
}

function logWarning({ call }: EtcdctlClient, logger: string, target: string, error: string): void {
  const { host, port } = partsOf(target);
  const line = {
    level: 'warn',
    ts: call.machine.date(true).replace(/Z$/, '000Z'),
    logger,
    caller: 'v3/retry_interceptor.go:63',
    msg: 'retrying of unary invoker failed',
    target: `etcd-endpoints://0xc0000d6000/${host}:${port}`,
    attempt: 0,
    error,
  };
  call.printError(`${JSON.stringify(line)}\n`);
}

function partsOf(endpoint: string): { readonly host: string; readonly port: number } {
  const match = /^(?:https?:\/\/)?(.+?)(?::(\d+))?$/.exec(endpoint);
  return { host: match?.[1] ?? endpoint, port: Number(match?.[2] ?? '2379') };
}
