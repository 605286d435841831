/** Label and field selectors of lists and watches: equality, sets, and the fields that Kubernetes lets one select. */
import type { KubeObject } from '../objects.js';
import { at } from '../tree.js';

export type Matcher = (object: KubeObject) => boolean;

/** Null when the selector cannot be parsed. */
export function labelMatcher(selector: string): Matcher | null {
  const requirements = splitOutsideParentheses(selector).map(labelRequirement);
  if (requirements.some((requirement) => requirement === null)) return null;
  return (object) => {
    const labels = object.metadata.labels ?? {};
    return requirements.every((requirement) => requirement?.(labels) === true);
  };
}

type Labels = Readonly<Record<string, string>>;

function labelRequirement(text: string): ((labels: Labels) => boolean) | null {
  const set = /^\s*([^\s,()=!]+)\s+(in|notin)\s*\(([^)]*)\)\s*$/.exec(text);
  if (set !== null) {
    const key = set[1] ?? '';
    const values = (set[3] ?? '').split(',').map((value) => value.trim());
    const wanted = set[2] === 'in';
    return (labels) => (key in labels && values.includes(labels[key] ?? '')) === wanted;
  }
  const equality = /^\s*([^\s,()=!]+)\s*(==|=|!=)\s*([^\s,()=!]*)\s*$/.exec(text);
  if (equality !== null) {
    const [, key = '', operator, value = ''] = equality;
    return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
  }
  const presence = /^\s*(!?)\s*([^\s,()=!]+)\s*$/.exec(text);
  if (presence === null) return null;
  const [, not, key = ''] = presence;
  return (labels) => key in labels === (not === '');
}

/** The fields that lists of a type can be selected by, besides name and namespace. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  pods: [
    ...['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'spec.serviceAccountName'],
    ...['spec.hostNetwork', 'status.phase', 'status.podIP', 'status.podIPs', 'status.nominatedNodeName'],
  ],
  nodes: ['spec.unschedulable'],
  namespaces: ['status.phase'],
  secrets: ['type'],
  jobs: ['status.successful'],
  replicationcontrollers: ['status.replicas'],
  certificatesigningrequests: ['spec.signerName'],
  services: ['spec.clusterIP', 'spec.type'],
  events: [
    ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
      (field) => `involvedObject.${field}`,
    ),
    ...['reason', 'reportingComponent', 'source', 'type'],
  ],
};

/** Why lists of this type cannot be selected so; null when they can. */
export function fieldProblem(resource: string, selector: string): string | null {
  const known = ['metadata.name', 'metadata.namespace', ...(FIELDS[resource] ?? [])];
  for (const text of selector.split(',')) {
    const field = /^([\w.]+)(==|=|!=)/.exec(text.trim())?.[1];
    if (field === undefined || known.includes(field)) continue;
    return resource in FIELDS
      ? `field label not supported: ${field}`
      : `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`;
  }
  return null;
}

/** `metadata.name=x,spec.nodeName!=y`; null when it cannot be parsed. */
export function fieldMatcher(selector: string): Matcher | null {
  const matches = selector.split(',').map((text) => /^([\w.]+)(==|=|!=)(.*)$/.exec(text.trim()));
  if (matches.some((match) => match === null)) return null;
  const requirements = matches.map((match) => {
    const [, path = '', operator, wanted = ''] = match ?? [];
    return { path: path.split('.'), equal: operator !== '!=', wanted };
  });
  return (object) =>
    requirements.every(({ path, equal, wanted }) => (fieldText(at(object, ...path)) === wanted) === equal);
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

/** The value that a field selector demands of one field; null when it demands none. */
export function demanded(selector: string | undefined, field: string): string | null {
  for (const text of (selector ?? '').split(',')) {
    const match = /^([\w.]+)==?(.*)$/.exec(text.trim());
    if (match?.[1] === field) return match[2] ?? '';
  }
  return null;
}

function splitOutsideParentheses(text: string): string[] {
  return text.split(/,(?![^(]*\))/).filter((part) => part.trim() !== '');
}
