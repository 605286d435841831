/**
 * `kubectl delete`: by name, label, --all or file; waits until the objects are gone unless --wait=false.
 */
import type { ResourceType } from '../../api/resources.js';
import type { KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { Failure } from '../failure.js';
import { parseDuration } from './durations.js';
import { follow } from './follow.js';
import { listPath, readTargets } from './get.js';
import { readManifests } from './manifests.js';
import { pathOf, shownType } from './resources.js';
import type { Session } from './session.js';

export const DELETE_FLAGS = [
  ...['filename|f=', 'selector|l=', 'all', 'all-namespaces|A', 'ignore-not-found', 'wait', 'now', 'force'],
  ...['grace-period=', 'timeout=', 'output|o=', 'cascade?=background', 'field-selector='],
  'dry-run?=unchanged',
];

interface Doomed {
  readonly type: ResourceType;
  readonly path: string;
  readonly name: string;
}

/** An object that the API server agreed to delete; the uid tells it from a successor of the same name. */
interface Deleted extends Doomed {
  readonly uid: string | null;
}

const FORCED =
  'Warning: Immediate deletion does not wait for confirmation that the running resource has been ' +
  'terminated. The resource may continue to run on the cluster indefinitely.\n';

export function* remove(session: Session, operands: readonly string[]): Sim<number> {
  const { flags } = session;
  if (flags.get('dry-run') !== null)
    throw new Failure('error: the simulator does not model delete --dry-run\n');
  if (operands.length === 0 && flags.get('filename') === null) throw new Failure(NOTHING);
  if (flags.has('force') && flags.get('grace-period') === '0') session.call.printError(FORCED);
  yield* session.discover();
  const doomed = yield* find(session, operands);
  const problems: string[] = [];
  const gone: Deleted[] = [];
  for (const one of doomed) {
    const outcome = yield* session.request('DELETE', one.path, options(session));
    if (outcome.kind === 'ok') {
      const forced = flags.has('force') ? 'force deleted' : 'deleted';
      const shown = `${shownType(one.type)}/${one.name}`;
      session.print(
        flags.get('output') === 'name' ? `${shown}\n` : `${shownType(one.type)} "${one.name}" ${forced}\n`,
      );
      gone.push({ ...one, uid: uidOf(outcome.body) });
    } else if (outcome.kind === 'error' && outcome.status.code === 404) {
      if (!flags.has('ignore-not-found')) problems.push(session.failure(outcome).text);
    } else throw session.failure(outcome);
  }
  if (doomed.length === 0 && problems.length === 0 && !flags.has('ignore-not-found')) {
    session.print('No resources found\n');
  }
  if (flags.get('wait') !== 'false' && !flags.has('force')) yield* waitGone(session, gone);
  for (const problem of problems) session.call.printError(problem);
  return problems.length > 0 ? 1 : 0;
}

const NOTHING = `error: You must provide one or more resources by argument or filename.
Example resource specifications include:
   '-f rsrc.yaml'
   '--filename=rsrc.json'
   '<resource> <name>'
   '<resource>'
`;

function options(session: Session): unknown {
  const { flags } = session;
  const grace = flags.has('now') ? '1' : flags.get('grace-period');
  const cascade = flags.get('cascade') ?? 'background';
  const policy = cascade === 'orphan' ? 'Orphan' : cascade === 'foreground' ? 'Foreground' : 'Background';
  const seconds = grace === null || Number(grace) < 0 ? {} : { gracePeriodSeconds: Number(grace) };
  return { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: policy, ...seconds };
}

function* find(session: Session, operands: readonly string[]): Sim<Doomed[]> {
  const { flags } = session;
  const doomed = (type: ResourceType, namespace: string | null, name: string): Doomed => ({
    ...{ type, name },
    path: pathOf(type, type.namespaced ? namespace : null, name),
  });
  if (flags.get('filename') !== null) {
    const manifests = yield* readManifests(session, 'delete');
    return manifests.map(({ type, object }) =>
      doomed(type, object.metadata.namespace ?? null, object.metadata.name),
    );
  }
  const found: Doomed[] = [];
  for (const { type, names } of yield* readTargets(session, operands)) {
    found.push(...names.map((name) => doomed(type, session.namespace, name)));
    if (names.length > 0) continue;
    if (!flags.has('all') && flags.get('selector') === null && flags.get('field-selector') === null) {
      throw new Failure('error: resource(s) were provided, but no name was specified\n');
    }
    const { items } = yield* session.list(listPath(session, type));
    found.push(...items.map((item) => doomed(type, item.metadata.namespace ?? null, item.metadata.name)));
  }
  return found;
}

/** The answer is the object while it is being deleted, else a Status that names it. */
function uidOf(body: unknown): string | null {
  const { metadata, details } = body as { metadata?: { uid?: string }; details?: { uid?: string } };
  return metadata?.uid ?? details?.uid ?? null;
}

function* waitGone(session: Session, gone: readonly Deleted[]): Sim<void> {
  const { world } = session.call;
  const limit = session.flags.get('timeout');
  const limitMs = limit === null ? 0 : (parseDuration(limit) ?? 0);
  const deadlineMs = limitMs <= 0 ? Infinity : world.nowMs + limitMs;
  for (const one of gone) {
    // As kubectl's IsDeleted: another object of that name, such as a mirror pod made again, counts as gone.
    const isGone = (object: KubeObject | null): boolean =>
      object === null || (one.uid !== null && object.metadata.uid !== one.uid);
    const done = yield* follow(session, one.path, deadlineMs, isGone);
    if (!done)
      throw new Failure(`error: timed out waiting for the condition on ${one.type.resource}/${one.name}\n`);
  }
}
