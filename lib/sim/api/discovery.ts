/** `/version` and the lists of groups and resources. OpenAPI and metrics are not modelled. */
import type { ApiServer } from '../apiserver-state.js';
import type { Response } from '../network.js';
import type { RequestInfo } from './request-info.js';
import { BUILT_IN, apiVersionOf, customTypes, type ResourceType } from './resources.js';
import { noSuchResource } from './status.js';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

export function answerDiscovery(server: ApiServer, info: RequestInfo): Response {
  const path = info.path.replace(/\/$/, '');
  if (path === '/version') return { status: 200, body: versionInfo(server.options.version) };
  const types = [...BUILT_IN, ...(server.space === null ? [] : customTypes(server.space))];
  if (path === '/api') return { status: 200, body: { kind: 'APIVersions', versions: ['v1'] } };
  if (path === '/apis') return { status: 200, body: groupList(types) };
  const groupVersion = path.replace(/^\/apis?\//, '');
  const own = types.filter((type) => apiVersionOf(type) === groupVersion);
  return own.length === 0
    ? noSuchResource().response
    : { status: 200, body: resourceList(groupVersion, own) };
}

export function versionInfo(gitVersion: string): Record<string, string> {
  const match = /^v(\d+)\.(\d+)\./.exec(gitVersion);
  return {
    major: match?.[1] ?? '',
    minor: match?.[2] ?? '',
    gitVersion,
    gitCommit: '0000000000000000000000000000000000000000',
    gitTreeState: 'clean',
    buildDate: '2025-01-01T00:00:00Z',
    goVersion: 'go1.23.5',
    compiler: 'gc',
    platform: 'linux/amd64',
  };
}

function groupList(types: readonly ResourceType[]): unknown {
  const versions = new Map<string, string>();
  for (const type of types) if (type.group !== '') versions.set(type.group, type.version);
  const groups = [...versions].map(([name, version]) => {
    const entry = { groupVersion: `${name}/${version}`, version };
    return { name, versions: [entry], preferredVersion: entry };
  });
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

function resourceList(groupVersion: string, types: readonly ResourceType[]): unknown {
  const resources = types.map((type) => ({
    name: type.resource,
    singularName: type.kind.toLowerCase(),
    namespaced: type.namespaced,
    kind: type.kind,
    verbs: VERBS,
    ...(type.shortNames.length === 0 ? {} : { shortNames: type.shortNames }),
  }));
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}
