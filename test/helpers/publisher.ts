/** Everything that publishes parts of a bundle, as one HTTP server of this process: paths begin with the real host. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { image, program, sha256 } from './bundle-folder.js';

export interface Route {
  readonly body?: string | Uint8Array;
  readonly type?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Asked for as `Authorization`; who does not show it is sent for a token. */
  readonly token?: string;
  /** Breaks the connection after so many bytes, the first time; resumed requests are served. */
  readonly cutAt?: number;
}

export class Publisher {
  readonly routes = new Map<string, Route>();
  /** Every request: its path, and its range where it has one. */
  readonly asked: string[] = [];
  readonly #cut = new Set<string>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response);
    });
  }

  static async start(): Promise<Publisher> {
    const publisher = new Publisher();
    await new Promise<void>((resolve) => publisher.#server.listen(0, '127.0.0.1', resolve));
    return publisher;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get base(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** `https://dl.k8s.io/x` is served as `/dl.k8s.io/x`. */
  put(url: string, route: Route | string | Uint8Array): void {
    const plain = typeof route === 'string' || route instanceof Uint8Array ? { body: route } : route;
    this.routes.set(url.replace('https:/', ''), plain);
  }

  /** An image in its registry, behind an index of two architectures and, with a token, a login. */
  putImage(name: string, architecture: string, token?: string): void {
    const [, host = '', repository = '', tag = ''] = /^([^/]+)\/(.+):([^:]+)$/.exec(name) ?? [];
    const { manifest, config, layer } = image(name, architecture);
    const index = JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        { digest: `sha256:${sha256('other')}`, size: 5, platform: { os: 'linux', architecture: 's390x' } },
        {
          digest: `sha256:${sha256(manifest)}`,
          size: manifest.length,
          platform: { os: 'linux', architecture },
        },
      ],
    });
    const base = `https://${host}/v2/${repository}`;
    const shown = token === undefined ? {} : { token };
    this.put(`${base}/manifests/${tag}`, { body: index, ...shown });
    this.put(`${base}/manifests/sha256:${sha256(manifest)}`, { body: manifest, ...shown });
    for (const blob of [config, layer])
      this.put(`${base}/blobs/sha256:${sha256(blob)}`, { body: blob, ...shown });
  }

  putPrograms(version: string): void {
    for (const name of ['kubeadm', 'kubelet', 'kubectl']) {
      const url = `https://dl.k8s.io/release/${version}/bin/linux/amd64/${name}`;
      const content = program(`${name} ${version} `.repeat(2000));
      this.put(url, content);
      this.put(`${url}.sha256`, sha256(content));
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.base);
    const { range, authorization } = request.headers;
    this.asked.push(range === undefined ? url.pathname : `${url.pathname} ${range}`);
    if (url.pathname === '/token') {
      response.end(JSON.stringify({ token: `for ${url.searchParams.get('scope') ?? ''}` }));
      return;
    }
    const route = this.routes.get(url.pathname);
    if (route === undefined) {
      response.writeHead(404).end('no such thing');
      return;
    }
    if (route.token !== undefined && authorization !== `Bearer ${route.token}`) {
      const scope = `repository:${/\/v2\/(.+)\/(?:manifests|blobs)\//.exec(url.pathname)?.[1] ?? ''}:pull`;
      const challenge = `Bearer realm="${this.base}/token",service="test",scope="${scope}"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
      return;
    }
    this.#send(url.pathname, route, range, response);
  }

  #send(path: string, route: Route, range: string | undefined, response: ServerResponse): void {
    const body = typeof route.body === 'string' ? new TextEncoder().encode(route.body) : route.body;
    const whole = body ?? new Uint8Array();
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    if (from > 0 && from >= whole.length) {
      response.writeHead(416).end();
      return;
    }
    const rest = whole.subarray(from);
    response.writeHead(route.status ?? (from > 0 ? 206 : 200), {
      'content-length': String(rest.length),
      ...(from > 0 ? { 'content-range': `bytes ${from}-${whole.length - 1}/${whole.length}` } : {}),
      ...(route.type === undefined ? {} : { 'content-type': route.type }),
      ...route.headers,
    });
    if (route.cutAt === undefined || this.#cut.has(path)) {
      response.end(rest);
      return;
    }
    this.#cut.add(path);
    response.write(rest.subarray(0, route.cutAt), () => response.destroy());
  }
}
