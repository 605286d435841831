/** What a request asks for, read from its method and path as the API server does before it authorizes. */

export interface RequestInfo {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`. */
  readonly verb: string;
  /** False for `/livez`, `/version`, discovery and the like. */
  readonly isResource: boolean;
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** Null when the request names none. */
  readonly subresource: string | null;
  readonly namespace: string | null;
  readonly name: string | null;
}

export function parseRequest(method: string, target: string): RequestInfo {
  const cut = target.indexOf('?');
  const path = cut < 0 ? target : target.slice(0, cut);
  const query = parseQuery(cut < 0 ? '' : target.slice(cut + 1));
  const parts = path.split('/').filter((part) => part !== '');
  const core = parts[0] === 'api';
  const rest = core ? parts.slice(2) : parts.slice(3);
  const isResource = (core || parts[0] === 'apis') && rest.length > 0;
  const base = { path, query, isResource };
  if (!isResource)
    return {
      ...base,
      verb: method.toLowerCase(),
      group: '',
      version: '',
      resource: '',
      subresource: null,
      namespace: null,
      name: null,
    };
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 && !isNamespaceSubresource(rest[2]);
  const first = inNamespace ? 2 : 0;
  const resource = rest[first] ?? '';
  const name = rest[first + 1] ?? null;
  return {
    ...base,
    group: core ? '' : (parts[1] ?? ''),
    version: (core ? parts[1] : parts[2]) ?? '',
    resource,
    subresource: rest[first + 2] ?? null,
    namespace: inNamespace ? (rest[1] ?? null) : resource === 'namespaces' ? name : null,
    name,
    verb: verbOf(method, name, query),
  };
}

function verbOf(method: string, name: string | null, query: ReadonlyMap<string, string>): string {
  switch (method) {
    case 'GET':
      if (isTrue(query.get('watch'))) return 'watch';
      return name === null ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'DELETE':
      return name === null ? 'deletecollection' : 'delete';
    default:
      return method.toLowerCase();
  }
}

export function isTrue(value: string | undefined): boolean {
  return value === 'true' || value === '1';
}

function isNamespaceSubresource(part: string | undefined): boolean {
  return part === 'status' || part === 'finalize';
}

function parseQuery(text: string): Map<string, string> {
  const query = new Map<string, string>();
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const cut = pair.indexOf('=');
    const key = cut < 0 ? pair : pair.slice(0, cut);
    query.set(decode(key), cut < 0 ? '' : decode(pair.slice(cut + 1)));
  }
  return query;
}

function decode(text: string): string {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text; // A stray percent sign stands for itself.
  }
}
