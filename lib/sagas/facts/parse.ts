/** The parts of Kubernetes' objects that findings need, out of `kubectl get … -o json`. */
import { parse } from 'yaml';
import type { BudgetFacts, KubeadmFacts, PodName, StaticPodFacts, WorkloadFacts } from './facts.js';

export interface RawPod {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly controller?: boolean }[];
    readonly deletionTimestamp?: string;
  };
  readonly spec?: {
    readonly nodeName?: string;
    readonly containers?: readonly { readonly image?: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly state?: { readonly running?: { readonly startedAt?: string } };
    }[];
  };
}

/** The kubelet's mark on the mirror of a static pod. */
const MIRROR = 'kubernetes.io/config.mirror';

export function parsePods(json: string): readonly RawPod[] {
  return (JSON.parse(json) as { readonly items: readonly RawPod[] }).items;
}

export function parseStaticPods(pods: readonly RawPod[]): readonly StaticPodFacts[] {
  return pods
    .filter(({ metadata }) => metadata.labels?.['tier'] === 'control-plane')
    .map(({ metadata, spec, status }) => ({
      node: spec?.nodeName ?? '',
      component: metadata.labels?.['component'] ?? metadata.name,
      image: spec?.containers?.[0]?.image ?? '',
      running:
        status?.phase === 'Running' &&
        (status.conditions ?? []).some((one) => one.type === 'Ready' && one.status === 'True'),
    }));
}

/** Pods that a drain would delete for good; ended ones and static ones are left out, as kubectl leaves them. */
export function parseBarePods(pods: readonly RawPod[]): readonly PodName[] {
  return pods
    .filter(
      ({ metadata, status }) =>
        metadata.annotations?.[MIRROR] === undefined &&
        !(metadata.ownerReferences ?? []).some((owner) => owner.controller === true) &&
        status?.phase !== 'Succeeded' &&
        status?.phase !== 'Failed',
    )
    .map(nameOf);
}

function nameOf({ metadata, spec }: RawPod): PodName {
  return { namespace: metadata.namespace ?? 'default', name: metadata.name, node: spec?.nodeName ?? null };
}

export function parseKubeadmConfig(json: string): KubeadmFacts {
  const { data } = JSON.parse(json) as { readonly data?: Readonly<Record<string, string>> };
  const config = parse(data?.['ClusterConfiguration'] ?? '{}') as {
    readonly apiVersion?: string;
    readonly kubernetesVersion?: string;
  };
  return { version: config.kubernetesVersion ?? '', api: config.apiVersion ?? '' };
}

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

interface RawBudget {
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: {
    readonly minAvailable?: string | number;
    readonly maxUnavailable?: string | number;
    readonly selector?: Selector;
  };
  readonly status?: {
    readonly expectedPods?: number;
    readonly currentHealthy?: number;
    readonly desiredHealthy?: number;
    readonly disruptionsAllowed?: number;
  };
}

export function parseBudgets(json: string, pods: readonly RawPod[]): readonly BudgetFacts[] {
  const { items } = JSON.parse(json) as { readonly items: readonly RawBudget[] };
  return items.map(({ metadata, spec, status }) => {
    const namespace = metadata.namespace ?? 'default';
    const covered = pods.filter(
      (pod) =>
        (pod.metadata.namespace ?? 'default') === namespace &&
        pod.metadata.deletionTimestamp === undefined &&
        selects(spec?.selector ?? {}, pod.metadata.labels ?? {}),
    );
    return {
      namespace,
      name: metadata.name,
      minAvailable: spec?.minAvailable === undefined ? null : String(spec.minAvailable),
      maxUnavailable: spec?.maxUnavailable === undefined ? null : String(spec.maxUnavailable),
      expectedPods: status?.expectedPods ?? 0,
      currentHealthy: status?.currentHealthy ?? 0,
      desiredHealthy: status?.desiredHealthy ?? 0,
      disruptionsAllowed: status?.disruptionsAllowed ?? 0,
      pods: covered.map((pod) => pod.metadata.name),
    };
  });
}

/** A label selector: every label and every expression must hold; an empty one selects everything. */
function selects(selector: Selector, labels: Readonly<Record<string, string>>): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      switch (operator) {
        case 'Exists':
          return value !== undefined;
        case 'DoesNotExist':
          return value === undefined;
        case 'In':
          return value !== undefined && values.includes(value);
        default:
          return value === undefined || !values.includes(value);
      }
    })
  );
}

interface RawWorkload {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: {
    readonly template?: { readonly spec?: { readonly containers?: readonly { readonly image?: string }[] } };
  };
}

export function parseWorkloads(json: string): readonly WorkloadFacts[] {
  const { items } = JSON.parse(json) as { readonly items: readonly RawWorkload[] };
  return items.map(({ kind, metadata, spec }) => ({
    kind,
    namespace: metadata.namespace ?? 'default',
    name: metadata.name,
    images: (spec?.template?.spec?.containers ?? []).map(({ image }) => image ?? ''),
  }));
}
