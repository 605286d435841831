/** What the API server adds to objects when they are created, and when an object is done for. */
import { toBase64 } from '../../base/base64.js';
import type { KubeObject } from '../objects.js';
import { at, listAt, mapAt, textAt } from '../tree.js';
import type { RestCall } from './rest.js';

const WITH_GENERATION = new Set([
  'deployments',
  'replicasets',
  'daemonsets',
  'statefulsets',
  'jobs',
  'cronjobs',
  'poddisruptionbudgets',
  'ingresses',
  'pods',
]);
const DEFAULT_REPLICAS = new Set(['deployments', 'replicasets', 'statefulsets']);
/** DefaultTolerationSeconds: pods outlive an unreachable node by five minutes. */
const DEFAULT_TOLERATIONS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

export function admit(call: RestCall, wanted: KubeObject): KubeObject {
  const { type } = call;
  let object = type.hasStatus && type.resource !== 'nodes' ? withoutStatus(wanted) : wanted;
  if (WITH_GENERATION.has(type.resource) && type.resource !== 'pods')
    object = { ...object, metadata: { ...object.metadata, generation: 1 } };
  if (DEFAULT_REPLICAS.has(type.resource) && at(object, 'spec', 'replicas') === undefined)
    object = { ...object, spec: { ...mapAt(object, 'spec'), replicas: 1 } };
  switch (type.resource) {
    case 'pods':
      return admitPod(object);
    case 'namespaces':
      return admitNamespace(object);
    case 'services':
      return admitService(call, object);
    case 'secrets':
      return withEncodedSecret(object);
    case 'certificatesigningrequests':
      // Who asks is what the server saw, whatever the request says.
      return {
        ...object,
        spec: { ...mapAt(object, 'spec'), username: call.user.name, groups: call.user.groups },
      };
    case 'customresourcedefinitions':
      return { ...object, status: { conditions: [{ type: 'Established', status: 'True' }] } };
    default:
      return object;
  }
}

function admitPod(pod: KubeObject): KubeObject {
  const spec = mapAt(pod, 'spec');
  const tolerations = listAt(spec, 'tolerations');
  const added = DEFAULT_TOLERATIONS.filter(
    (key) =>
      !tolerations.some((one) => {
        const tolerated = textAt(one, 'key');
        const effect = textAt(one, 'effect');
        return (tolerated === key || tolerated === null) && (effect === null || effect === 'NoExecute');
      }),
  ).map((key) => ({ effect: 'NoExecute', key, operator: 'Exists', tolerationSeconds: 300 }));
  // A mirror pod belongs to its kubelet, which tolerates everything for it.
  const mirror = at(pod, 'metadata', 'annotations', 'kubernetes.io/config.mirror') !== undefined;
  return {
    ...pod,
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      schedulerName: 'default-scheduler',
      ...spec,
      tolerations: mirror ? tolerations : [...tolerations, ...added],
    },
    status: { phase: 'Pending', qosClass: 'BestEffort' },
  };
}

function admitNamespace(namespace: KubeObject): KubeObject {
  const { name, labels } = namespace.metadata;
  return {
    ...namespace,
    metadata: { ...namespace.metadata, labels: { ...labels, 'kubernetes.io/metadata.name': name } },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
}

function admitService(call: RestCall, service: KubeObject): KubeObject {
  const spec = mapAt(service, 'spec');
  if (spec['clusterIP'] !== undefined || spec['type'] === 'ExternalName')
    return { ...service, status: { loadBalancer: {} } };
  const clusterIP = call.server.freeServiceAddress();
  return {
    ...service,
    spec: { sessionAffinity: 'None', type: 'ClusterIP', ...spec, clusterIP, clusterIPs: [clusterIP] },
    status: { loadBalancer: {} },
  };
}

/** `stringData` is a convenience for writers; it is stored as `data`. */
function withEncodedSecret(secret: KubeObject): KubeObject {
  const { stringData, ...rest } = secret;
  if (stringData === undefined) return { ...rest, type: secret['type'] ?? 'Opaque' } as KubeObject;
  const encoded = Object.entries(mapAt(secret, 'stringData')).map(([key, value]) => [
    key,
    toBase64(String(value)),
  ]);
  return {
    ...rest,
    type: secret['type'] ?? 'Opaque',
    data: { ...mapAt(secret, 'data'), ...(Object.fromEntries(encoded) as Record<string, string>) },
  } as KubeObject;
}

/** Marked for deletion, and the last finalizer is gone. */
export function isFinal(object: KubeObject): boolean {
  if (object.metadata.deletionTimestamp === undefined) return false;
  if (object.kind === 'Pod') return false;
  const finalizers = object.kind === 'Namespace' ? listAt(object, 'spec', 'finalizers') : [];
  return finalizers.length === 0 && listAt(object, 'metadata', 'finalizers').length === 0;
}

export function withoutStatus(object: KubeObject): KubeObject {
  const { status: _status, ...rest } = object;
  return rest as KubeObject;
}
