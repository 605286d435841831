/**
 * The Longhorn chart: manager, UI, driver deployer, storage class and the CRDs that people look at. Values read:
 * longhornUI.replicas, persistence.defaultClass, persistence.defaultClassReplicaCount. The CSI sidecars, which the
 * driver deployer creates at run time, and volumes themselves are left out.
 */
import type { KubeObject } from '../../../objects.js';
import { at, mapAt, numberAt } from '../../../tree.js';
import {
  clusterRole,
  configMap,
  daemonSet,
  definition,
  deployment,
  service,
  serviceAccount,
  type Chart,
  type ChartRelease,
} from '../chart.js';

const KINDS: readonly (readonly [string, string])[] = [
  ['Engine', 'engines'],
  ['EngineImage', 'engineimages'],
  ['InstanceManager', 'instancemanagers'],
  ['Node', 'nodes'],
  ['Replica', 'replicas'],
  ['Setting', 'settings'],
  ['Volume', 'volumes'],
];

export const longhorn: Chart = {
  name: 'longhorn',
  repo: 'https://charts.longhorn.io',
  versions: { '1.8.1': 'v1.8.1', '1.7.3': 'v1.7.3' },
  objects,
  before: () => [],
  after: () => [],
};

function objects(release: ChartRelease): KubeObject[] {
  const { values, appVersion } = release;
  const account = 'longhorn-service-account';
  const manager = { app: 'longhorn-manager' };
  const ui = { app: 'longhorn-ui' };
  const settings = Object.entries(mapAt(values, 'defaultSettings')).map(
    ([key, value]) => `${key}: ${String(value)}`,
  );
  const all = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };
  return [
    {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name: 'longhorn-critical' },
      value: 1_000_000_000,
    },
    serviceAccount(release, account),
    configMap(release, 'longhorn-default-setting', { 'default-setting.yaml': settings.join('\n') }),
    storageClass(release),
    ...KINDS.map(([kind, plural]) => definition('longhorn.io', kind, plural, 'v1beta2')),
    ...clusterRole(release, account, [all]),
    service(release, 'longhorn-backend', manager, [{ name: 'manager', port: 9_500 }]),
    service(release, 'longhorn-frontend', ui, [{ name: 'http', port: 80 }]),
    daemonSet(release, {
      name: 'longhorn-manager',
      labels: manager,
      image: `docker.io/longhornio/longhorn-manager:${appVersion}`,
      args: ['longhorn-manager', '-d', 'daemon'],
      spec: { serviceAccountName: account, priorityClassName: 'longhorn-critical' },
    }),
    deployment(
      release,
      {
        name: 'longhorn-driver-deployer',
        labels: { app: 'longhorn-driver-deployer' },
        image: `docker.io/longhornio/longhorn-driver-deployer:${appVersion}`,
        spec: { serviceAccountName: account },
      },
      1,
    ),
    deployment(
      release,
      {
        name: 'longhorn-ui',
        labels: ui,
        image: `docker.io/longhornio/longhorn-ui:${appVersion}`,
        spec: { serviceAccountName: account },
      },
      numberAt(values, 'longhornUI', 'replicas') ?? 2,
    ),
  ];
}

/** In the real world the manager makes it from a ConfigMap. */
function storageClass(release: ChartRelease): KubeObject {
  const isDefault = at(release.values, 'persistence', 'defaultClass') !== false;
  const replicas = numberAt(release.values, 'persistence', 'defaultClassReplicaCount') ?? 3;
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: {
      name: 'longhorn',
      annotations: { 'storageclass.kubernetes.io/is-default-class': String(isDefault) },
    },
    provisioner: 'driver.longhorn.io',
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'Immediate',
    allowVolumeExpansion: true,
    parameters: { numberOfReplicas: String(replicas) },
  };
}
