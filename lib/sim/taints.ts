/** Taints, tolerations, selectors and node affinity: which node may run which pod. */
import type { KubeObject } from './objects.js';
import { at, listAt, mapAt, textAt, textsAt } from './tree.js';

export interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect: string;
  readonly timeAdded?: string;
}

export function taintsOf(node: KubeObject): readonly Taint[] {
  return listAt(node, 'spec', 'taints') as readonly Taint[];
}

/** The toleration of a list that covers a taint; undefined when none does. */
export function tolerationFor(tolerations: readonly unknown[], taint: Taint): unknown {
  return tolerations.find((one) => {
    const key = textAt(one, 'key');
    const effect = textAt(one, 'effect');
    if (effect !== null && effect !== '' && effect !== taint.effect) return false;
    if (key === null || key === '') return textAt(one, 'operator') === 'Exists';
    if (key !== taint.key) return false;
    return textAt(one, 'operator') === 'Exists' || (textAt(one, 'value') ?? '') === (taint.value ?? '');
  });
}

/** The first taint that keeps a pod with these tolerations off the node; null when none does. */
export function repellingTaint(node: KubeObject, tolerations: readonly unknown[]): Taint | null {
  const hard = taintsOf(node).filter((taint) => taint.effect !== 'PreferNoSchedule');
  return hard.find((taint) => tolerationFor(tolerations, taint) === undefined) ?? null;
}

/** nodeSelector and the required node affinity of a pod's spec. */
export function nodeMatches(node: KubeObject, podSpec: unknown): boolean {
  const labels = node.metadata.labels ?? {};
  const selector = mapAt(podSpec, 'nodeSelector');
  if (!Object.entries(selector).every(([key, value]) => labels[key] === value)) return false;
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const terms = listAt(podSpec, 'affinity', 'nodeAffinity', required, 'nodeSelectorTerms');
  return terms.length === 0 || terms.some((term) => termMatches(node, term));
}

function termMatches(node: KubeObject, term: unknown): boolean {
  const labels = node.metadata.labels ?? {};
  return (
    listAt(term, 'matchExpressions').every((one) => holds(one, labels[textAt(one, 'key') ?? ''])) &&
    listAt(term, 'matchFields').every((one) => holds(one, node.metadata.name))
  );
}

function holds(expression: unknown, value: string | undefined): boolean {
  const values = textsAt(expression, 'values');
  switch (textAt(expression, 'operator')) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    default:
      return value === undefined;
  }
}

/** A label selector's `matchLabels` and `matchExpressions` against an object's labels. */
export function selects(selector: unknown, object: KubeObject): boolean {
  const labels = object.metadata.labels ?? {};
  return (
    Object.entries(mapAt(selector, 'matchLabels')).every(([key, value]) => labels[key] === value) &&
    listAt(selector, 'matchExpressions').every((one) => holds(one, labels[textAt(one, 'key') ?? '']))
  );
}

/** True for a pod that is an image of a manifest on its node's disk. */
export function isMirror(pod: KubeObject): boolean {
  return pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
}

export function isUnschedulable(node: KubeObject): boolean {
  return at(node, 'spec', 'unschedulable') === true;
}

export function isPodReady(pod: KubeObject): boolean {
  return listAt(pod, 'status', 'conditions').some(
    (one) => textAt(one, 'type') === 'Ready' && textAt(one, 'status') === 'True',
  );
}
