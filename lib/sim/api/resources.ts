/**
 * The resources that the API server knows: built-in ones by table, custom ones by CustomResourceDefinition
 * objects. One version of each group is served.
 */
import type { KeySpace } from '../etcd-keyspace.js';
import type { KubeObject } from '../objects.js';
import { at, listAt, textAt } from '../tree.js';

export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** Plural: `pods`. */
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** `.status` is written through the `status` subresource only. */
  readonly hasStatus: boolean;
  readonly shortNames: readonly string[];
}

const CORE = [
  'namespaces Namespace cluster status ns',
  'nodes Node cluster status no',
  'pods Pod namespaced status po',
  'services Service namespaced status svc',
  'endpoints Endpoints namespaced plain ep',
  'configmaps ConfigMap namespaced plain cm',
  'secrets Secret namespaced plain',
  'serviceaccounts ServiceAccount namespaced plain sa',
  'events Event namespaced plain ev',
  'persistentvolumes PersistentVolume cluster status pv',
  'persistentvolumeclaims PersistentVolumeClaim namespaced status pvc',
  'replicationcontrollers ReplicationController namespaced status rc',
  'limitranges LimitRange namespaced plain limits',
  'resourcequotas ResourceQuota namespaced status quota',
];

const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'apps/v1': [
    'deployments Deployment namespaced status deploy',
    'replicasets ReplicaSet namespaced status rs',
    'daemonsets DaemonSet namespaced status ds',
    'statefulsets StatefulSet namespaced status sts',
    'controllerrevisions ControllerRevision namespaced plain',
  ],
  'batch/v1': ['jobs Job namespaced status', 'cronjobs CronJob namespaced status cj'],
  'coordination.k8s.io/v1': ['leases Lease namespaced plain'],
  'discovery.k8s.io/v1': ['endpointslices EndpointSlice namespaced plain'],
  'policy/v1': ['poddisruptionbudgets PodDisruptionBudget namespaced status pdb'],
  'rbac.authorization.k8s.io/v1': [
    'roles Role namespaced plain',
    'rolebindings RoleBinding namespaced plain',
    'clusterroles ClusterRole cluster plain',
    'clusterrolebindings ClusterRoleBinding cluster plain',
  ],
  'certificates.k8s.io/v1': ['certificatesigningrequests CertificateSigningRequest cluster status csr'],
  'storage.k8s.io/v1': [
    'storageclasses StorageClass cluster plain sc',
    'csidrivers CSIDriver cluster plain',
    'csinodes CSINode cluster plain',
    'volumeattachments VolumeAttachment cluster status',
  ],
  'networking.k8s.io/v1': [
    'ingresses Ingress namespaced status ing',
    'ingressclasses IngressClass cluster plain',
    'networkpolicies NetworkPolicy namespaced plain netpol',
  ],
  'scheduling.k8s.io/v1': ['priorityclasses PriorityClass cluster plain pc'],
  'autoscaling/v2': ['horizontalpodautoscalers HorizontalPodAutoscaler namespaced status hpa'],
  'apiextensions.k8s.io/v1': ['customresourcedefinitions CustomResourceDefinition cluster status crd crds'],
  'admissionregistration.k8s.io/v1': [
    'mutatingwebhookconfigurations MutatingWebhookConfiguration cluster plain',
    'validatingwebhookconfigurations ValidatingWebhookConfiguration cluster plain',
  ],
  'apiregistration.k8s.io/v1': ['apiservices APIService cluster status'],
};

export const BUILT_IN: readonly ResourceType[] = [
  ...CORE.map((line) => parseType('', 'v1', line)),
  ...Object.entries(GROUPS).flatMap(([groupVersion, lines]) => {
    const [group = '', version = ''] = groupVersion.split('/');
    return lines.map((line) => parseType(group, version, line));
  }),
];

const BY_PATH = new Map(BUILT_IN.map((type) => [pathKey(type.group, type.version, type.resource), type]));

export const CRD_TABLE = 'customresourcedefinitions.apiextensions.k8s.io';

/** The type for a request's path; null when the server has no such resource. */
export function findType(
  space: KeySpace,
  group: string,
  version: string,
  resource: string,
): ResourceType | null {
  const builtIn = BY_PATH.get(pathKey(group, version, resource));
  if (builtIn !== undefined) return builtIn;
  return customTypes(space).find((type) => matches(type, group, version, resource)) ?? null;
}

export function customTypes(space: KeySpace): ResourceType[] {
  return space.list(CRD_TABLE).flatMap(typesOfDefinition);
}

/** The types that a CustomResourceDefinition defines, one a version. */
export function typesOfDefinition(definition: KubeObject): ResourceType[] {
  const names = at(definition, 'spec', 'names');
  const group = textAt(definition, 'spec', 'group');
  const kind = textAt(names, 'kind');
  const resource = textAt(names, 'plural');
  if (group === null || kind === null || resource === null) return [];
  return listAt(definition, 'spec', 'versions').map((version) => ({
    group,
    version: textAt(version, 'name') ?? 'v1',
    resource,
    kind,
    namespaced: textAt(definition, 'spec', 'scope') === 'Namespaced',
    hasStatus: at(version, 'subresources', 'status') !== undefined,
    shortNames: listAt(names, 'shortNames').filter((name) => typeof name === 'string'),
  }));
}

/** The name of a type in messages, and of its table: `pods`, `leases.coordination.k8s.io`. */
export function tableOf(type: Pick<ResourceType, 'group' | 'resource'>): string {
  return type.group === '' ? type.resource : `${type.resource}.${type.group}`;
}

export function apiVersionOf(type: Pick<ResourceType, 'group' | 'version'>): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

function matches(type: ResourceType, group: string, version: string, resource: string): boolean {
  return type.group === group && type.version === version && type.resource === resource;
}

function pathKey(group: string, version: string, resource: string): string {
  return `${group}/${version}/${resource}`;
}

function parseType(group: string, version: string, line: string): ResourceType {
  const [resource = '', kind = '', scope, status, ...shortNames] = line.split(' ');
  return {
    group,
    version,
    resource,
    kind,
    namespaced: scope === 'namespaced',
    hasStatus: status === 'status',
    shortNames,
  };
}
