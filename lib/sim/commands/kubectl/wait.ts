/** `kubectl wait --for=condition=…|delete|create|jsonpath=…`, 30 seconds unless told otherwise. */
import type { ResourceType } from '../../api/resources.js';
import type { KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { listAt, textAt } from '../../tree.js';
import { Failure } from '../failure.js';
import { parseDuration } from './durations.js';
import { follow } from './follow.js';
import { listPath, readTargets } from './get.js';
import { JsonPathError, valuesAt } from './jsonpath.js';
import { pathOf, shownType } from './resources.js';
import type { Session } from './session.js';

export const WAIT_FLAGS = ['for=', 'timeout=', 'selector|l=', 'all', 'all-namespaces|A', 'field-selector='];

const DEFAULT_MS = 30_000;
/** What a negative --timeout means. */
const WEEK_MS = 604_800_000;

type Test = (object: KubeObject | null) => boolean;

export function* wait(session: Session, operands: readonly string[]): Sim<number> {
  const { flags, call } = session;
  if (operands.length === 0)
    throw new Failure('error: resource(s) were provided, but no name was specified\n');
  const wanted = flags.get('for') ?? '';
  const test = parseCondition(wanted);
  const limit = flags.get('timeout') === null ? DEFAULT_MS : parseDuration(flags.get('timeout') ?? '');
  if (limit === null) {
    const text = flags.get('timeout') ?? '';
    throw new Failure(
      `error: invalid argument "${text}" for "--timeout" flag: time: invalid duration "${text}"\n`,
    );
  }
  const deadlineMs = call.world.nowMs + (limit < 0 ? WEEK_MS : limit);
  yield* session.discover();
  const objects = yield* find(session, operands, wanted);
  if (objects.length === 0) {
    if (wanted === 'delete') return 0;
    throw new Failure('error: no matching resources found\n');
  }
  const problems: string[] = [];
  for (const { type, path, name } of objects) {
    if (yield* follow(session, path, deadlineMs, test))
      session.print(`${shownType(type)}/${name} condition met\n`);
    else problems.push(`timed out waiting for the condition on ${type.resource}/${name}\n`);
  }
  const [only] = problems;
  // kubectl puts "error: " before a single error, and nothing before several.
  if (problems.length === 1 && only !== undefined) call.printError(`error: ${only}`);
  else for (const problem of problems) call.printError(problem);
  return problems.length > 0 ? 1 : 0;
}

interface Waited {
  readonly type: ResourceType;
  readonly path: string;
  readonly name: string;
}

function* find(session: Session, operands: readonly string[], wanted: string): Sim<Waited[]> {
  const found: Waited[] = [];
  for (const { type, names } of yield* readTargets(session, operands)) {
    for (const name of names) {
      const path = pathOf(type, type.namespaced ? session.namespace : null, name);
      const outcome = yield* session.request('GET', path);
      const missing = outcome.kind === 'error' && outcome.status.code === 404;
      if (outcome.kind !== 'ok' && !(missing && (wanted === 'delete' || wanted === 'create'))) {
        throw session.failure(outcome);
      }
      if (outcome.kind === 'ok' || wanted === 'create') found.push({ type, path, name });
    }
    if (names.length > 0) continue;
    const { items } = yield* session.list(listPath(session, type));
    found.push(
      ...items.map((item) => ({
        ...{ type, name: item.metadata.name },
        path: pathOf(type, item.metadata.namespace ?? null, item.metadata.name),
      })),
    );
  }
  return found;
}

function parseCondition(wanted: string): Test {
  if (wanted.toLowerCase() === 'delete') return (object) => object === null;
  if (wanted.toLowerCase() === 'create') return (object) => object !== null;
  const condition = /^condition=([^=]+)(?:=(.*))?$/.exec(wanted);
  if (condition !== null) {
    const [, type = '', status = 'true'] = condition;
    return (object) =>
      listAt(object, 'status', 'conditions').some(
        (one) =>
          textAt(one, 'type')?.toLowerCase() === type.toLowerCase() &&
          textAt(one, 'status')?.toLowerCase() === status.toLowerCase(),
      );
  }
  const path = /^jsonpath=['"]?(\{.*?\}|\.[^=]*)['"]?(?:=(.*))?$/.exec(wanted);
  if (path === null) throw new Failure(`error: unrecognized condition: "${wanted}"\n`);
  const [, expression = '', value] = path;
  const literal = value?.replace(/^(['"])(.*)\1$/, '$2');
  return (object) => {
    try {
      const [found] = valuesAt(expression, object);
      return literal === undefined ? found !== undefined : String(found) === literal;
    } catch (error) {
      if (!(error instanceof JsonPathError)) throw error;
      throw new Failure(`error: error parsing jsonpath ${expression}, ${error.message}\n`);
    }
  };
}
