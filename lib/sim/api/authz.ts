/**
 * Who may do what: `system:masters` everything, nodes what the node authorizer lets them do, all others what the
 * RBAC objects in the store say. The node authorizer's graph (only Secrets of own pods) is not modelled.
 */
import type { KeySpace } from '../etcd-keyspace.js';
import type { KubeObject } from '../objects.js';
import { at, listAt, textAt } from '../tree.js';
import type { User } from './authn.js';
import type { RequestInfo } from './request-info.js';

interface Rule {
  readonly verbs: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly resources: ReadonlySet<string>;
  readonly names: ReadonlySet<string>;
  readonly paths: readonly string[];
  /** Null for rules of a ClusterRoleBinding. */
  readonly namespace: string | null;
}

const GROUP = 'rbac.authorization.k8s.io';
const TABLES = ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'].map(
  (table) => `${table}.${GROUP}`,
);
const [CLUSTER_ROLES = '', CLUSTER_BINDINGS = '', ROLES = '', BINDINGS = ''] = TABLES;

export class Authorizer {
  readonly #space: KeySpace;
  readonly #rules = new Map<string, readonly Rule[]>();
  #stamp = '';

  constructor(space: KeySpace) {
    this.#space = space;
  }

  allows(user: User, info: RequestInfo): boolean {
    if (user.groups.includes('system:masters')) return true;
    if (user.groups.includes('system:nodes') && nodeAllows(info)) return true;
    return this.#rulesOf(user).some((rule) => covers(rule, info));
  }

  #rulesOf(user: User): readonly Rule[] {
    const stamp = TABLES.map((table) => this.#space.topic(table).lastRevision).join();
    if (stamp !== this.#stamp) this.#rules.clear();
    this.#stamp = stamp;
    const key = `${user.name} ${user.groups.join()}`;
    const known = this.#rules.get(key);
    if (known !== undefined) return known;
    const rules = [...this.#collect(user, CLUSTER_BINDINGS), ...this.#collect(user, BINDINGS)];
    this.#rules.set(key, rules);
    return rules;
  }

  *#collect(user: User, table: string): Generator<Rule> {
    for (const binding of this.#space.list(table)) {
      const namespace = binding.metadata.namespace ?? null;
      if (!listAt(binding, 'subjects').some((subject) => isSubject(user, subject, namespace))) continue;
      const role = this.#roleOf(binding, namespace);
      for (const rule of listAt(role, 'rules')) yield parseRule(rule, namespace);
    }
  }

  #roleOf(binding: KubeObject, namespace: string | null): KubeObject | null {
    const name = textAt(binding, 'roleRef', 'name') ?? '';
    if (textAt(binding, 'roleRef', 'kind') === 'Role')
      return this.#space.get(ROLES, `${namespace ?? ''}/${name}`);
    return this.#space.get(CLUSTER_ROLES, name);
  }
}

/** The words of a 403. */
export function deniedMessage(user: User, info: RequestInfo): string {
  if (!info.isResource) return `forbidden: User "${user.name}" cannot ${info.verb} path "${info.path}"`;
  const full = info.group === '' ? info.resource : `${info.resource}.${info.group}`;
  const what = info.name === null || info.verb === 'create' ? full : `${full} "${info.name}"`;
  const resource = info.subresource === null ? info.resource : `${info.resource}/${info.subresource}`;
  const scope =
    info.namespace === null || info.resource === 'namespaces'
      ? 'at the cluster scope'
      : `in the namespace "${info.namespace}"`;
  const can = `cannot ${info.verb} resource "${resource}" in API group "${info.group}" ${scope}`;
  return `${what} is forbidden: User "${user.name}" ${can}`;
}

function covers(rule: Rule, info: RequestInfo): boolean {
  if (!has(rule.verbs, info.verb)) return false;
  if (!info.isResource)
    return (
      rule.namespace === null &&
      rule.paths.some((path) =>
        path.endsWith('*') ? info.path.startsWith(path.slice(0, -1)) : info.path === path,
      )
    );
  if (rule.namespace !== null && rule.namespace !== info.namespace) return false;
  const resource = info.subresource === null ? info.resource : `${info.resource}/${info.subresource}`;
  const named = rule.names.size === 0 || (info.name !== null && rule.names.has(info.name));
  return has(rule.groups, info.group) && has(rule.resources, resource) && named;
}

function has(set: ReadonlySet<string>, value: string): boolean {
  return set.has('*') || set.has(value);
}

function isSubject(user: User, subject: unknown, namespace: string | null): boolean {
  const name = textAt(subject, 'name') ?? '';
  switch (at(subject, 'kind')) {
    case 'User':
      return user.name === name;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount':
      return user.name === `system:serviceaccount:${textAt(subject, 'namespace') ?? namespace ?? ''}:${name}`;
    default:
      return false;
  }
}

function parseRule(rule: unknown, namespace: string | null): Rule {
  const texts = (field: string): string[] =>
    listAt(rule, field).filter((entry): entry is string => typeof entry === 'string');
  return {
    verbs: new Set(texts('verbs')),
    groups: new Set(texts('apiGroups')),
    resources: new Set(texts('resources')),
    names: new Set(texts('resourceNames')),
    paths: texts('nonResourceURLs'),
    namespace,
  };
}

const READ = ['get', 'list', 'watch'];
const WRITE = [...READ, 'create', 'update', 'patch', 'delete'];

/** The rules of the node authorizer by resource (`group/resource`). */
const NODE_RULES: Readonly<Record<string, readonly string[]>> = {
  '/nodes': ['get', 'list', 'watch', 'create', 'update', 'patch'],
  '/nodes/status': ['update', 'patch'],
  '/pods': ['get', 'list', 'watch', 'create', 'delete'],
  '/pods/status': ['update', 'patch'],
  '/pods/eviction': ['create'],
  '/services': READ,
  '/configmaps': READ,
  '/secrets': READ,
  '/events': ['create', 'update', 'patch'],
  '/persistentvolumes': READ,
  '/persistentvolumeclaims': READ,
  '/serviceaccounts': ['get'],
  '/serviceaccounts/token': ['create'],
  'certificates.k8s.io/certificatesigningrequests': ['get', 'list', 'watch', 'create'],
  'coordination.k8s.io/leases': WRITE,
  'storage.k8s.io/csinodes': WRITE,
  'storage.k8s.io/csidrivers': READ,
  'storage.k8s.io/volumeattachments': ['get', 'list', 'watch'],
};

function nodeAllows(info: RequestInfo): boolean {
  if (!info.isResource) return false;
  const suffix = info.subresource === null ? '' : `/${info.subresource}`;
  if (info.resource === 'leases' && info.namespace !== 'kube-node-lease') return false;
  return NODE_RULES[`${info.group}/${info.resource}${suffix}`]?.includes(info.verb) === true;
}

/** NodeRestriction: a node changes only itself and the pods bound to it. Null when it may; else the words. */
export function nodeRestriction(user: User, info: RequestInfo): string | null {
  const prefix = 'system:node:';
  if (!user.groups.includes('system:nodes') || !user.name.startsWith(prefix)) return null;
  const own = user.name.slice(prefix.length);
  const writes = ['create', 'update', 'patch', 'delete'].includes(info.verb);
  if (!writes || info.resource !== 'nodes' || info.name === null || info.name === own) return null;
  return `nodes "${info.name}" is forbidden: node "${own}" is not allowed to modify node "${info.name}"`;
}
