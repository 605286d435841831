/**
 * The columns of `kubectl get`, by kind. Source: the API server's own table printers
 * (pkg/printers/internalversion).
 */
import type { KubeObject } from '../../objects.js';
import { at, listAt, mapAt, numberAt, textAt } from '../../tree.js';
import {
  accessModes,
  age,
  ageOf,
  bindingCells,
  containers,
  csrCondition,
  endpoints,
  externalAddress,
  intOrText,
  isDefaultClass,
  jobDuration,
  jobStatus,
  n,
  nodeCells,
  NONE,
  or,
  podCells,
  ports,
  selectorText,
  t,
} from './cells.js';

export interface Columns {
  readonly headings: readonly string[];
  /** Further headings of -o wide; the cells follow the same way. */
  readonly wide: readonly string[];
  readonly cells: (object: KubeObject, nowMs: number) => readonly string[];
}

function columns(
  headings: string,
  wide: string,
  cells: (object: KubeObject, nowMs: number) => readonly string[],
): Columns {
  const split = (line: string): string[] => (line === '' ? [] : line.split('|'));
  return { headings: split(headings), wide: split(wide), cells };
}

const TABLE: Readonly<Record<string, Columns>> = {
  Node: columns(
    'NAME|STATUS|ROLES|AGE|VERSION',
    'INTERNAL-IP|EXTERNAL-IP|OS-IMAGE|KERNEL-VERSION|CONTAINER-RUNTIME',
    nodeCells,
  ),
  Pod: columns('NAME|READY|STATUS|RESTARTS|AGE', 'IP|NODE|NOMINATED NODE|READINESS GATES', podCells),
  Lease: columns('NAME|HOLDER|AGE', '', (o, now) => [
    o.metadata.name,
    t(o, 'spec', 'holderIdentity'),
    age(o, now),
  ]),
  Event: columns('LAST SEEN|TYPE|REASON|OBJECT|MESSAGE', '', (o, now) => [
    ageOf(textAt(o, 'lastTimestamp') ?? textAt(o, 'eventTime') ?? o.metadata.creationTimestamp, now),
    t(o, 'type'),
    t(o, 'reason'),
    `${t(o, 'involvedObject', 'kind').toLowerCase()}/${t(o, 'involvedObject', 'name')}`,
    t(o, 'message').trim(),
  ]),
  Namespace: columns('NAME|STATUS|AGE', '', (o, now) => [
    o.metadata.name,
    or(t(o, 'status', 'phase'), 'Active'),
    age(o, now),
  ]),
  Deployment: columns('NAME|READY|UP-TO-DATE|AVAILABLE|AGE', 'CONTAINERS|IMAGES|SELECTOR', (o, now) => [
    o.metadata.name,
    `${n(o, 'status', 'readyReplicas')}/${numberAt(o, 'spec', 'replicas') ?? 1}`,
    n(o, 'status', 'updatedReplicas'),
    n(o, 'status', 'availableReplicas'),
    age(o, now),
    ...containers(o),
    selectorText(at(o, 'spec', 'selector')),
  ]),
  DaemonSet: columns(
    'NAME|DESIRED|CURRENT|READY|UP-TO-DATE|AVAILABLE|NODE SELECTOR|AGE',
    'CONTAINERS|IMAGES|SELECTOR',
    (o, now) => [
      o.metadata.name,
      n(o, 'status', 'desiredNumberScheduled'),
      n(o, 'status', 'currentNumberScheduled'),
      n(o, 'status', 'numberReady'),
      n(o, 'status', 'updatedNumberScheduled'),
      n(o, 'status', 'numberAvailable'),
      selectorText({ matchLabels: mapAt(o, 'spec', 'template', 'spec', 'nodeSelector') }),
      age(o, now),
      ...containers(o),
      selectorText(at(o, 'spec', 'selector')),
    ],
  ),
  StatefulSet: columns('NAME|READY|AGE', 'CONTAINERS|IMAGES', (o, now) => [
    o.metadata.name,
    `${n(o, 'status', 'readyReplicas')}/${numberAt(o, 'spec', 'replicas') ?? 1}`,
    age(o, now),
    ...containers(o),
  ]),
  ReplicaSet: columns('NAME|DESIRED|CURRENT|READY|AGE', 'CONTAINERS|IMAGES|SELECTOR', (o, now) => [
    o.metadata.name,
    String(numberAt(o, 'spec', 'replicas') ?? 1),
    n(o, 'status', 'replicas'),
    n(o, 'status', 'readyReplicas'),
    age(o, now),
    ...containers(o),
    selectorText(at(o, 'spec', 'selector')),
  ]),
  Job: columns('NAME|STATUS|COMPLETIONS|DURATION|AGE', 'CONTAINERS|IMAGES|SELECTOR', (o, now) => [
    o.metadata.name,
    jobStatus(o),
    `${n(o, 'status', 'succeeded')}/${numberAt(o, 'spec', 'completions') ?? 1}`,
    jobDuration(o, now),
    age(o, now),
    ...containers(o),
    selectorText(at(o, 'spec', 'selector')),
  ]),
  Secret: columns('NAME|TYPE|DATA|AGE', '', (o, now) => [
    o.metadata.name,
    or(t(o, 'type'), 'Opaque'),
    String(Object.keys(mapAt(o, 'data')).length),
    age(o, now),
  ]),
  ConfigMap: columns('NAME|DATA|AGE', '', (o, now) => [
    o.metadata.name,
    String(Object.keys(mapAt(o, 'data')).length + Object.keys(mapAt(o, 'binaryData')).length),
    age(o, now),
  ]),
  Service: columns('NAME|TYPE|CLUSTER-IP|EXTERNAL-IP|PORT(S)|AGE', 'SELECTOR', (o, now) => [
    o.metadata.name,
    or(t(o, 'spec', 'type'), 'ClusterIP'),
    or(t(o, 'spec', 'clusterIP'), NONE),
    externalAddress(o),
    ports(o),
    age(o, now),
    selectorText({ matchLabels: mapAt(o, 'spec', 'selector') }),
  ]),
  Endpoints: columns('NAME|ENDPOINTS|AGE', '', (o, now) => [
    o.metadata.name,
    or(endpoints(o), NONE),
    age(o, now),
  ]),
  ServiceAccount: columns('NAME|SECRETS|AGE', '', (o, now) => [
    o.metadata.name,
    String(listAt(o, 'secrets').length),
    age(o, now),
  ]),
  PodDisruptionBudget: columns('NAME|MIN AVAILABLE|MAX UNAVAILABLE|ALLOWED DISRUPTIONS|AGE', '', (o, now) => [
    o.metadata.name,
    intOrText(at(o, 'spec', 'minAvailable')),
    intOrText(at(o, 'spec', 'maxUnavailable')),
    n(o, 'status', 'disruptionsAllowed'),
    age(o, now),
  ]),
  CertificateSigningRequest: columns(
    'NAME|AGE|SIGNERNAME|REQUESTOR|REQUESTEDDURATION|CONDITION',
    '',
    (o, now) => [
      o.metadata.name,
      age(o, now),
      or(t(o, 'spec', 'signerName'), NONE),
      t(o, 'spec', 'username'),
      NONE,
      csrCondition(o),
    ],
  ),
  PersistentVolume: columns(
    'NAME|CAPACITY|ACCESS MODES|RECLAIM POLICY|STATUS|CLAIM|STORAGECLASS|VOLUMEATTRIBUTESCLASS|REASON|AGE',
    'VOLUMEMODE',
    (o, now) => [
      ...[o.metadata.name, t(o, 'spec', 'capacity', 'storage'), accessModes(o)],
      or(t(o, 'spec', 'persistentVolumeReclaimPolicy'), 'Retain'),
      t(o, 'status', 'phase'),
      textAt(o, 'spec', 'claimRef', 'name') === null
        ? ''
        : `${t(o, 'spec', 'claimRef', 'namespace')}/${t(o, 'spec', 'claimRef', 'name')}`,
      ...[t(o, 'spec', 'storageClassName'), '<unset>', '', age(o, now), 'Filesystem'],
    ],
  ),
  PersistentVolumeClaim: columns(
    'NAME|STATUS|VOLUME|CAPACITY|ACCESS MODES|STORAGECLASS|VOLUMEATTRIBUTESCLASS|AGE',
    'VOLUMEMODE',
    (o, now) => [
      ...[o.metadata.name, t(o, 'status', 'phase'), t(o, 'spec', 'volumeName')],
      ...[t(o, 'status', 'capacity', 'storage'), accessModes(o), t(o, 'spec', 'storageClassName')],
      ...['<unset>', age(o, now), 'Filesystem'],
    ],
  ),
  StorageClass: columns(
    'NAME|PROVISIONER|RECLAIMPOLICY|VOLUMEBINDINGMODE|ALLOWVOLUMEEXPANSION|AGE',
    '',
    (o, now) => [
      `${o.metadata.name}${isDefaultClass(o) ? ' (default)' : ''}`,
      t(o, 'provisioner'),
      or(t(o, 'reclaimPolicy'), 'Delete'),
      or(t(o, 'volumeBindingMode'), 'Immediate'),
      String(at(o, 'allowVolumeExpansion') === true),
      age(o, now),
    ],
  ),
  IngressClass: columns('NAME|CONTROLLER|PARAMETERS|AGE', '', (o, now) => [
    o.metadata.name,
    t(o, 'spec', 'controller'),
    NONE,
    age(o, now),
  ]),
  PriorityClass: columns('NAME|VALUE|GLOBAL-DEFAULT|AGE|PREEMPTIONPOLICY', '', (o, now) => [
    ...[o.metadata.name, n(o, 'value'), String(at(o, 'globalDefault') === true), age(o, now)],
    or(t(o, 'preemptionPolicy'), 'PreemptLowerPriority'),
  ]),
  CustomResourceDefinition: columns('NAME|CREATED AT', '', (o) => [
    o.metadata.name,
    o.metadata.creationTimestamp ?? '',
  ]),
  ClusterRole: columns('NAME|CREATED AT', '', (o) => [o.metadata.name, o.metadata.creationTimestamp ?? '']),
  Role: columns('NAME|CREATED AT', '', (o) => [o.metadata.name, o.metadata.creationTimestamp ?? '']),
  ClusterRoleBinding: columns('NAME|ROLE|AGE', '', bindingCells),
  RoleBinding: columns('NAME|ROLE|AGE', '', bindingCells),
};

const PLAIN = columns('NAME|AGE', '', (o, now) => [o.metadata.name, age(o, now)]);

export function columnsOf(kind: string): Columns {
  return TABLE[kind] ?? PLAIN;
}
