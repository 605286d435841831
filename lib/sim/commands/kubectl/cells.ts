/** The cells of `kubectl get` that take more than a look at one field. */
import { humanDuration, parseRfc3339 } from '../../../base/calendar.js';
import type { KubeObject } from '../../objects.js';
import { at, listAt, mapAt, numberAt, textAt, textsAt } from '../../tree.js';
import { EPOCH_UNIX_MS } from '../../world.js';
import { podStatus } from './pod-status.js';

export const NONE = '<none>';

/** The age of a moment: `5m`; `<unknown>` when there is none. */
export function ageOf(time: string | null | undefined, nowMs: number): string {
  const unixMs = time === null || time === undefined ? null : parseRfc3339(shortFraction(time));
  return unixMs === null ? '<unknown>' : humanDuration(EPOCH_UNIX_MS + nowMs - unixMs);
}

function shortFraction(time: string): string {
  return time.replace(/(\.\d{9})\d+Z$/, '$1Z');
}

export function age(object: KubeObject, nowMs: number): string {
  return ageOf(object.metadata.creationTimestamp, nowMs);
}

export const n = (object: unknown, ...path: string[]): string => String(numberAt(object, ...path) ?? 0);
export const t = (object: unknown, ...path: string[]): string => textAt(object, ...path) ?? '';
export const or = (text: string, fallback: string): string => (text === '' ? fallback : text);

export function nodeCells(node: KubeObject, nowMs: number): string[] {
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

export function podCells(pod: KubeObject, nowMs: number): string[] {
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

export function containers(object: KubeObject): [string, string] {
  const all = listAt(object, 'spec', 'template', 'spec', 'containers');
  return [all.map((one) => t(one, 'name')).join(','), all.map((one) => t(one, 'image')).join(',')];
}

export function selectorText(selector: unknown): string {
  const labels = Object.entries(mapAt(selector, 'matchLabels')).map(
    ([key, value]) => `${key}=${String(value)}`,
  );
  return or(labels.sort().join(','), NONE);
}

export function ports(service: KubeObject): string {
  const all = listAt(service, 'spec', 'ports').map((port) => {
    const node = numberAt(port, 'nodePort');
    return `${n(port, 'port')}${node === null ? '' : `:${node}`}/${or(t(port, 'protocol'), 'TCP')}`;
  });
  return or(all.join(','), NONE);
}

export function externalAddress(service: KubeObject): string {
  const type = t(service, 'spec', 'type');
  const given = textsAt(service, 'spec', 'externalIPs');
  const ingress = listAt(service, 'status', 'loadBalancer', 'ingress').map((one) => t(one, 'ip'));
  if (type === 'LoadBalancer') return or([...ingress, ...given].join(','), '<pending>');
  return or(given.join(','), NONE);
}

export function jobStatus(job: KubeObject): string {
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

export function jobDuration(job: KubeObject, nowMs: number): string {
  const start = parseRfc3339(t(job, 'status', 'startTime'));
  if (start === null) return '';
  const end = parseRfc3339(t(job, 'status', 'completionTime')) ?? EPOCH_UNIX_MS + nowMs;
  return humanDuration(end - start);
}

export function csrCondition(csr: KubeObject): string {
  const types = listAt(csr, 'status', 'conditions').map((one) => t(one, 'type'));
  const decided = types.length === 0 ? 'Pending' : types.join(',');
  return t(csr, 'status', 'certificate') === '' ? decided : `${decided},Issued`;
}

export function bindingCells(binding: KubeObject, nowMs: number): string[] {
  const role = `${t(binding, 'roleRef', 'kind')}/${t(binding, 'roleRef', 'name')}`;
  return [binding.metadata.name, role, age(binding, nowMs)];
}

export function endpoints(object: KubeObject): string {
  return listAt(object, 'subsets')
    .flatMap((subset) =>
      listAt(subset, 'addresses').flatMap((address) =>
        listAt(subset, 'ports').map((port) => `${t(address, 'ip')}:${n(port, 'port')}`),
      ),
    )
    .join(',');
}

export function intOrText(value: unknown): string {
  return typeof value === 'number' ? String(value) : typeof value === 'string' ? value : 'N/A';
}

const SHORT_MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

export function accessModes(object: KubeObject): string {
  return textsAt(object, 'spec', 'accessModes')
    .map((mode) => SHORT_MODES[mode] ?? mode)
    .join(',');
}

export function isDefaultClass(object: KubeObject): boolean {
  return object.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
}
