/**
 * `kubectl cordon`, `uncordon` and `drain`. Evicts every pod of a node at once, retries a refused eviction every
 * five seconds and waits until the pods are gone. Source: k8s.io/kubectl/pkg/drain. Several failures are printed in
 * one fixed order, where the real program's order is random.
 */
import type { KubeObject } from '../../objects.js';
import { join, sleep, type Sim } from '../../task.js';
import { at } from '../../tree.js';
import { Failure } from '../failure.js';
import { parseDuration, printDuration } from './durations.js';
import { podsToEvict } from './drain-filter.js';
import type { Session } from './session.js';

export const DRAIN_FLAGS = [
  ...['ignore-daemonsets', 'delete-emptydir-data', 'force', 'timeout=', 'grace-period=', 'disable-eviction'],
  ...['pod-selector=', 'skip-wait-for-delete-timeout=', 'dry-run?=unchanged', 'selector|l=', 'chunk-size='],
];
export const CORDON_FLAGS = ['selector|l=', 'dry-run?=unchanged'];

/** Between two tries of an eviction that the server refused. */
const RETRY_MS = 5_000;
/** Between two looks whether a pod is gone. */
const POLL_MS = 1_000;

export function cordon(session: Session, operands: readonly string[]): Sim<number> {
  return mark(session, operands, true);
}

export function uncordon(session: Session, operands: readonly string[]): Sim<number> {
  return mark(session, operands, false);
}

function* mark(session: Session, operands: readonly string[], wanted: boolean): Sim<number> {
  const verb = wanted ? 'cordon' : 'uncordon';
  for (const node of yield* nodesOf(session, operands, verb)) yield* setSchedulable(session, node, wanted);
  return 0;
}

function* nodesOf(session: Session, operands: readonly string[], verb: string): Sim<KubeObject[]> {
  if (operands.length === 0 || session.flags.get('selector') !== null) {
    throw new Failure(`error: USAGE: ${verb} NODE [flags]\nSee 'kubectl ${verb} -h' for help and examples\n`);
  }
  yield* session.discover();
  const nodes: KubeObject[] = [];
  for (const name of operands) {
    nodes.push(yield* session.getObject(`/api/v1/nodes/${name.replace(/^nodes?\//, '')}`));
  }
  return nodes;
}

function* setSchedulable(session: Session, node: KubeObject, cordoned: boolean): Sim<void> {
  const { name } = node.metadata;
  const word = cordoned ? 'cordoned' : 'uncordoned';
  if ((at(node, 'spec', 'unschedulable') === true) === cordoned) {
    session.print(`node/${name} already ${word}\n`);
    return;
  }
  const outcome = yield* session.request('PATCH', `/api/v1/nodes/${name}`, {
    spec: { unschedulable: cordoned ? true : null },
  });
  if (outcome.kind !== 'ok') {
    const { text } = session.failure(outcome);
    const verb = cordoned ? 'cordon' : 'uncordon';
    throw new Failure(`error: unable to ${verb} node "${name}": ${bare(text)}\n`);
  }
  session.print(`node/${name} ${word}\n`);
}

export function* drain(session: Session, operands: readonly string[]): Sim<number> {
  for (const option of ['pod-selector', 'skip-wait-for-delete-timeout', 'dry-run']) {
    if (session.flags.get(option) !== null) {
      throw new Failure(`error: the simulator does not model drain --${option}\n`);
    }
  }
  const nodes = yield* nodesOf(session, operands, 'drain');
  for (const node of nodes) yield* setSchedulable(session, node, true);
  const failed: { name: string; reasons: readonly string[] }[] = [];
  for (const node of nodes) {
    const { name } = node.metadata;
    const reasons = yield* drainOne(session, name);
    if (reasons.length === 0) {
      session.print(`node/${name} drained\n`);
      continue;
    }
    failed.push({ name, reasons });
    const text = reasons.length === 1 ? reasons[0] : `[${reasons.join(', ')}]`;
    session.call.printError(
      `error: unable to drain node "${name}" due to error: ${text ?? ''}, continuing command...\n`,
    );
  }
  if (failed.length === 0) return 0;
  const all = failed.flatMap((one) => one.reasons);
  const names = failed.map((one) => ` ${one.name}\n`).join('');
  const prefix = all.length === 1 ? 'error: ' : '';
  const lines = all.map((reason) => `${prefix}${reason}\n`).join('');
  session.call.printError(`There are pending nodes to be drained:\n${names}${lines}`);
  return 1;
}

/** Why the node could not be drained; empty when it was. */
function* drainOne(session: Session, node: string): Sim<readonly string[]> {
  const path = `/api/v1/pods?fieldSelector=spec.nodeName%3D${node}&limit=500`;
  const { items } = yield* session.list(path);
  const { pods, warnings, problems } = yield* podsToEvict(session, items);
  if (problems.length > 0) return problems;
  if (warnings !== '') session.call.printError(`Warning: ${warnings}\n`);
  const { world, process } = session.call;
  const limit = parseDuration(session.flags.get('timeout') ?? '0') ?? 0;
  const deadlineMs = limit <= 0 ? Infinity : world.nowMs + limit;
  // The Go scheduler runs the goroutine that was started last before all others.
  const order = [...pods.slice(-1), ...pods.slice(0, -1)];
  const tasks = order.map((pod) =>
    world.scheduler.spawn(
      process.group,
      `evict ${pod.metadata.name}`,
      evict(session, pod, deadlineMs, limit),
    ),
  );
  const reasons: string[] = [];
  for (const task of tasks) {
    const reason = yield* join(task);
    if (reason !== null) reasons.push(reason);
  }
  if (reasons.length > 0) yield* showPending(session, node, path, reasons);
  return reasons;
}

function* showPending(session: Session, node: string, path: string, reasons: readonly string[]): Sim<void> {
  const outcome = yield* session.request('GET', path);
  if (outcome.kind !== 'ok') return;
  const { pods } = yield* podsToEvict(session, (outcome.body as { items: readonly KubeObject[] }).items);
  if (pods.length === 0) return;
  const text = reasons.length === 1 ? reasons[0] : `[${reasons.join(', ')}]`;
  const names = pods.map((pod) => `pod/${pod.metadata.name}\n`).join('');
  session.call.printError(
    `There are pending pods in node "${node}" when an error occurred: ${text ?? ''}\n${names}`,
  );
}

/** Null once the pod is gone, else why not. */
function* evict(session: Session, pod: KubeObject, deadlineMs: number, limitMs: number): Sim<string | null> {
  const { world } = session.call;
  const { name, namespace = 'default', uid } = pod.metadata;
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  const what = `error when evicting pods/"${name}" -n "${namespace}"`;
  const late = `global timeout reached: ${printDuration(limitMs)}`;
  for (;;) {
    const deletes = session.flags.has('disable-eviction');
    session.print(`${deletes ? 'deleting' : 'evicting'} pod ${namespace}/${name}\n`);
    if (world.nowMs >= deadlineMs) return `${what}: ${late}`;
    const outcome = yield* deletes
      ? session.request('DELETE', path, deleteOptions(session))
      : session.request('POST', `${path}/eviction`, {
          ...{ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } },
          deleteOptions: deleteOptions(session),
        });
    if (outcome.kind === 'ok') break;
    if (outcome.kind === 'error' && outcome.status.code === 404) return null;
    const reason = bare(session.failure(outcome).text);
    if (outcome.kind !== 'error' || outcome.status.code !== 429) return `${what}: ${reason}`;
    session.call.printError(`${what} (will retry after 5s): ${reason}\n`);
    yield* sleep(Math.min(RETRY_MS, deadlineMs - world.nowMs));
  }
  for (;;) {
    const outcome = yield* session.request('GET', path);
    const replaced = outcome.kind === 'ok' && (outcome.body as KubeObject).metadata.uid !== uid;
    if (replaced || (outcome.kind === 'error' && outcome.status.code === 404)) {
      session.print(`pod/${name} ${session.flags.has('disable-eviction') ? 'deleted' : 'evicted'}\n`);
      return null;
    }
    const waiting = `error when waiting for pod "${name}" in namespace "${namespace}" to terminate`;
    if (outcome.kind !== 'ok') return `${waiting}: ${bare(session.failure(outcome).text)}`;
    if (world.nowMs >= deadlineMs) return `${waiting}: ${late}`;
    yield* sleep(Math.min(POLL_MS, deadlineMs - world.nowMs));
  }
}

function deleteOptions(session: Session): unknown {
  const grace = session.flags.get('grace-period');
  return grace === null || Number(grace) < 0 ? {} : { gracePeriodSeconds: Number(grace) };
}

/** The message alone, as Go's `%v` of the error prints it. */
function bare(text: string): string {
  return text.trimEnd().replace(/^Error from server(?: \(\w+\))?: |^Unable to connect to the server: /, '');
}
