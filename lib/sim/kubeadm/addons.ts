/** The addons CoreDNS and kube-proxy, with as much of their objects as anything in the simulated world reads. */
import type { ApiClient } from '../api-client.js';
import type { KubeObject } from '../objects.js';
import type { Sim } from '../task.js';
import type { Tree } from '../tree.js';
import { createOrUpdate, kubeSystem } from './api.js';
import { clusterServer } from './config-read.js';
import type { InitConfig } from './config-model.js';
import { say, type Kubeadm } from './context.js';
import { componentImage, corednsImage } from './images.js';
import { addressInSubnet } from './pki-files.js';
import { bindClusterRole, createClusterRole } from './rbac.js';

const DEPLOYMENTS = '/apis/apps/v1/namespaces/kube-system/deployments';
const DAEMON_SETS = '/apis/apps/v1/namespaces/kube-system/daemonsets';
const CONTROL_PLANE_TAINT = 'node-role.kubernetes.io/control-plane';

export function* installCoreDns(kubeadm: Kubeadm, client: ApiClient, config: InitConfig): Sim<void> {
  const budgetMs = config.timeouts.kubernetesAPICall;
  const create = (collection: string, object: KubeObject): Sim<void> =>
    createOrUpdate(kubeadm, client, collection, object, budgetMs);
  yield* create(kubeSystem('configmaps'), {
    ...named('v1', 'ConfigMap', 'coredns'),
    data: { Corefile: corefile(config.cluster.dnsDomain) },
  });
  const rules = [
    {
      apiGroups: [''],
      resources: ['endpoints', 'services', 'pods', 'namespaces'],
      verbs: ['list', 'watch'],
    },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  ];
  yield* createClusterRole(kubeadm, client, 'system:coredns', rules, budgetMs);
  const account = { kind: 'ServiceAccount', name: 'coredns', namespace: 'kube-system' } as const;
  yield* bindClusterRole(kubeadm, client, 'system:coredns', 'system:coredns', account, budgetMs);
  yield* create(kubeSystem('serviceaccounts'), named('v1', 'ServiceAccount', 'coredns'));
  yield* create(DEPLOYMENTS, coreDnsDeployment(config));
  yield* create(kubeSystem('services'), dnsService(config));
  say(kubeadm, '[addons] Applied essential addon: CoreDNS');
}

export function* installKubeProxy(kubeadm: Kubeadm, client: ApiClient, config: InitConfig): Sim<void> {
  const budgetMs = config.timeouts.kubernetesAPICall;
  const create = (collection: string, object: KubeObject): Sim<void> =>
    createOrUpdate(kubeadm, client, collection, object, budgetMs);
  const server = clusterServer(config.cluster, config.endpoint);
  yield* create(kubeSystem('serviceaccounts'), named('v1', 'ServiceAccount', 'kube-proxy'));
  const account = { kind: 'ServiceAccount', name: 'kube-proxy', namespace: 'kube-system' } as const;
  const binding = 'kubeadm:node-proxier';
  yield* bindClusterRole(kubeadm, client, binding, 'system:node-proxier', account, budgetMs);
  yield* create(kubeSystem('configmaps'), {
    ...named('v1', 'ConfigMap', 'kube-proxy'),
    data: { 'config.conf': proxyConfiguration(config), 'kubeconfig.conf': proxyKubeconfig(server) },
  });
  yield* create(DAEMON_SETS, proxyDaemonSet(config));
  say(kubeadm, '[addons] Applied essential addon: kube-proxy');
}

function named(apiVersion: string, kind: string, name: string, labels?: Record<string, string>): KubeObject {
  const metadata = { name, namespace: 'kube-system', ...(labels === undefined ? {} : { labels }) };
  return { apiVersion, kind, metadata };
}

function coreDnsDeployment(config: InitConfig): KubeObject {
  const labels = { 'k8s-app': 'kube-dns' };
  const container = {
    name: 'coredns',
    image: corednsImage(config.cluster),
    imagePullPolicy: 'IfNotPresent',
    args: ['-conf', '/etc/coredns/Corefile'],
    livenessProbe: httpProbe('/health', 8_080, { initialDelaySeconds: 60, failureThreshold: 5 }),
    readinessProbe: httpProbe('/ready', 8_181, {}),
    ports: [{ name: 'dns', containerPort: 53, protocol: 'UDP' }],
    resources: { limits: { memory: '170Mi' }, requests: { cpu: '100m', memory: '70Mi' } },
  };
  return {
    ...named('apps/v1', 'Deployment', 'coredns', labels),
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
      template: {
        metadata: { labels },
        spec: {
          containers: [container],
          dnsPolicy: 'Default',
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          priorityClassName: 'system-cluster-critical',
          serviceAccountName: 'coredns',
          tolerations: [
            { key: 'CriticalAddonsOnly', operator: 'Exists' },
            { effect: 'NoSchedule', key: CONTROL_PLANE_TAINT },
          ],
        },
      },
    },
  };
}

function httpProbe(path: string, port: number, numbers: Tree): Tree {
  return { ...numbers, httpGet: { path, port, scheme: 'HTTP' }, timeoutSeconds: 5 };
}

function dnsService(config: InitConfig): KubeObject {
  const labels = {
    'k8s-app': 'kube-dns',
    'kubernetes.io/cluster-service': 'true',
    'kubernetes.io/name': 'CoreDNS',
  };
  return {
    ...named('v1', 'Service', 'kube-dns', labels),
    spec: {
      clusterIP: addressInSubnet(config.cluster.serviceSubnet, 10),
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
        { name: 'metrics', port: 9_153, protocol: 'TCP', targetPort: 9_153 },
      ],
      selector: { 'k8s-app': 'kube-dns' },
      type: 'ClusterIP',
    },
  };
}

function corefile(domain: string): string {
  return `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes ${domain} in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success ${domain}
       disable denial ${domain}
    }
    loop
    reload
    loadbalance
}
`;
}

function proxyDaemonSet(config: InitConfig): KubeObject {
  const labels = { 'k8s-app': 'kube-proxy' };
  const container = {
    name: 'kube-proxy',
    image: componentImage(config.cluster, 'kube-proxy'),
    imagePullPolicy: 'IfNotPresent',
    command: [
      '/usr/local/bin/kube-proxy',
      '--config=/var/lib/kube-proxy/config.conf',
      '--hostname-override=$(NODE_NAME)',
    ],
    env: [{ name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
    securityContext: { privileged: true },
  };
  return {
    ...named('apps/v1', 'DaemonSet', 'kube-proxy', labels),
    spec: {
      selector: { matchLabels: labels },
      updateStrategy: { type: 'RollingUpdate' },
      template: {
        metadata: { labels },
        spec: {
          containers: [container],
          hostNetwork: true,
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          priorityClassName: 'system-node-critical',
          serviceAccountName: 'kube-proxy',
          tolerations: [{ operator: 'Exists' }],
        },
      },
    },
  };
}

function proxyConfiguration(config: InitConfig): string {
  const mode = typeof config.proxy['mode'] === 'string' ? config.proxy['mode'] : '';
  const lines = [
    'apiVersion: kubeproxy.config.k8s.io/v1alpha1',
    'kind: KubeProxyConfiguration',
    'bindAddress: 0.0.0.0',
    `clusterCIDR: ${config.cluster.podSubnet ?? '""'}`,
    'clientConnection:',
    '  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf',
    `mode: ${mode === '' ? '""' : mode}`,
  ];
  return `${lines.join('\n')}\n`;
}

function proxyKubeconfig(server: string): string {
  const account = '/var/run/secrets/kubernetes.io/serviceaccount';
  return `apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority: ${account}/ca.crt
    server: ${server}
  name: default
contexts:
- context:
    cluster: default
    namespace: default
    user: default
  name: default
current-context: default
users:
- name: default
  user:
    tokenFile: ${account}/token
`;
}
