/** `kubectl describe node NAME`: the parts that the simulated Node has. Other types are not modelled. */
import type { KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { at, listAt, mapAt, textAt } from '../../tree.js';
import { Failure } from '../failure.js';
import { ageOf, nodeRoles } from './cells.js';
import { readTargets } from './get.js';
import { pathOf } from './resources.js';
import type { Session } from './session.js';
import { printTable } from './table.js';

export const DESCRIBE_FLAGS = [
  'all-namespaces|A',
  'selector|l=',
  'show-events',
  'filename|f=',
  'chunk-size=',
];

export function* describe(session: Session, operands: readonly string[]): Sim<number> {
  if (operands.length === 0) {
    throw new Failure(
      'error: You must specify the type of resource to describe. Use "kubectl api-resources" for a ' +
        'complete list of supported resources.\n',
    );
  }
  yield* session.discover();
  for (const { type, names } of yield* readTargets(session, operands)) {
    if (type.kind !== 'Node') {
      throw new Failure(`error: the simulator does not model kubectl describe ${type.resource}\n`);
    }
    const all = names.length > 0 ? names : yield* nodeNames(session);
    for (const [index, name] of all.entries()) {
      const node = yield* session.getObject(pathOf(type, null, name));
      const field = `spec.nodeName%3D${name},status.phase!%3DSucceeded,status.phase!%3DFailed`;
      const pods = yield* session.list(`/api/v1/pods?fieldSelector=${field}&limit=500`);
      const events = yield* session.list(
        `/api/v1/events?fieldSelector=involvedObject.name%3D${name}&limit=500`,
      );
      const text = nodeText(node, pods.items, events.items, session.call.machine.wallMs);
      session.print(`${index > 0 ? '\n\n' : ''}${text}`);
    }
  }
  return 0;
}

function* nodeNames(session: Session): Sim<string[]> {
  return (yield* session.list('/api/v1/nodes?limit=500')).items.map((node) => node.metadata.name);
}

function nodeText(
  node: KubeObject,
  pods: readonly KubeObject[],
  events: readonly KubeObject[],
  nowMs: number,
): string {
  const taints = listAt(node, 'spec', 'taints').map((taint) => {
    const value = textAt(taint, 'value') ?? '';
    return `${textAt(taint, 'key') ?? ''}${value === '' ? '' : `=${value}`}:${textAt(taint, 'effect') ?? ''}`;
  });
  const conditions = listAt(node, 'status', 'conditions').map((one) => [
    `  ${textAt(one, 'type') ?? ''}`,
    ...['status', 'lastHeartbeatTime', 'lastTransitionTime', 'reason', 'message'].map(
      (key) => textAt(one, key) ?? '',
    ),
  ]);
  const heading = ['  Type', 'Status', 'LastHeartbeatTime', 'LastTransitionTime', 'Reason', 'Message'];
  return [
    entries('Name:', [node.metadata.name]),
    entries('Roles:', [nodeRoles(node)]),
    entries('Labels:', pairs(node.metadata.labels)),
    entries('Annotations:', pairs(node.metadata.annotations, ': ')),
    entries('CreationTimestamp:', [node.metadata.creationTimestamp ?? '']),
    entries('Taints:', taints.length === 0 ? ['<none>'] : taints),
    entries('Unschedulable:', [String(at(node, 'spec', 'unschedulable') === true)]),
    `Conditions:\n${printTable([heading, ...conditions])}`,
    `Addresses:\n${listAt(node, 'status', 'addresses')
      .map((one) => `  ${`${textAt(one, 'type') ?? ''}:`.padEnd(13)}${textAt(one, 'address') ?? ''}\n`)
      .join('')}`,
    `System Info:\n${Object.entries(mapAt(node, 'status', 'nodeInfo'))
      .map(([key, value]) => `  ${`${key}:`.padEnd(26)}${String(value)}\n`)
      .join('')}`,
    podsText(pods, nowMs),
    eventsText(events, nowMs),
  ].join('');
}

function entries(title: string, values: readonly string[]): string {
  return values.map((value, index) => `${(index === 0 ? title : '').padEnd(20)}${value}\n`).join('');
}

function pairs(map: Readonly<Record<string, string>> | undefined, joint = '='): string[] {
  const all = Object.entries(map ?? {}).map(([key, value]) => `${key}${joint}${value}`);
  return all.length === 0 ? ['<none>'] : all.sort();
}

function podsText(pods: readonly KubeObject[], nowMs: number): string {
  const rows = pods.map((pod) => [
    `  ${pod.metadata.namespace ?? ''}`,
    pod.metadata.name,
    ageOf(pod.metadata.creationTimestamp, nowMs),
  ]);
  const table = printTable([['  Namespace', 'Name', 'Age'], ['  ---------', '----', '---'], ...rows]);
  return `Non-terminated Pods:          (${pods.length} in total)\n${table}`;
}

function eventsText(events: readonly KubeObject[], nowMs: number): string {
  if (events.length === 0) return 'Events:              <none>\n';
  const rows = events.map((event) => [
    `  ${textAt(event, 'type') ?? ''}`,
    textAt(event, 'reason') ?? '',
    ageOf(textAt(event, 'lastTimestamp'), nowMs),
    textAt(event, 'source', 'component') ?? '',
    textAt(event, 'message') ?? '',
  ]);
  const heading = [
    ['  Type', 'Reason', 'Age', 'From', 'Message'],
    ['  ----', '------', '----', '----', '-------'],
  ];
  return `Events:\n${printTable([...heading, ...rows])}`;
}
