/**
 * The ingress-nginx chart: controller, admission webhook and the two Jobs that make its certificate. Values read:
 * controller.kind, controller.replicaCount, controller.service.type, controller.ingressClassResource.default. Serving
 * Ingresses is left out.
 */
import type { KubeObject } from '../../../objects.js';
import { at, numberAt, textAt } from '../../../tree.js';
import {
  clusterRole,
  configMap,
  daemonSet,
  deployment,
  job,
  meta,
  service,
  serviceAccount,
  type Chart,
  type ChartRelease,
} from '../chart.js';

export const ingressNginx: Chart = {
  name: 'ingress-nginx',
  repo: 'https://kubernetes.github.io/ingress-nginx',
  versions: { '4.13.3': '1.13.3', '4.12.1': '1.12.1', '4.11.3': '1.11.3' },
  objects,
  before: (release) => [
    serviceAccount(release, `${release.name}-admission`),
    admissionJob(release, 'create', ['create', `--secret-name=${release.name}-admission`]),
  ],
  after: (release) => [admissionJob(release, 'patch', ['patch', `--webhook-name=${release.name}-admission`])],
};

function labels(release: ChartRelease, component: string): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'ingress-nginx',
    'app.kubernetes.io/instance': release.name,
    'app.kubernetes.io/component': component,
  };
}

function admissionJob(release: ChartRelease, name: string, args: readonly string[]): KubeObject {
  return job(release, {
    name: `${release.name}-admission-${name}`,
    labels: labels(release, 'admission-webhook'),
    image: 'registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1.6.3',
    args,
    spec: { serviceAccountName: `${release.name}-admission` },
  });
}

function objects(release: ChartRelease): KubeObject[] {
  const { name, values, appVersion } = release;
  const controller = `${name}-controller`;
  const selector = labels(release, 'controller');
  const workload = {
    name: controller,
    labels: selector,
    image: `registry.k8s.io/ingress-nginx/controller:v${appVersion}`,
    args: ['/nginx-ingress-controller', '--election-id=ingress-nginx-leader'],
    spec: { serviceAccountName: name, nodeSelector: { 'kubernetes.io/os': 'linux' } },
  };
  const isDaemonSet = textAt(values, 'controller', 'kind') === 'DaemonSet';
  const type = textAt(values, 'controller', 'service', 'type') ?? 'LoadBalancer';
  const read = {
    apiGroups: [''],
    resources: ['configmaps', 'endpoints', 'services'],
    verbs: ['list', 'watch'],
  };
  return [
    serviceAccount(release, name),
    configMap(release, controller, {}),
    ...clusterRole(release, name, [read]),
    service(release, `${controller}-admission`, selector, [{ name: 'https-webhook', port: 443 }]),
    service(
      release,
      controller,
      selector,
      [
        { name: 'http', port: 80 },
        { name: 'https', port: 443 },
      ],
      type,
    ),
    isDaemonSet
      ? daemonSet(release, workload)
      : deployment(release, workload, numberAt(values, 'controller', 'replicaCount') ?? 1),
    ingressClass(release),
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: `${name}-admission`, labels: meta(release, name, selector).labels },
      webhooks: [{ name: 'validate.nginx.ingress.kubernetes.io', failurePolicy: 'Fail' }],
    },
  ];
}

function ingressClass(release: ChartRelease): KubeObject {
  const isDefault = at(release.values, 'controller', 'ingressClassResource', 'default') === true;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: {
      name: 'nginx',
      ...(isDefault ? { annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } } : {}),
    },
    spec: { controller: 'k8s.io/ingress-nginx' },
  };
}
