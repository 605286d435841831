/**
 * The Cilium chart: agents, Envoy proxies and the operator. Values read: k8sServiceHost, k8sServicePort,
 * kubeProxyReplacement, ipam.mode, operator.replicas, envoy.enabled. Hubble, the init containers and Cilium's own CRDs,
 * which its operator registers, are left out.
 */
import type { KubeObject } from '../../../objects.js';
import { at, numberAt, textAt } from '../../../tree.js';
import {
  clusterRole,
  configMap,
  daemonSet,
  deployment,
  serviceAccount,
  TOLERATE_ALL,
  type Chart,
  type ChartRelease,
} from '../chart.js';

const READ = {
  apiGroups: [''],
  resources: ['nodes', 'pods', 'services', 'namespaces'],
  verbs: ['get', 'list', 'watch'],
};

export const cilium: Chart = {
  name: 'cilium',
  repo: 'https://helm.cilium.io/',
  versions: { '1.18.14': '1.18.14', '1.17.9': '1.17.9', '1.16.5': '1.16.5' },
  objects,
  before: () => [],
  after: () => [],
};

function objects(release: ChartRelease): KubeObject[] {
  const { values, appVersion } = release;
  const host = textAt(values, 'k8sServiceHost');
  const port = numberAt(values, 'k8sServicePort') ?? textAt(values, 'k8sServicePort') ?? 6_443;
  const env =
    host === null
      ? []
      : [
          { name: 'KUBERNETES_SERVICE_HOST', value: host },
          { name: 'KUBERNETES_SERVICE_PORT', value: String(port) },
        ];
  const agent = { 'k8s-app': 'cilium', 'app.kubernetes.io/part-of': 'cilium' };
  const operator = { 'io.cilium/app': 'operator', name: 'cilium-operator' };
  const onHost = { hostNetwork: true, tolerations: TOLERATE_ALL };
  return [
    serviceAccount(release, 'cilium'),
    serviceAccount(release, 'cilium-operator'),
    configMap(release, 'cilium-config', {
      'cluster-name': textAt(values, 'cluster', 'name') ?? 'default',
      ipam: textAt(values, 'ipam', 'mode') ?? 'cluster-pool',
      'kube-proxy-replacement': String(at(values, 'kubeProxyReplacement') === true),
    }),
    ...clusterRole(release, 'cilium', [READ]),
    ...clusterRole(release, 'cilium-operator', [READ]),
    daemonSet(release, {
      name: 'cilium',
      labels: agent,
      image: `quay.io/cilium/cilium:v${appVersion}`,
      args: ['--config-dir=/tmp/cilium/config-map'],
      env,
      spec: { ...onHost, serviceAccountName: 'cilium', priorityClassName: 'system-node-critical' },
    }),
    ...(at(values, 'envoy', 'enabled') === false
      ? []
      : [
          daemonSet(release, {
            name: 'cilium-envoy',
            labels: { 'k8s-app': 'cilium-envoy', name: 'cilium-envoy' },
            image: 'quay.io/cilium/cilium-envoy:v1.34.10',
            spec: { ...onHost, priorityClassName: 'system-node-critical' },
          }),
        ]),
    deployment(
      release,
      {
        name: 'cilium-operator',
        labels: operator,
        image: `quay.io/cilium/operator-generic:v${appVersion}`,
        env,
        spec: {
          ...onHost,
          serviceAccountName: 'cilium-operator',
          affinity: {
            podAntiAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [
                {
                  labelSelector: { matchLabels: { 'io.cilium/app': 'operator' } },
                  topologyKey: 'kubernetes.io/hostname',
                },
              ],
            },
          },
        },
      },
      numberAt(values, 'operator', 'replicas') ?? 2,
    ),
  ];
}
