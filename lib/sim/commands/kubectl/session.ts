/**
 * One run of kubectl: its configuration, its client, its discovery. kubectl asks the server for its resource
 * types before most verbs and keeps the answer for six hours in ~/.kube/cache; without that answer an
 * unreachable server is tried five times, each with a line on stderr.
 */
import { ApiClient, type ApiOutcome } from '../../api-client.js';
import { parseKubeconfig, type Kubeconfig } from '../../kubeconfig.js';
import type { KubeList, KubeObject } from '../../objects.js';
import type { Invocation } from '../../process.js';
import type { Sim } from '../../task.js';
import { messageOf as errorMessage } from '../../../base/errors.js';
import { parseDuration } from './durations.js';
import { failureOf, transportText, type FailedOutcome } from './errors.js';
import { Failure } from '../failure.js';
import type { Flags } from '../flags.js';
import { absolute } from '../paths.js';
import { within } from '../deadline.js';
import { findResource } from './resources.js';
import { typesOfDefinition, type ResourceType } from '../../api/resources.js';

const DEFAULT_KUBECONFIG = '/root/.kube/config';
const CACHE = '/root/.kube/cache/discovery';
const CACHE_MS = 6 * 3_600_000;
const DISCOVERY_TRIES = 5;
/** What discovery gives a request when nobody asked for less. */
const DISCOVERY_SECONDS = 32;

export const GLOBAL_FLAGS = [
  ...['kubeconfig=', 'server|s=', 'namespace|n=', 'request-timeout=', 'context=', 'token=', 'v=', 'cluster='],
  ...['insecure-skip-tls-verify', 'cache-dir=', 'user=', 'warnings-as-errors', 'certificate-authority='],
];

export class Session {
  readonly call: Invocation;
  readonly flags: Flags;
  readonly config: Kubeconfig | null;
  /** Of --request-timeout; Infinity without. */
  readonly timeoutMs: number;
  readonly #client: ApiClient;
  #custom: readonly ResourceType[] | null = null;

  constructor(call: Invocation, flags: Flags) {
    this.call = call;
    this.flags = flags;
    this.config = readConfig(call, flags);
    this.timeoutMs = requestTimeout(flags);
    const fallback = { authority: null, client: null, token: null };
    const config: Kubeconfig = this.config ?? {
      ...fallback,
      ...{ server: 'http://localhost:8080', host: 'localhost', port: 8_080 },
    };
    this.#client = new ApiClient({ machine: call.machine, config, container: call.container });
  }

  /** Where requests of namespaced types go; -A is each verb's own business. */
  get namespace(): string {
    return this.flags.get('namespace') ?? 'default';
  }

  get client(): ApiClient {
    return this.#client;
  }

  /** One request, whatever comes of it. */
  *request(method: string, path: string, body?: unknown): Sim<ApiOutcome> {
    const { config } = this.#client;
    const ask = this.#client.request(method, path, body, this.timeoutMs);
    // The request has the same limit: it ends first unless it still looks for the way, and says where it hung.
    const outcome = yield* within(this.call, this.timeoutMs + 1, ask);
    return outcome ?? { kind: 'dial-timeout', server: `${config.host}:${config.port}` };
  }

  /** The body of the answer; ends kubectl when there is none. */
  *ask(method: string, path: string, body?: unknown): Sim<unknown> {
    const outcome = yield* this.request(method, path, body);
    if (outcome.kind === 'ok') return outcome.body;
    throw this.failure(outcome);
  }

  *getObject(path: string): Sim<KubeObject> {
    return (yield* this.ask('GET', path)) as KubeObject;
  }

  /** The object, or null when the server says that there is none. */
  *findObject(path: string): Sim<KubeObject | null> {
    const outcome = yield* this.request('GET', path);
    if (outcome.kind === 'ok') return outcome.body as KubeObject;
    if (outcome.kind === 'error' && outcome.status.code === 404) return null;
    throw this.failure(outcome);
  }

  *list(path: string): Sim<KubeList> {
    return (yield* this.ask('GET', path)) as KubeList;
  }

  failure(outcome: FailedOutcome): Failure {
    return failureOf(this.call, outcome, this.timeoutMs);
  }

  print(text: string): void {
    this.call.print(text);
  }

  /** Finds out what the server has, unless a run of the last hours has. */
  *discover(): Sim<void> {
    const { disk } = this.call.machine;
    const { config } = this.#client;
    const file = `${CACHE}/${config.host}_${config.port}/servergroups.json`;
    const cached = disk.entry(file);
    if (cached !== null && this.call.machine.wallMs - cached.modifiedMs < CACHE_MS) return;
    const seconds = this.timeoutMs === Infinity ? DISCOVERY_SECONDS : Math.ceil(this.timeoutMs / 1_000);
    for (let attempt = 1; ; attempt += 1) {
      const failed = yield* this.#askGroups(seconds);
      if (failed === null) break;
      this.#logDiscovery(failed, seconds);
      if (attempt === DISCOVERY_TRIES) throw this.failure(failed);
    }
    disk.makeDirectories(file.slice(0, file.lastIndexOf('/')));
    disk.write(file, '{}\n', { mode: 0o660 });
  }

  /** The type for a name that a person typed; ends kubectl when the server has none of that name. */
  *resource(name: string): Sim<ResourceType> {
    const builtIn = findResource(name);
    if (builtIn !== null) return builtIn;
    const custom = findResource(name, yield* this.customResources());
    if (custom !== null) return custom;
    throw new Failure(`error: the server doesn't have a resource type "${name}"\n`);
  }

  *customResources(): Sim<readonly ResourceType[]> {
    if (this.#custom !== null) return this.#custom;
    const { items } = yield* this.list('/apis/apiextensions.k8s.io/v1/customresourcedefinitions');
    this.#custom = items.flatMap(typesOfDefinition);
    return this.#custom;
  }

  *#askGroups(seconds: number): Sim<FailedOutcome | null> {
    for (const path of ['/api', '/apis']) {
      const outcome = yield* this.request('GET', `${path}?timeout=${seconds}s`);
      if (outcome.kind !== 'ok') return outcome.kind === 'error' ? discoveryError(outcome) : outcome;
    }
    return null;
  }

  #logDiscovery(failed: FailedOutcome, seconds: number): void {
    const { server } = this.#client.config;
    const reason =
      failed.kind === 'error'
        ? failed.status.message
        : `Get "${server}/api?timeout=${seconds}s": ${transportText(this.call, failed, this.timeoutMs)}`;
    const text = `couldn't get current server API group list: ${reason}`;
    this.call.printError(
      `${klogHeader(this.call)} memcache.go:265] "Unhandled Error" err="${text.replaceAll('"', '\\"')}"\n`,
    );
  }
}

/** Discovery does not read the bodies of refusals: it makes up its own words. */
function discoveryError(outcome: Extract<ApiOutcome, { readonly kind: 'error' }>): FailedOutcome {
  const { status } = outcome;
  const messages: Readonly<Record<number, string>> = {
    401: 'the server has asked for the client to provide credentials',
    403: 'unknown',
    404: 'the server could not find the requested resource',
    500: 'an error on the server ("unknown") has prevented the request from succeeding',
    503: 'the server is currently unable to handle the request',
    504:
      'the server was unable to return a response in the time allotted, but may still be ' +
      'processing the request',
  };
  return { kind: 'error', status: { ...status, message: messages[status.code] ?? status.message } };
}

/** `E0101 00:01:02.345000   12345`. */
export function klogHeader(call: Invocation): string {
  const time = call.machine.date(true);
  const [, month = '', day = '', clock = ''] = /^\d+-(\d\d)-(\d\d)T([\d:.]+)Z$/.exec(time) ?? [];
  return `E${month}${day} ${clock}000 ${String(call.process.pid).padStart(7)}`;
}

function readConfig(call: Invocation, flags: Flags): Kubeconfig | null {
  const { disk } = call.machine;
  const given = flags.get('kubeconfig');
  const path = absolute(call, given ?? call.env['KUBECONFIG'] ?? DEFAULT_KUBECONFIG);
  if (given !== null && !disk.exists(path)) {
    throw new Failure(`error: stat ${given}: no such file or directory\n`);
  }
  if (disk.isDirectory(path)) {
    throw new Failure(`error: error loading config file "${path}": read ${path}: is a directory\n`);
  }
  const text = disk.read(path);
  return override(text === null ? null : parse(call, path, text), flags);
}

function parse(call: Invocation, path: string, text: string): Kubeconfig | null {
  try {
    return parseKubeconfig(call.world.documents, text, (at) => call.machine.disk.read(at));
  } catch (error) {
    const reason = errorMessage(error).split('\n')[0] ?? '';
    throw new Failure(`error: error loading config file "${path}": yaml: ${reason}\n`);
  }
}

function override(config: Kubeconfig | null, flags: Flags): Kubeconfig | null {
  const server = flags.get('server');
  const match = /^(?:https:\/\/)?([^:/]+):(\d+)\/?$/.exec(server ?? '');
  if (server !== null && match === null) throw new Failure(`error: invalid server "${server}"\n`);
  const base = config ?? { server: '', host: '', port: 0, authority: null, client: null, token: null };
  if (config === null && match === null) return null;
  return {
    ...base,
    ...(match === null
      ? {}
      : {
          server: `https://${match[1] ?? ''}:${match[2] ?? ''}`,
          host: match[1] ?? '',
          port: Number(match[2]),
        }),
    authority: flags.has('insecure-skip-tls-verify') ? null : base.authority,
    token: flags.get('token') ?? base.token,
  };
}

function requestTimeout(flags: Flags): number {
  const text = flags.get('request-timeout');
  if (text === null || text === '0') return Infinity;
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : parseDuration(text);
  if (ms === null) {
    throw new Failure(
      'error: Invalid timeout value. Timeout must be a single integer in seconds, or an integer followed by ' +
        'a corresponding time unit (e.g. 1s | 2m | 3h)\n',
    );
  }
  return ms === 0 ? Infinity : ms;
}
