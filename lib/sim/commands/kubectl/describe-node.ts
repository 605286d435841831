/** What `kubectl describe node` prints of one node: describeNode and describeNodeResource of its pkg/describe. */
import { parseRfc3339 } from '../../../base/calendar.js';
import type { KubeObject } from '../../objects.js';
import { at, listAt, mapAt, textAt, textsAt } from '../../tree.js';
import { EPOCH_UNIX_MS } from '../../world.js';
import { dateParts } from '../dates.js';
import { ageOf, nodeRoles } from './cells.js';
import { bytesText, cpuText, thousandths } from './quantities.js';
import { tabText } from './tab-text.js';

export interface DescribedNode {
  readonly node: KubeObject;
  readonly pods: readonly KubeObject[];
  /** The node's Lease, or why it could not be had. */
  readonly lease: unknown;
  /** Null when nobody wants to see them. */
  readonly events: readonly KubeObject[] | null;
  readonly nowMs: number;
}

/** Longer annotations get a line of their own. */
const ANNOTATION_LENGTH = 140;
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

export function describeNode(described: DescribedNode): string {
  const { node, lease, events, nowMs } = described;
  const { name, labels = {}, creationTimestamp } = node.metadata;
  const text = [
    `Name:\t${name}\nRoles:\t${nodeRoles(node)}\n`,
    several(
      'Labels',
      Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .sort(),
    ),
    several('Annotations', annotations(node)),
    `CreationTimestamp:\t${longDate(creationTimestamp)}\n`,
    several('Taints', taints(node)),
    `Unschedulable:\t${String(at(node, 'spec', 'unschedulable') === true)}\n`,
    leaseText(lease),
    conditionsText(node),
    'Addresses:\n',
    ...listAt(node, 'status', 'addresses').map(
      (one) => `  ${textAt(one, 'type') ?? ''}:\t${textAt(one, 'address') ?? ''}\n`,
    ),
    amounts('Capacity', mapAt(node, 'status', 'capacity')),
    amounts('Allocatable', mapAt(node, 'status', 'allocatable')),
    systemText(node),
    resourcesText(described),
    events === null ? '' : eventsText(events, nowMs),
  ];
  return tabText(text.join(''));
}

function several(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return `${title}:\t<none>\n`;
  return lines.map((line, index) => `${index === 0 ? `${title}:` : ''}\t${line}\n`).join('');
}

function annotations(node: KubeObject): string[] {
  return Object.entries(node.metadata.annotations ?? {})
    .filter(([key]) => key !== LAST_APPLIED)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, value]) => {
      const short = value.replace(/\n$/, '');
      if (short.length + key.length + 2 <= ANNOTATION_LENGTH && !short.includes('\n'))
        return [`${key}: ${short}`];
      const cut = (line: string): string =>
        line.length > ANNOTATION_LENGTH - 2 ? `${line.slice(0, ANNOTATION_LENGTH - 2)}...` : line;
      return [`${key}:`, ...short.split('\n').map((line) => `  ${cut(line)}`)];
    });
}

function taints(node: KubeObject): string[] {
  return [...listAt(node, 'spec', 'taints')]
    .map((taint) => {
      const [key, value, effect] = ['key', 'value', 'effect'].map((part) => textAt(taint, part) ?? '');
      return {
        order: `${effect ?? ''},${key ?? ''}`,
        text: `${key ?? ''}${value === '' ? '' : `=${value ?? ''}`}:${effect ?? ''}`,
      };
    })
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({ text }) => text);
}

function leaseText(lease: unknown): string {
  if (typeof lease === 'string') return `Lease:\tFailed to get lease: ${lease}\n`;
  const time = (key: string): string => {
    const text = textAt(lease, 'spec', key);
    return text === null ? '<unset>' : longDate(text);
  };
  const holder = textAt(lease, 'spec', 'holderIdentity') ?? '<unset>';
  return (
    `Lease:\n  HolderIdentity:\t${holder}\n  AcquireTime:\t${time('acquireTime')}\n` +
    `  RenewTime:\t${time('renewTime')}\n`
  );
}

function conditionsText(node: KubeObject): string {
  const conditions = listAt(node, 'status', 'conditions');
  if (conditions.length === 0) return '';
  const rows = conditions.map((one) => {
    const t = (key: string): string => textAt(one, key) ?? '';
    const dates = `${longDate(t('lastHeartbeatTime'))} \t${longDate(t('lastTransitionTime'))}`;
    return `  ${t('type')} \t${t('status')} \t${dates} \t${t('reason')} \t${t('message')}\n`;
  });
  return (
    'Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n' +
    `  ----\t------\t-----------------\t------------------\t------\t-------\n${rows.join('')}`
  );
}

function amounts(title: string, list: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(list).sort();
  if (names.length === 0) return '';
  return `${title}:\n${names.map((name) => `  ${name}:\t${String(list[name])}\n`).join('')}`;
}

const SYSTEM_INFO: readonly (readonly [string, string])[] = [
  ['Machine ID', 'machineID'],
  ['System UUID', 'systemUUID'],
  ['Boot ID', 'bootID'],
  ['Kernel Version', 'kernelVersion'],
  ['OS Image', 'osImage'],
  ['Operating System', 'operatingSystem'],
  ['Architecture', 'architecture'],
  ['Container Runtime Version', 'containerRuntimeVersion'],
  ['Kubelet Version', 'kubeletVersion'],
  ['Kube-Proxy Version', 'kubeProxyVersion'],
];

function systemText(node: KubeObject): string {
  const info = mapAt(node, 'status', 'nodeInfo');
  const lines = SYSTEM_INFO.map(([title, key]) => `  ${title}:\t${textAt(info, key) ?? ''}\n`);
  const range = textAt(node, 'spec', 'podCIDR') ?? '';
  const ranges = textsAt(node, 'spec', 'podCIDRs');
  return (
    `System Info:\n${lines.join('')}${range === '' ? '' : `PodCIDR:\t${range}\n`}` +
    (ranges.length === 0 ? '' : `PodCIDRs:\t${ranges.join(',')}\n`)
  );
}

/** What one pod, or all of them, asks for of a resource and is limited to, in thousandths. */
type Asked = (kind: 'requests' | 'limits', resource: string) => number;

function podAsks(pod: KubeObject): Asked {
  const amount = (container: unknown, kind: string, resource: string): number =>
    thousandths(textAt(container, 'resources', kind, resource) ?? '0');
  return (kind, resource) => {
    const together = listAt(pod, 'spec', 'containers').reduce<number>(
      (sum, one) => sum + amount(one, kind, resource),
      0,
    );
    return Math.max(
      together,
      ...listAt(pod, 'spec', 'initContainers').map((one) => amount(one, kind, resource)),
    );
  };
}

function resourcesText({ node, pods, nowMs }: DescribedNode): string {
  const whole = (resource: string): number =>
    thousandths(textAt(node, 'status', 'allocatable', resource) ?? '0');
  const share = (amount: number, resource: string): string => {
    const all = whole(resource);
    const shown = resource === 'cpu' ? cpuText(amount) : bytesText(amount);
    return `${shown} (${all === 0 ? 0 : Math.floor((amount / all) * 100)}%)`;
  };
  const both = (asked: Asked, resource: string): string =>
    `${share(asked('requests', resource), resource)}\t${share(asked('limits', resource), resource)}`;
  const rows = pods.map((pod) => {
    const { namespace = '', name, creationTimestamp } = pod.metadata;
    const asked = podAsks(pod);
    const cells = `${both(asked, 'cpu')}\t${both(asked, 'memory')}`;
    return `  ${namespace}\t${name}\t\t${cells}\t${ageOf(creationTimestamp, nowMs)}\n`;
  });
  const all = pods.map(podAsks);
  const total: Asked = (kind, resource) => all.reduce((sum, asked) => sum + asked(kind, resource), 0);
  const huge = Object.keys(mapAt(node, 'status', 'allocatable')).filter((name) =>
    name.startsWith('hugepages-'),
  );
  const totals = ['cpu', 'memory', 'ephemeral-storage', ...huge.sort()];
  return (
    `Non-terminated Pods:\t(${pods.length} in total)\n` +
    '  Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge\n' +
    '  ---------\t----\t\t------------\t----------\t---------------\t-------------\t---\n' +
    `${rows.join('')}Allocated resources:\n` +
    '  (Total limits may be over 100 percent, i.e., overcommitted.)\n' +
    '  Resource\tRequests\tLimits\n  --------\t--------\t------\n' +
    totals.map((resource) => `  ${resource}\t${both(total, resource)}\n`).join('')
  );
}

function eventsText(events: readonly KubeObject[], nowMs: number): string {
  if (events.length === 0) return 'Events:\t<none>\n';
  const rows = [...events]
    .sort((a, b) => ((textAt(a, 'lastTimestamp') ?? '') < (textAt(b, 'lastTimestamp') ?? '') ? -1 : 1))
    .map((event) => {
      const t = (...path: string[]): string => textAt(event, ...path) ?? '';
      const first = ageOf(textAt(event, 'firstTimestamp') ?? textAt(event, 'eventTime'), nowMs);
      const count = Number(at(event, 'count') ?? 1);
      const age = count > 1 ? `${ageOf(t('lastTimestamp'), nowMs)} (x${count} over ${first})` : first;
      return `  ${t('type')}\t${t('reason')}\t${age}\t${t('source', 'component')}\t${t('message').trim()}\n`;
    });
  return (
    'Events:\n  Type\tReason\tAge\tFrom\tMessage\n' + `  ----\t------\t----\t----\t-------\n${rows.join('')}`
  );
}

/** `Thu, 01 Jan 2026 00:02:20 +0000`: Go's RFC1123Z. */
function longDate(time: string | undefined): string {
  const unixMs = parseRfc3339((time ?? '').replace(/(\.\d{9})\d+Z$/, '$1Z'));
  if (unixMs === null) return 'Mon, 01 Jan 0001 00:00:00 +0000';
  const { weekday, day, month, year, time: clock } = dateParts(unixMs - EPOCH_UNIX_MS);
  return `${weekday}, ${day} ${month} ${year} ${clock} +0000`;
}
