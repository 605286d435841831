/**
 * `helm install` and `helm upgrade [--install]`: hooks, objects, --wait, and the record of the release. A
 * helm that is killed on the way leaves its release pending, and the next one refuses to touch it, as the
 * real one does.
 */
import { parse } from 'yaml';
import { messageOf } from '../../../base/errors.js';
import type { KubeObject } from '../../objects.js';
import { sleep, type Sim } from '../../task.js';
import { mapAt, type Tree } from '../../tree.js';
import { Failure } from '../failure.js';
import { parseDuration } from '../kubectl/durations.js';
import type { Session } from '../kubectl/session.js';
import { absolute } from '../paths.js';
import { fetchChart } from './catalogue.js';
import type { ChartRelease } from './chart.js';
import { ask, find, mustReach, put, remove } from './requests.js';
import { waitReady } from './ready.js';
import { create, history, update, type Release } from './releases.js';
import { releaseText } from './status.js';

const DEFAULT_TIMEOUT_MS = 300_000;
const OWNER = 'meta.helm.sh/release-name';

export function* install(session: Session, operands: readonly string[]): Sim<number> {
  const [name, chart] = named(session, 'install', operands);
  yield* mustReach(session);
  const last = (yield* history(session, session.namespace, name)).at(-1);
  if (last !== undefined) {
    throw new Failure('Error: INSTALLATION FAILED: cannot re-use a name that is still in use\n');
  }
  return yield* run(session, name, chart, null);
}

export function* upgrade(session: Session, operands: readonly string[]): Sim<number> {
  const [name, chart] = named(session, 'upgrade', operands);
  yield* mustReach(session);
  const last = (yield* history(session, session.namespace, name)).at(-1) ?? null;
  if (last === null && !session.flags.has('install')) {
    throw new Failure(`Error: UPGRADE FAILED: "${name}" has no deployed releases\n`);
  }
  if (last === null) session.print(`Release "${name}" does not exist. Installing it now.\n`);
  else if (last.info.status.startsWith('pending')) {
    throw new Failure('Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress\n');
  }
  return yield* run(session, name, chart, last);
}

function named(session: Session, verb: string, operands: readonly string[]): [string, string] {
  const [name, chart] = operands;
  if (name === undefined || chart === undefined || operands.length > 2) {
    const count = operands.length === 1 ? '1 argument' : `${operands.length} arguments`;
    throw new Failure(
      `Error: "helm ${verb}" requires 2 arguments, not ${count}\n\n` +
        `Usage:  helm ${verb} [RELEASE] [CHART] [flags]\n`,
    );
  }
  for (const option of ['set', 'atomic', 'dry-run']) {
    if (session.flags.get(option) !== null)
      throw new Failure(`Error: the simulator does not model --${option}\n`);
  }
  return [name, chart];
}

function* run(session: Session, name: string, chartName: string, last: Release | null): Sim<number> {
  const { flags, call } = session;
  const { chart, version, appVersion } = fetchChart(chartName, flags.get('repo'), flags.get('version'));
  const values = readValues(session);
  yield* sleep(call.world.draw('helmInstall', call.prng));
  const wanted: ChartRelease = {
    ...{ name, values, appVersion },
    namespace: session.namespace,
    chartVersion: version,
  };
  const own = (objects: readonly KubeObject[]): KubeObject[] => objects.map((one) => owned(one, wanted));
  const objects = own(chart.objects(wanted));
  if (last === null) {
    if (flags.has('create-namespace')) yield* createNamespace(session);
    yield* mustOwn(session, objects, wanted);
  }
  const now = call.machine.date();
  let release: Release = {
    name,
    namespace: session.namespace,
    version: (last?.version ?? 0) + 1,
    info: {
      first_deployed: last?.info.first_deployed ?? now,
      last_deployed: now,
      deleted: '',
      description: last === null ? 'Initial install underway' : 'Preparing upgrade',
      status: last === null ? 'pending-install' : 'pending-upgrade',
    },
    chart: { metadata: { name: chart.name, version, appVersion } },
    config: values,
    objects,
  };
  yield* create(session, release);
  const prefix = last === null ? '' : 'UPGRADE FAILED: ';
  try {
    const limit = parseDuration(flags.get('timeout') ?? '') ?? DEFAULT_TIMEOUT_MS;
    const deadlineMs = call.world.nowMs + limit;
    const word = last === null ? 'install' : 'upgrade';
    yield* hooks(session, own(chart.before(wanted)), deadlineMs, `pre-${word}`);
    for (const object of objects) yield* put(session, object);
    for (const gone of removedSince(last, objects)) yield* remove(session, gone);
    if (flags.has('wait')) yield* waitReady(session, objects, deadlineMs);
    yield* hooks(session, own(chart.after(wanted)), deadlineMs, `post-${word}`);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const why = error.text.replace(/^Error: /, '').trimEnd();
    yield* update(
      session,
      release,
      'failed',
      `${last === null ? 'Release' : 'Upgrade'} "${name}" failed: ${why}`,
    );
    throw new Failure(`Error: ${prefix}${why}\n`);
  }
  if (last?.info.status === 'deployed') yield* update(session, last, 'superseded', last.info.description);
  release = yield* update(
    session,
    release,
    'deployed',
    last === null ? 'Install complete' : 'Upgrade complete',
  );
  if (last !== null) session.print(`Release "${name}" has been upgraded. Happy Helming!\n`);
  session.print(releaseText(release));
  return 0;
}

function readValues(session: Session): Tree {
  let values: Tree = {};
  for (const file of session.flags.list('values')) {
    const content = session.call.machine.disk.read(absolute(session.call, file));
    if (content === null) throw new Failure(`Error: open ${file}: no such file or directory\n`);
    try {
      values = mergeValues(values, mapAt(parse(content) as unknown));
    } catch (error) {
      const reason = messageOf(error).split('\n')[0] ?? '';
      throw new Failure(`Error: failed to parse ${file}: error converting YAML to JSON: yaml: ${reason}\n`);
    }
  }
  return values;
}

function mergeValues(base: Tree, over: Tree): Tree {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const both = Object.keys(mapAt(merged, key)).length > 0 && Object.keys(mapAt(over, key)).length > 0;
    merged[key] = both ? mergeValues(mapAt(merged, key), mapAt(over, key)) : value;
  }
  return merged;
}

function* createNamespace(session: Session): Sim<void> {
  const { namespace: name } = session;
  const labels = { 'kubernetes.io/metadata.name': name, name };
  const object: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
  if ((yield* find(session, object)) === null) yield* ask(session, 'POST', '/api/v1/namespaces', object);
}

function owned(object: KubeObject, release: ChartRelease): KubeObject {
  const { metadata } = object;
  const annotations = {
    ...metadata.annotations,
    [OWNER]: release.name,
    'meta.helm.sh/release-namespace': release.namespace,
  };
  const labels = { ...metadata.labels, 'app.kubernetes.io/managed-by': 'Helm' };
  return { ...object, metadata: { ...metadata, annotations, labels } };
}

/** An object that somebody else made is not taken over. */
function* mustOwn(session: Session, objects: readonly KubeObject[], release: ChartRelease): Sim<void> {
  for (const object of objects) {
    const existing = yield* find(session, object);
    if (existing === null || existing.metadata.annotations?.[OWNER] === release.name) continue;
    const { name, namespace = '' } = object.metadata;
    throw new Failure(
      `Error: Unable to continue with install: ${object.kind} "${name}" in namespace "${namespace}" exists ` +
        'and cannot be imported into the current release: invalid ownership metadata; label validation error: ' +
        'missing key "app.kubernetes.io/managed-by": must be set to "Helm"; annotation validation error: ' +
        `missing key "${OWNER}": must be set to "${release.name}"\n`,
    );
  }
}

/** Jobs that run to their end and are deleted; helm keeps what belongs to them. */
function* hooks(
  session: Session,
  objects: readonly KubeObject[],
  deadlineMs: number,
  when: string,
): Sim<void> {
  for (const object of objects) {
    if (object.kind === 'Job') yield* remove(session, object);
    yield* put(session, object);
    if (object.kind !== 'Job') continue;
    try {
      yield* waitReady(session, [object], deadlineMs);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const why = error.text.replace(/^Error: /, '');
      throw new Failure(
        `Error: failed ${when}: ${why.includes('deadline') ? 'timed out waiting for the condition\n' : why}`,
      );
    }
    yield* remove(session, object);
  }
}

function removedSince(last: Release | null, objects: readonly KubeObject[]): KubeObject[] {
  const key = (one: KubeObject): string => `${one.kind}/${one.metadata.namespace ?? ''}/${one.metadata.name}`;
  const kept = new Set(objects.map(key));
  return (last?.objects ?? []).filter((one) => !kept.has(key(one)));
}
