/**
 * What the first API server of a cluster writes: system namespaces, the service `kubernetes`, and the default
 * roles that control-plane programs, kubeadm and anonymous health checks rely on. The rules of the controller
 * manager stand for those of all its controllers; roles that nothing here uses are left out.
 */
import type { KubeObject } from '../objects.js';

interface RuleSpec {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const RBAC = 'rbac.authorization.k8s.io';
const ALL: readonly RuleSpec[] = [
  { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
  { nonResourceURLs: ['*'], verbs: ['*'] },
];
const READ = ['get', 'list', 'watch'];
const EVENTS: RuleSpec = {
  apiGroups: ['', 'events.k8s.io'],
  resources: ['events'],
  verbs: ['create', 'patch', 'update'],
};
const HEALTH = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

const CLUSTER_ROLES: Readonly<Record<string, readonly RuleSpec[]>> = {
  'cluster-admin': ALL,
  'system:public-info-viewer': [{ nonResourceURLs: HEALTH, verbs: ['get'] }],
  'system:discovery': [
    {
      nonResourceURLs: ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*', ...HEALTH],
      verbs: ['get'],
    },
  ],
  'system:basic-user': [
    {
      apiGroups: ['authorization.k8s.io'],
      resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
      verbs: ['create'],
    },
  ],
  'system:node-bootstrapper': [
    {
      apiGroups: ['certificates.k8s.io'],
      resources: ['certificatesigningrequests'],
      verbs: ['create', 'get', 'list', 'watch'],
    },
  ],
  'system:certificates.k8s.io:certificatesigningrequests:nodeclient': [
    {
      apiGroups: ['certificates.k8s.io'],
      resources: ['certificatesigningrequests/nodeclient'],
      verbs: ['create'],
    },
  ],
  'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': [
    {
      apiGroups: ['certificates.k8s.io'],
      resources: ['certificatesigningrequests/selfnodeclient'],
      verbs: ['create'],
    },
  ],
  'system:kube-controller-manager': ALL,
  'system:kube-scheduler': [
    EVENTS,
    {
      apiGroups: ['coordination.k8s.io'],
      resources: ['leases'],
      verbs: ['create', 'get', 'list', 'watch', 'update'],
    },
    {
      apiGroups: [''],
      resources: ['nodes', 'namespaces', 'services', 'replicationcontrollers'],
      verbs: READ,
    },
    { apiGroups: [''], resources: ['persistentvolumes', 'persistentvolumeclaims'], verbs: READ },
    { apiGroups: [''], resources: ['pods'], verbs: ['delete', ...READ] },
    { apiGroups: [''], resources: ['bindings', 'pods/binding'], verbs: ['create'] },
    { apiGroups: [''], resources: ['pods/status'], verbs: ['patch', 'update'] },
    { apiGroups: ['apps', 'policy', 'storage.k8s.io'], resources: ['*'], verbs: READ },
  ],
  'system:node-proxier': [
    EVENTS,
    { apiGroups: [''], resources: ['services', 'endpoints', 'nodes'], verbs: READ },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: READ },
  ],
  'system:node': [],
};

const CLUSTER_BINDINGS: Readonly<
  Record<string, readonly [role: string, kind: 'User' | 'Group', name: string][]>
> = {
  'cluster-admin': [['cluster-admin', 'Group', 'system:masters']],
  'system:public-info-viewer': [
    ['system:public-info-viewer', 'Group', 'system:authenticated'],
    ['system:public-info-viewer', 'Group', 'system:unauthenticated'],
  ],
  'system:discovery': [['system:discovery', 'Group', 'system:authenticated']],
  'system:basic-user': [['system:basic-user', 'Group', 'system:authenticated']],
  'system:kube-controller-manager': [
    ['system:kube-controller-manager', 'User', 'system:kube-controller-manager'],
  ],
  'system:kube-scheduler': [['system:kube-scheduler', 'User', 'system:kube-scheduler']],
  'system:node-proxier': [['system:node-proxier', 'User', 'system:kube-proxy']],
};

export function defaultRbac(): KubeObject[] {
  const roles = Object.entries(CLUSTER_ROLES).map(([name, rules]) => ({
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRole',
    metadata: { name, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
    rules,
  }));
  const bindings = Object.entries(CLUSTER_BINDINGS).map(([name, entries]) => ({
    apiVersion: `${RBAC}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' } },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: entries[0]?.[0] ?? '' },
    subjects: entries.map(([, kind, subject]) => ({ apiGroup: RBAC, kind, name: subject })),
  }));
  return [...roles, ...bindings];
}

export const SYSTEM_NAMESPACES = ['default', 'kube-node-lease', 'kube-public', 'kube-system'];

/** The service that pods reach the API through; it has the first address of the service range. */
export function kubernetesService(clusterIp: string, securePort: number): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'kubernetes',
      namespace: 'default',
      labels: { component: 'apiserver', provider: 'kubernetes' },
    },
    spec: {
      clusterIP: clusterIp,
      clusterIPs: [clusterIp],
      ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: securePort }],
      sessionAffinity: 'None',
      type: 'ClusterIP',
    },
    status: { loadBalancer: {} },
  };
}
