/** What a chart is to the simulated helm, and the pieces that its templates are made of. */
import type { KubeObject } from '../../objects.js';
import type { Tree } from '../../tree.js';

export interface ChartRelease {
  readonly name: string;
  readonly namespace: string;
  readonly chartVersion: string;
  readonly appVersion: string;
  /** The user's values; each chart reads those that matter and has its own defaults. */
  readonly values: Tree;
}

export interface Chart {
  readonly name: string;
  readonly repo: string;
  /** Chart version → application version, newest first. */
  readonly versions: Readonly<Record<string, string>>;
  /** In the order in which helm creates them. */
  readonly objects: (release: ChartRelease) => readonly KubeObject[];
  /** Jobs that run to their end before and after the objects, and are deleted then. */
  readonly before: (release: ChartRelease) => readonly KubeObject[];
  readonly after: (release: ChartRelease) => readonly KubeObject[];
}

export function meta(release: ChartRelease, name: string, labels: Readonly<Record<string, string>> = {}) {
  return { name, namespace: release.namespace, labels };
}

/** Every taint is tolerated: agents that must run on all nodes. */
export const TOLERATE_ALL = [{ operator: 'Exists' }];

export interface Workload {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  readonly spec?: Tree;
}

export function daemonSet(release: ChartRelease, workload: Workload): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: meta(release, workload.name, workload.labels),
    spec: {
      selector: { matchLabels: workload.labels },
      updateStrategy: { type: 'RollingUpdate' },
      template: template(workload),
    },
  };
}

export function deployment(release: ChartRelease, workload: Workload, replicas: number): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: meta(release, workload.name, workload.labels),
    spec: { replicas, selector: { matchLabels: workload.labels }, template: template(workload) },
  };
}

export function job(release: ChartRelease, workload: Workload): KubeObject {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: meta(release, workload.name, workload.labels),
    spec: { template: template({ ...workload, spec: { ...workload.spec, restartPolicy: 'OnFailure' } }) },
  };
}

export function serviceAccount(release: ChartRelease, name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: meta(release, name) };
}

export function configMap(
  release: ChartRelease,
  name: string,
  data: Readonly<Record<string, string>>,
): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta(release, name), data };
}

/** A role for the whole cluster and its binding to one service account. */
export function clusterRole(release: ChartRelease, name: string, rules: readonly Tree[]): KubeObject[] {
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  return [
    { apiVersion, kind: 'ClusterRole', metadata: { name }, rules },
    {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: release.namespace }],
    },
  ];
}

export function service(
  release: ChartRelease,
  name: string,
  selector: Readonly<Record<string, string>>,
  ports: readonly Tree[],
  type = 'ClusterIP',
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: meta(release, name),
    spec: { type, selector, ports },
  };
}

export function definition(group: string, kind: string, plural: string, version: string): KubeObject {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, subresources: { status: {} } }],
    },
  };
}

function template(workload: Workload): Tree {
  const container = {
    name: workload.labels['app.kubernetes.io/component'] ?? workload.name,
    image: workload.image,
    imagePullPolicy: 'IfNotPresent',
    ...(workload.args === undefined ? {} : { args: workload.args }),
    ...(workload.env === undefined ? {} : { env: workload.env }),
  };
  return { metadata: { labels: workload.labels }, spec: { containers: [container], ...workload.spec } };
}
