/** `kubectl get`: one or several types, by name, label or field, as a table or as data; --raw; -w. */
import type { ResourceType } from '../../api/resources.js';
import { watch as watchApi } from '../../api/watch.js';
import type { KubeList, KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { within } from '../deadline.js';
import { Failure } from '../failure.js';
import {
  parseFormat,
  printObjects,
  printTables,
  tableRows,
  type Format,
  type Found,
  type TableOptions,
} from './output.js';
import { pathOf } from './resources.js';
import type { Session } from './session.js';
import { printTable } from './table.js';
import { valuesAt } from './jsonpath.js';

export const GET_FLAGS = [
  ...['output|o=', 'all-namespaces|A', 'selector|l=', 'field-selector=', 'raw=', 'watch|w', 'no-headers'],
  ...[
    'show-labels',
    'label-columns|L=',
    'ignore-not-found',
    'sort-by=',
    'watch-only',
    'chunk-size=',
    'show-kind',
    'filename|f=',
  ],
];

/** One type and the names asked of it; no names means all. */
export interface Target {
  readonly type: ResourceType;
  readonly names: readonly string[];
}

export function* get(session: Session, operands: readonly string[]): Sim<number> {
  const { flags } = session;
  const raw = flags.get('raw');
  if (raw !== null) return yield* getRaw(session, raw);
  if (flags.get('filename') !== null) throw new Failure('error: the simulator does not model get -f\n');
  const format = parseFormat(flags.get('output'));
  if (operands.length === 0) throw new Failure(NO_TYPE);
  yield* session.discover();
  const targets = yield* readTargets(session, operands);
  if (flags.has('watch')) return yield* watch(session, targets, format);
  const problems: Failure[] = [];
  const found = yield* collect(session, targets, problems);
  show(session, found, format, targets);
  for (const problem of problems) session.call.printError(problem.text);
  return problems.length > 0 ? 1 : 0;
}

const NO_TYPE =
  'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported ' +
  `resources.

error: Required resource not specified.
Use "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain pods).
See 'kubectl get -h' for help and examples
`;

/** `nodes`, `pods,svc`, `node cp-1 cp-2`, `node/cp-1 pod/x`. */
export function* readTargets(session: Session, operands: readonly string[]): Sim<Target[]> {
  const targets: Target[] = [];
  if (operands.some((operand) => operand.includes('/'))) {
    for (const operand of operands) {
      const [type = '', name = ''] = operand.split('/');
      if (name === '') {
        throw new Failure(
          'error: there is no need to specify a resource type as a separate argument when passing arguments ' +
            'in resource/name form\n',
        );
      }
      targets.push({ type: yield* session.resource(type), names: [name] });
    }
    return targets;
  }
  const [types = '', ...names] = operands;
  const list = types === 'all' ? 'pods,services,daemonsets,deployments,replicasets,statefulsets,jobs' : types;
  for (const type of list.split(',')) targets.push({ type: yield* session.resource(type), names });
  return targets;
}

/** What is there of the targets; what is not becomes a problem unless --ignore-not-found. */
function* collect(session: Session, targets: readonly Target[], problems: Failure[]): Sim<Found[]> {
  const found: Found[] = [];
  for (const { type, names } of targets) {
    if (names.length === 0) {
      const items = yield* listOf(session, type);
      found.push({ type, objects: sortBy(items, session.flags.get('sort-by')) });
      continue;
    }
    const objects: KubeObject[] = [];
    for (const name of names) {
      const outcome = yield* session.request('GET', pathOf(type, session.namespace, name));
      if (outcome.kind === 'ok') objects.push(outcome.body as KubeObject);
      else if (outcome.kind !== 'error' || outcome.status.code !== 404) throw session.failure(outcome);
      else if (!session.flags.has('ignore-not-found')) problems.push(session.failure(outcome));
    }
    found.push({ type, objects });
  }
  return found;
}

/** Refusals of a whole list are put in kubectl's own words, as its resource builder does it. */
function* listOf(session: Session, type: ResourceType): Sim<readonly KubeObject[]> {
  const outcome = yield* session.request('GET', listPath(session, type));
  if (outcome.kind === 'ok') return (outcome.body as KubeList).items;
  if (outcome.kind !== 'error' || (outcome.status.code !== 400 && outcome.status.code !== 404))
    throw session.failure(outcome);
  const [labels, fields] = [session.flags.get('selector') ?? '', session.flags.get('field-selector') ?? ''];
  const list = JSON.stringify(`${type.group}/${type.version}, Resource=${type.resource}`);
  const selectors = `label selector ${JSON.stringify(labels)}, field selector ${JSON.stringify(fields)}`;
  const what =
    labels === '' && fields === ''
      ? `Unable to list ${list}`
      : `Unable to find ${list} that match ${selectors}`;
  const message = `${what}: ${outcome.status.message}`;
  throw session.failure({ ...outcome, status: { ...outcome.status, message } });
}

/** The path of a list with the selectors of the command line. */
export function listPath(session: Session, type: ResourceType): string {
  const { flags } = session;
  const namespace = flags.has('all-namespaces') ? null : session.namespace;
  const query = [
    ['labelSelector', flags.get('selector')],
    ['fieldSelector', flags.get('field-selector')],
  ]
    .filter((pair) => (pair[1] ?? '') !== '')
    .map(([key, value]) => `${key ?? ''}=${encodeURIComponent(value ?? '')}`);
  return `${pathOf(type, namespace)}?${[...query, 'limit=500'].join('&')}`;
}

function sortBy(items: readonly KubeObject[], path: string | null): readonly KubeObject[] {
  if (path === null) return items;
  const keys = new Map(items.map((item) => [item, valuesAt(path, item)[0]]));
  return [...items].sort((a, b) => compare(keys.get(a), keys.get(b)));
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [left, right] = [JSON.stringify(a ?? ''), JSON.stringify(b ?? '')];
  return left < right ? -1 : left > right ? 1 : 0;
}

function show(session: Session, found: readonly Found[], format: Format, targets: readonly Target[]): void {
  const named = targets.every((target) => target.names.length > 0);
  const count = found.reduce((sum, one) => sum + one.objects.length, 0);
  if (format.kind !== 'table') {
    const single = named && targets.length === 1 && targets[0]?.names.length === 1;
    if (count > 0 || !named)
      session.print(printObjects(format, found, single, session.flags.has('no-headers')));
    return;
  }
  if (count === 0) {
    if (named || session.flags.has('ignore-not-found')) return;
    const scoped = targets.some((target) => target.type.namespaced) && !session.flags.has('all-namespaces');
    session.call.printError(`No resources found${scoped ? ` in ${session.namespace} namespace.` : ''}\n`);
    return;
  }
  const filled = found.filter((one) => one.objects.length > 0);
  session.print(printTables(filled, tableOptions(session, format.wide, targets.length > 1)));
}

function tableOptions(session: Session, wide: boolean, typed: boolean): TableOptions {
  const { flags } = session;
  return {
    wide,
    typed: typed || flags.has('show-kind'),
    allNamespaces: flags.has('all-namespaces'),
    noHeaders: flags.has('no-headers'),
    showLabels: flags.has('show-labels'),
    labelColumns: flags.list('label-columns').flatMap((labels) => labels.split(',')),
    nowMs: session.call.machine.wallMs,
  };
}

/** The body as the server sent it. */
function* getRaw(session: Session, path: string): Sim<number> {
  const outcome = yield* session.request('GET', path);
  if (outcome.kind === 'error' && outcome.status.code >= 500 && outcome.status.details === undefined) {
    const body = JSON.stringify(outcome.status.message.trimEnd());
    const message = `an error on the server (${body}) has prevented the request from succeeding`;
    throw new Failure(`Error from server (InternalError): ${message}\n`);
  }
  if (outcome.kind !== 'ok') throw session.failure(outcome);
  session.print(typeof outcome.body === 'string' ? outcome.body : JSON.stringify(outcome.body));
  return 0;
}

/** Lists, then prints what changes until the connection ends or somebody ends the program. */
function* watch(session: Session, targets: readonly Target[], format: Format): Sim<number> {
  const [target] = targets;
  if (target === undefined || targets.length > 1) {
    throw new Failure('error: you may only specify a single resource type\n');
  }
  if (format.kind !== 'table') throw new Failure('error: the simulator does not model -w with -o\n');
  const [name] = target.names;
  const base = listPath(session, target.type);
  const path = name === undefined ? base : `${base}&fieldSelector=metadata.name%3D${name}`;
  const list = yield* session.list(path);
  let headings = !session.flags.has('no-headers');
  const print = (objects: readonly KubeObject[]): void => {
    if (objects.length === 0) return;
    const options = { ...tableOptions(session, format.wide, false), noHeaders: !headings };
    const rows = tableRows(target.type, objects, options);
    headings = false;
    session.print(printTable(rows));
  };
  if (!session.flags.has('watch-only')) print(list.items);
  const watching = watchApi(session.client, path, list.metadata.resourceVersion, (events) => {
    print(events.map((event) => event.object));
    return false;
  });
  // The time of a request holds for a watch too.
  yield* within(session.call, session.timeoutMs, watching);
  // kubectl ends when its watch does, whoever closed it.
  return 0;
}
