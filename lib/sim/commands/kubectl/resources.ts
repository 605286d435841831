/** Resource types under the names that people type for them: `nodes`, `node`, `no`, `deployments.apps`. */
import { apiVersionOf, BUILT_IN, type ResourceType } from '../../api/resources.js';

/** Null when nothing has that name. */
export function findResource(name: string, among: readonly ResourceType[] = BUILT_IN): ResourceType | null {
  const [first = '', ...rest] = name.toLowerCase().split('.');
  const group = rest.join('.');
  const found = among.find(
    (type) =>
      (type.resource === first || singularOf(type) === first || type.shortNames.includes(first)) &&
      (group === '' || type.group === group || `${type.version}.${type.group}` === group),
  );
  return found ?? null;
}

export function resourceOfKind(
  apiVersion: string,
  kind: string,
  among: readonly ResourceType[] = BUILT_IN,
): ResourceType | null {
  return among.find((type) => type.kind === kind && apiVersionOf(type) === apiVersion) ?? null;
}

export function singularOf(type: ResourceType): string {
  return type.kind.toLowerCase();
}

/** `/apis/apps/v1/namespaces/default/deployments/web`; null as the namespace means all of them. */
export function pathOf(type: ResourceType, namespace: string | null, name: string | null = null): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const scope = type.namespaced && namespace !== null ? `/namespaces/${namespace}` : '';
  return `${root}${scope}/${type.resource}${name === null ? '' : `/${name}`}`;
}

/** `node`, `deployment.apps`: how kubectl names a type before a slash or a quoted name. */
export function shownType(type: ResourceType): string {
  return type.group === '' ? singularOf(type) : `${singularOf(type)}.${type.group}`;
}
