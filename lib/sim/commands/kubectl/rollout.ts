/**
 * `kubectl rollout status` of deployments, daemon sets and stateful sets, and `kubectl rollout restart`.
 */
import type { KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { listAt, numberAt, textAt } from '../../tree.js';
import { Failure } from '../failure.js';
import { parseDuration } from './durations.js';
import { follow } from './follow.js';
import { readTargets } from './get.js';
import { pathOf, shownType } from './resources.js';
import type { Session } from './session.js';

export const ROLLOUT_FLAGS = ['timeout=', 'watch|w', 'revision=', 'selector|l='];

export function* rollout(session: Session, operands: readonly string[]): Sim<number> {
  const [verb, ...rest] = operands;
  if (verb !== 'status' && verb !== 'restart') {
    if (verb === undefined) throw new Failure('Manage the rollout of one or many resources.\n', 0);
    throw new Failure(`error: the simulator does not model kubectl rollout ${verb}\n`);
  }
  if (rest.length === 0) throw new Failure('error: required resource not specified\n');
  yield* session.discover();
  for (const { type, names } of yield* readTargets(session, rest)) {
    for (const name of names) {
      const path = pathOf(type, session.namespace, name);
      yield* session.getObject(path);
      if (verb === 'status') yield* status(session, type.kind, name, path);
      else {
        yield* session.ask('PATCH', path, restartPatch(session));
        session.print(`${shownType(type)}/${name} restarted\n`);
      }
    }
  }
  return 0;
}

function restartPatch(session: Session): unknown {
  const annotations = {
    'kubectl.kubernetes.io/restartedAt': session.call.machine.date(),
  };
  return { spec: { template: { metadata: { annotations } } } };
}

function* status(session: Session, kind: string, name: string, path: string): Sim<void> {
  const { flags, call } = session;
  const limitMs = parseDuration(flags.get('timeout') ?? '0') ?? 0;
  const deadlineMs = limitMs <= 0 ? Infinity : call.world.nowMs + limitMs;
  let last = '';
  const done = yield* follow(session, path, deadlineMs, (object) => {
    if (object === null) throw new Failure('error: object has been deleted\n');
    const progress = progressOf(kind, name, object);
    if (progress.text !== last) session.print(progress.text);
    last = progress.text;
    return progress.done || flags.get('watch') === 'false';
  });
  if (!done) throw new Failure('error: timed out waiting for the condition\n');
}

interface Progress {
  readonly text: string;
  readonly done: boolean;
}

function progressOf(kind: string, name: string, object: KubeObject): Progress {
  const count = (...path: string[]): number => numberAt(object, ...path) ?? 0;
  const waits = (text: string): Progress => ({ text: `${text}\n`, done: false });
  if (count('metadata', 'generation') > count('status', 'observedGeneration')) {
    const what = kind === 'DaemonSet' ? 'daemon set' : kind === 'StatefulSet' ? 'statefulset' : 'deployment';
    return waits(`Waiting for ${what} spec update to be observed...`);
  }
  const wanted = numberAt(object, 'spec', 'replicas') ?? 1;
  switch (kind) {
    case 'Deployment':
      return deploymentProgress(name, object, wanted);
    case 'DaemonSet': {
      const nodes = count('status', 'desiredNumberScheduled');
      const updated = count('status', 'updatedNumberScheduled');
      const available = count('status', 'numberAvailable');
      const head = `Waiting for daemon set "${name}" rollout to finish: `;
      if (updated < nodes) return waits(`${head}${updated} out of ${nodes} new pods have been updated...`);
      if (available < nodes) return waits(`${head}${available} of ${nodes} updated pods are available...`);
      return { text: `daemon set "${name}" successfully rolled out\n`, done: true };
    }
    case 'StatefulSet': {
      const ready = count('status', 'readyReplicas');
      if (ready < wanted) return waits(`Waiting for ${wanted - ready} pods to be ready...`);
      const revision = textAt(object, 'status', 'currentRevision') ?? '';
      return {
        text: `statefulset rolling update complete ${wanted} pods at revision ${revision}...\n`,
        done: true,
      };
    }
    default:
      throw new Failure(`error: no status viewer has been implemented for ${kind}\n`);
  }
}

function deploymentProgress(name: string, object: KubeObject, wanted: number): Progress {
  const count = (field: string): number => numberAt(object, 'status', field) ?? 0;
  const stuck = listAt(object, 'status', 'conditions').some(
    (one) => textAt(one, 'type') === 'Progressing' && textAt(one, 'reason') === 'ProgressDeadlineExceeded',
  );
  if (stuck) throw new Failure(`error: deployment "${name}" exceeded its progress deadline\n`);
  const head = `Waiting for deployment "${name}" rollout to finish: `;
  const [updated, total, available] = [
    count('updatedReplicas'),
    count('replicas'),
    count('availableReplicas'),
  ];
  const waits = (text: string): Progress => ({ text: `${head}${text}...\n`, done: false });
  if (updated < wanted) return waits(`${updated} out of ${wanted} new replicas have been updated`);
  if (total > updated) return waits(`${total - updated} old replicas are pending termination`);
  if (available < updated) return waits(`${available} of ${updated} updated replicas are available`);
  return { text: `deployment "${name}" successfully rolled out\n`, done: true };
}
