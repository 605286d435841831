/**
 * Requests to the API server as client-go makes them: server and credentials from a kubeconfig, TLS checked by
 * authority, name and date. What is printed about a failure is each program's own.
 */
import { lookupAs, type ContainerSpec } from './container.js';
import { parseKubeconfig, type Kubeconfig } from './kubeconfig.js';
import type { Machine } from './machine.js';
import type { Outcome, Request } from './network.js';
import type { KubeList, KubeObject, KubeStatus } from './objects.js';
import { checkServer, type Certificate, type TlsProblem } from './pki.js';
import type { Process } from './process.js';
import type { Sim } from './task.js';

export type ApiOutcome =
  | { readonly kind: 'ok'; readonly status: number; readonly body: unknown }
  /** The server answered with an error; `status` is its own description. */
  | { readonly kind: 'error'; readonly status: KubeStatus }
  | {
      readonly kind: 'tls';
      readonly problem: TlsProblem;
      readonly server: string;
      readonly certificate: Certificate;
      /** What the client's clock said. */
      readonly now: string;
    }
  | {
      readonly kind: 'no-host' | 'refused' | 'no-route' | 'dial-timeout' | 'timeout' | 'reset';
      readonly server: string;
    };

export interface ApiClientOptions {
  readonly machine: Machine;
  readonly config: Kubeconfig;
  /** The container that the program runs in, for its host aliases. */
  readonly container?: ContainerSpec | null;
}

/** Go's default dialer, as client-go uses it. */
const DIAL_TIMEOUT_MS = 30_000;

export class ApiClient {
  readonly config: Kubeconfig;
  readonly #machine: Machine;
  readonly #container: ContainerSpec | null;

  constructor(options: ApiClientOptions) {
    this.config = options.config;
    this.#machine = options.machine;
    this.#container = options.container ?? null;
  }

  /** From a kubeconfig on the machine's disk; null when there is no usable one at `path`. */
  static fromFile(machine: Machine, path: string): ApiClient | null {
    const text = machine.disk.read(path);
    const config =
      text === null ? null : parseKubeconfig(machine.world.documents, text, (at) => machine.disk.read(at));
    return config === null ? null : new ApiClient({ machine, config });
  }

  /** One request. A status of 400 and above comes back as `error`. */
  *request(method: string, path: string, body: unknown, timeoutMs: number): Sim<ApiOutcome> {
    const address = this.#address();
    if (address === null) return { kind: 'no-host', server: this.#server };
    const { network } = this.#machine.world;
    const request = this.#wrap(method, path, body);
    return this.#judge(
      yield* network.exchange(this.#machine, address, this.config.port, request, timeoutMs, DIAL_TIMEOUT_MS),
    );
  }

  /** A request that stays open until the server ends it. */
  *stream(method: string, path: string, body: unknown, silenceMs: number, holder?: Process): Sim<ApiOutcome> {
    const request = { ...this.#wrap(method, path, body), ...(holder === undefined ? {} : { holder }) };
    const outcome = yield* this.#open(request, silenceMs);
    return outcome ?? { kind: 'reset', server: this.#server };
  }

  /** A watch: `receive` is given each part of the answer. Null when that answered true, which ends the watch. */
  *watch(path: string, silenceMs: number, receive: (part: unknown) => boolean): Sim<ApiOutcome | null> {
    return yield* this.#open(this.#wrap('GET', path, undefined), silenceMs, receive);
  }

  *#open(request: Request, silenceMs: number, receive?: (part: unknown) => boolean): Sim<ApiOutcome | null> {
    const address = this.#address();
    if (address === null) return { kind: 'no-host', server: this.#server };
    const { network } = this.#machine.world;
    const { port } = this.config;
    const times = [DIAL_TIMEOUT_MS, silenceMs] as const;
    const outcome = yield* network.stream(this.#machine, address, port, request, ...times, receive);
    return outcome === null ? null : this.#judge(outcome);
  }

  get #server(): string {
    return `${this.config.host}:${this.config.port}`;
  }

  #address(): string | null {
    return lookupAs(this.#machine, this.#container, this.config.host);
  }

  #wrap(method: string, path: string, body: unknown): Request {
    const { client, token } = this.config;
    return {
      method,
      path,
      ...(body === undefined ? {} : { body }),
      ...(client === null ? {} : { clientCertificate: client }),
      ...(token === null ? {} : { bearerToken: token }),
      sender: this.#machine,
    };
  }

  #judge(outcome: Outcome): ApiOutcome {
    const server = this.#server;
    const { authority, host } = this.config;
    if (outcome.kind !== 'response') return { kind: outcome.kind, server };
    if (outcome.certificate !== null && authority !== null) {
      const problem = checkServer(outcome.certificate, authority, host, this.#machine.wallMs);
      if (problem !== null)
        return { kind: 'tls', problem, server, certificate: outcome.certificate, now: this.#machine.date() };
    }
    if (outcome.status >= 400) return { kind: 'error', status: asStatus(outcome.status, outcome.body) };
    return { kind: 'ok', status: outcome.status, body: outcome.body };
  }
}

export function isNotFound(outcome: ApiOutcome): boolean {
  return outcome.kind === 'error' && outcome.status.reason === 'NotFound';
}

/** The items of a list answer; empty when it was none. */
export function itemsOf(outcome: ApiOutcome): readonly KubeObject[] {
  return outcome.kind === 'ok' ? (outcome.body as KubeList).items : [];
}

function asStatus(code: number, body: unknown): KubeStatus {
  if (body !== null && typeof body === 'object' && (body as { kind?: unknown }).kind === 'Status') {
    return body as KubeStatus;
  }
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: typeof body === 'string' ? body : '',
    reason: code === 500 ? 'InternalError' : 'Unknown',
    code,
  };
}
