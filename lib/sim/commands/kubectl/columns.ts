/** The columns of `kubectl get`, by kind. Source: the API server's own table printers (pkg/printers/internalversion). */
import { humanDuration, parseRfc3339 } from '../../../base/calendar.js';
import type { KubeObject } from '../../objects.js';
import { at, listAt, mapAt, numberAt, textAt, textsAt } from '../../tree.js';
import { EPOCH_UNIX_MS } from '../../world.js';
import { podStatus } from './pod-status.js';

export interface Columns {
  readonly headings: readonly string[];
  /** Further headings of -o wide; the cells follow the same way. */
  readonly wide: readonly string[];
  readonly cells: (object: KubeObject, nowMs: number) => readonly string[];
}

const NONE = '<none>';

/** The age of a moment: `5m`; `<unknown>` when there is none. */
export function ageOf(time: string | null | undefined, nowMs: number): string {
  const unixMs = time === null || time === undefined ? null : parseRfc3339(shortFraction(time));
  return unixMs === null ? '<unknown>' : humanDuration(EPOCH_UNIX_MS + nowMs - unixMs);
}

function shortFraction(time: string): string {
  return time.replace(/(\.\d{9})\d+Z$/, '$1Z');
}

function age(object: KubeObject, nowMs: number): string {
  return ageOf(object.metadata.creationTimestamp, nowMs);
}

function columns(
  headings: string,
  wide: string,
  cells: (object: KubeObject, nowMs: number) => readonly string[],
): Columns {
  const split = (line: string): string[] => (line === '' ? [] : line.split('|'));
  return { headings: split(headings), wide: split(wide), cells };
}

const n = (object: unknown, ...path: string[]): string => String(numberAt(object, ...path) ?? 0);
const t = (object: unknown, ...path: string[]): string => textAt(object, ...path) ?? '';
const or = (text: string, fallback: string): string => (text === '' ? fallback : text);

function nodeCells(node: KubeObject, nowMs: number): string[] {
  const address = (type: string): string =>
    t(
      listAt(node, 'status', 'addresses').find((one) => textAt(one, 'type') === type),
      'address',
    );
  const info = mapAt(node, 'status', 'nodeInfo');
  return [
    node.metadata.name,
    nodeStatus(node),
    nodeRoles(node),
    age(node, nowMs),
    t(info, 'kubeletVersion'),
    or(address('InternalIP'), NONE),
    or(address('ExternalIP'), NONE),
    or(t(info, 'osImage'), '<unknown>'),
    or(t(info, 'kernelVersion'), '<unknown>'),
    or(t(info, 'containerRuntimeVersion'), '<unknown>'),
  ];
}

export function nodeStatus(node: KubeObject): string {
  const ready = listAt(node, 'status', 'conditions').find((one) => textAt(one, 'type') === 'Ready');
  const status = ready === undefined ? 'Unknown' : textAt(ready, 'status') === 'True' ? 'Ready' : 'NotReady';
  return at(node, 'spec', 'unschedulable') === true ? `${status},SchedulingDisabled` : status;
}

export function nodeRoles(node: KubeObject): string {
  const roles = Object.entries(node.metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith('node-role.kubernetes.io/')) return [key.slice('node-role.kubernetes.io/'.length)];
    return key === 'kubernetes.io/role' ? [value] : [];
  });
  return or(roles.sort().join(','), NONE);
}

function podCells(pod: KubeObject, nowMs: number): string[] {
  const { ready, total, restarts, lastRestart, reason } = podStatus(pod);
  const ago = restarts > 0 && lastRestart !== null ? ` (${ageOf(lastRestart, nowMs)} ago)` : '';
  return [
    pod.metadata.name,
    `${ready}/${total}`,
    reason,
    `${restarts}${ago}`,
    age(pod, nowMs),
    or(t(pod, 'status', 'podIP'), NONE),
    or(t(pod, 'spec', 'nodeName'), NONE),
    or(t(pod, 'status', 'nominatedNodeName'), NONE),
    NONE,
  ];
}

function containers(object: KubeObject): [string, string] {
  const all = listAt(object, 'spec', 'template', 'spec', 'containers');
  return [all.map((one) => t(one, 'name')).join(','), all.map((one) => t(one, 'image')).join(',')];
}

function selectorText(selector: unknown): string {
  const labels = Object.entries(mapAt(selector, 'matchLabels')).map(
    ([key, value]) => `${key}=${String(value)}`,
  );
  return or(labels.sort().join(','), NONE);
}

function ports(service: KubeObject): string {
  const all = listAt(service, 'spec', 'ports').map((port) => {
    const node = numberAt(port, 'nodePort');
    return `${n(port, 'port')}${node === null ? '' : `:${node}`}/${or(t(port, 'protocol'), 'TCP')}`;
  });
  return or(all.join(','), NONE);
}

function externalAddress(service: KubeObject): string {
  const type = t(service, 'spec', 'type');
  const given = textsAt(service, 'spec', 'externalIPs');
  const ingress = listAt(service, 'status', 'loadBalancer', 'ingress').map((one) => t(one, 'ip'));
  if (type === 'LoadBalancer') return or([...ingress, ...given].join(','), '<pending>');
  return or(given.join(','), NONE);
}

function jobStatus(job: KubeObject): string {
  const holds = (type: string): boolean =>
    listAt(job, 'status', 'conditions').some(
      (one) => textAt(one, 'type') === type && textAt(one, 'status') === 'True',
    );
  if (holds('Complete')) return 'Complete';
  if (holds('Failed')) return 'Failed';
  return job.metadata.deletionTimestamp !== undefined
    ? 'Terminating'
    : holds('Suspended')
      ? 'Suspended'
      : 'Running';
}

function jobDuration(job: KubeObject, nowMs: number): string {
  const start = parseRfc3339(t(job, 'status', 'startTime'));
  if (start === null) return '';
  const end = parseRfc3339(t(job, 'status', 'completionTime')) ?? EPOCH_UNIX_MS + nowMs;
  return humanDuration(end - start);
}

function csrCondition(csr: KubeObject): string {
  const types = listAt(csr, 'status', 'conditions').map((one) => t(one, 'type'));
  const decided = types.length === 0 ? 'Pending' : types.join(',');
  return t(csr, 'status', 'certificate') === '' ? decided : `${decided},Issued`;
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

function bindingCells(binding: KubeObject, nowMs: number): string[] {
  const role = `${t(binding, 'roleRef', 'kind')}/${t(binding, 'roleRef', 'name')}`;
  return [binding.metadata.name, role, age(binding, nowMs)];
}

function endpoints(object: KubeObject): string {
  return listAt(object, 'subsets')
    .flatMap((subset) =>
      listAt(subset, 'addresses').flatMap((address) =>
        listAt(subset, 'ports').map((port) => `${t(address, 'ip')}:${n(port, 'port')}`),
      ),
    )
    .join(',');
}

function intOrText(value: unknown): string {
  return typeof value === 'number' ? String(value) : typeof value === 'string' ? value : 'N/A';
}

const SHORT_MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

function accessModes(object: KubeObject): string {
  return textsAt(object, 'spec', 'accessModes')
    .map((mode) => SHORT_MODES[mode] ?? mode)
    .join(',');
}

function isDefaultClass(object: KubeObject): boolean {
  return object.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
}
