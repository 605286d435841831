/**
 * haproxy.cfg: sections, proxies and servers of TCP balancing with HTTP checks, with HAProxy's own words for the
 * common mistakes. ACLs, HTTP rules and everything below `mode http` are accepted and not acted on.
 */
import { KEYWORDS, SERVER_FLAGS, SERVER_VALUES, TIMEOUTS } from './haproxy-keywords.js';

export interface HaproxyServer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly check: boolean;
  readonly interMs: number;
  readonly fastinterMs: number;
  readonly downinterMs: number;
  readonly fall: number;
  readonly rise: number;
  readonly shutdownSessions: boolean;
}

export interface HaproxyProxy {
  readonly kind: 'defaults' | 'frontend' | 'backend' | 'listen';
  readonly name: string;
  mode: string;
  binds: { readonly address: string | null; readonly port: number }[];
  defaultBackend: string | null;
  /** Method and path of the HTTP check; null checks the connection only. */
  httpCheck: { readonly method: string; readonly path: string } | null;
  expectStatus: number | null;
  retries: number;
  redispatch: boolean;
  timeouts: Record<string, number>;
  serverDefaults: Record<string, string>;
  servers: HaproxyServer[];
}

export interface HaproxyConfig {
  readonly proxies: readonly HaproxyProxy[];
}

export interface CheckedConfig {
  /** Lines for stderr, without the `[ALERT]    (pid) : ` before each. */
  readonly alerts: readonly string[];
  readonly warnings: readonly string[];
  /** Null when the configuration is refused. */
  readonly config: HaproxyConfig | null;
}

class Parser {
  readonly alerts: string[] = [];
  readonly warnings: string[] = [];
  readonly proxies: HaproxyProxy[] = [];
  #section: string | null = null;
  #proxy: HaproxyProxy | null = null;
  #defaults: HaproxyProxy = newProxy('defaults', '', null);
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  read(text: string): void {
    for (const [index, line] of text.split('\n').entries()) this.#line(line, index + 1);
    this.#checkWhole();
  }

  #alert(line: number, text: string): void {
    this.alerts.push(`config : parsing [${this.#path}:${line}] : ${text}`);
  }

  #line(text: string, line: number): void {
    const words = text.replace(/#.*$/, '').trim().split(/\s+/);
    const [keyword = '', ...args] = words;
    if (keyword === '') return;
    if (KEYWORDS[keyword] !== undefined) this.#open(keyword, args[0], line);
    else if (this.#section === null) this.#alert(line, `unknown keyword '${keyword}' out of section.`);
    else if (!(KEYWORDS[this.#section] ?? []).includes(keyword)) {
      this.#alert(line, `unknown keyword '${keyword}' in '${this.#section}' section`);
    } else if (this.#proxy !== null) this.#directive(this.#proxy, keyword, args, line);
  }

  #open(section: string, name: string | undefined, line: number): void {
    this.#section = section;
    this.#proxy = null;
    if (section === 'global') return;
    if (section === 'defaults') {
      this.#proxy = this.#defaults = newProxy('defaults', name ?? '', null);
      return;
    }
    if (name === undefined) {
      this.#alert(line, `'${section}' expects an <id> argument`);
      return;
    }
    const proxy = newProxy(section as HaproxyProxy['kind'], name, this.#defaults);
    this.#proxy = proxy;
    this.proxies.push(proxy);
  }

  #directive(proxy: HaproxyProxy, keyword: string, args: readonly string[], line: number): void {
    const [first = ''] = args;
    if (keyword === 'mode') this.#mode(proxy, first, line);
    else if (keyword === 'timeout') this.#timeout(proxy, args, line);
    else if (keyword === 'bind') this.#bind(proxy, first, line);
    else if (keyword === 'default_backend') proxy.defaultBackend = first;
    else if (keyword === 'option') option(proxy, args);
    else if (keyword === 'http-check') expectation(proxy, args);
    else if (keyword === 'retries') proxy.retries = Number(first);
    else if (keyword === 'default-server') {
      proxy.serverDefaults = {
        ...proxy.serverDefaults,
        ...this.#serverOptions('default-server', args, line),
      };
    } else if (keyword === 'server') this.#server(proxy, args, line);
  }

  #mode(proxy: HaproxyProxy, mode: string, line: number): void {
    if (['tcp', 'http', 'health'].includes(mode)) proxy.mode = mode;
    else this.#alert(line, `unknown proxy mode '${mode}'.`);
  }

  #timeout(proxy: HaproxyProxy, [name = '', value = '']: readonly string[], line: number): void {
    if (!TIMEOUTS.includes(name)) {
      const known = "'queue', 'check', 'connect', 'client', 'server', 'tunnel' or 'http-request'";
      this.#alert(line, `'timeout' supports ${known} (got '${name}').`);
      return;
    }
    const ms = milliseconds(value);
    if (ms === null) this.#alert(line, `unexpected character '${firstStrange(value)}' in 'timeout ${name}'`);
    else proxy.timeouts[name] = ms;
  }

  #bind(proxy: HaproxyProxy, text: string, line: number): void {
    const match = /^(.*):(\d+)$/.exec(text);
    if (match === null) {
      this.#alert(line, `'bind' : missing port number: '${text}'`);
      return;
    }
    const [, address = ''] = match;
    const any = address === '' || address === '*' || address === '0.0.0.0';
    proxy.binds.push({ address: any ? null : address, port: Number(match[2]) });
  }

  #server(proxy: HaproxyProxy, [name, target, ...rest]: readonly string[], line: number): void {
    if (name === undefined || target === undefined) {
      this.#alert(line, "'server' expects <name> and <addr>[:<port>] as arguments.");
      return;
    }
    const match = /^([^:]+):(\d+)$/.exec(target);
    if (match === null) {
      this.#alert(line, `'server ${name}' : invalid address: '${target}' in '${target}'`);
      return;
    }
    const options = { ...proxy.serverDefaults, ...this.#serverOptions(`server ${name}`, rest, line) };
    const interMs = milliseconds(options['inter'] ?? '2s') ?? 2_000;
    proxy.servers.push({
      ...{ name, host: match[1] ?? '', port: Number(match[2]) },
      check: options['check'] !== undefined,
      interMs,
      fastinterMs: milliseconds(options['fastinter'] ?? '') ?? interMs,
      downinterMs: milliseconds(options['downinter'] ?? '') ?? interMs,
      fall: Number(options['fall'] ?? '3'),
      rise: Number(options['rise'] ?? '2'),
      shutdownSessions: options['on-marked-down'] === 'shutdown-sessions',
    });
  }

  #serverOptions(where: string, args: readonly string[], line: number): Record<string, string> {
    const options: Record<string, string> = {};
    for (let index = 0; index < args.length; index += 1) {
      const word = args[index] ?? '';
      if (SERVER_FLAGS.includes(word)) options[word] = '';
      else if (SERVER_VALUES.includes(word)) options[word] = args[(index += 1)] ?? '';
      else this.#alert(line, `'${where}' : unknown keyword '${word}'.`);
    }
    return options;
  }

  #checkWhole(): void {
    const backends = this.proxies.filter((proxy) => proxy.kind === 'backend' || proxy.kind === 'listen');
    for (const proxy of this.proxies) {
      const wanted = proxy.defaultBackend;
      if (wanted !== null && !backends.some((one) => one.name === wanted)) {
        const text = `config : Proxy '${proxy.name}': unable to find required default_backend: '${wanted}'.`;
        this.alerts.push(text);
      }
      const needed = proxy.kind === 'frontend' ? ['client'] : ['connect', 'server'];
      const silent = needed.filter((name) => proxy.timeouts[name] === undefined);
      if (silent.length > 0)
        this.warnings.push(`config : missing timeouts for ${proxy.kind} '${proxy.name}'.`);
    }
    if (this.proxies.every((proxy) => proxy.binds.length === 0)) {
      this.alerts.push('config : no <bind> (listening socket) found in the configuration.');
    }
  }
}

/** Reads a configuration as `haproxy -c` does. `path` is only named in the messages. */
export function checkHaproxyConfig(text: string, path: string): CheckedConfig {
  const parser = new Parser(path);
  parser.read(text);
  const { alerts, warnings, proxies } = parser;
  return { alerts, warnings, config: alerts.length === 0 ? { proxies } : null };
}

function newProxy(kind: HaproxyProxy['kind'], name: string, defaults: HaproxyProxy | null): HaproxyProxy {
  return {
    ...{ kind, name, binds: [], servers: [] },
    mode: defaults?.mode ?? 'tcp',
    defaultBackend: defaults?.defaultBackend ?? null,
    httpCheck: defaults?.httpCheck ?? null,
    expectStatus: defaults?.expectStatus ?? null,
    retries: defaults?.retries ?? 3,
    redispatch: defaults?.redispatch ?? false,
    timeouts: { ...defaults?.timeouts },
    serverDefaults: { ...defaults?.serverDefaults },
  };
}

function option(proxy: HaproxyProxy, [name = '', method = 'OPTIONS', path = '/']: readonly string[]): void {
  if (name === 'redispatch') proxy.redispatch = true;
  if (name === 'httpchk') {
    proxy.httpCheck = method.startsWith('/') ? { method: 'OPTIONS', path: method } : { method, path };
  }
}

function expectation(proxy: HaproxyProxy, args: readonly string[]): void {
  if (args[0] === 'expect' && args[1] === 'status') proxy.expectStatus = Number(args[2]);
}

/** HAProxy's durations: milliseconds unless a unit is said. */
function milliseconds(text: string): number | null {
  const match = /^(\d+)(us|ms|s|m|h|d)?$/.exec(text);
  if (match === null) return null;
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  return Number(match[1]) * (match[2] === 'us' ? 0 : (units[match[2] ?? 'ms'] ?? 1));
}

function firstStrange(text: string): string {
  return /^\d*(.?)/.exec(text)?.[1] ?? '';
}
