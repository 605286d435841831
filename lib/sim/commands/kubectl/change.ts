/** The verbs that change a field or two: scale, label, annotate, taint, patch. */
import { parse } from 'yaml';
import { messageOf } from '../../../base/errors.js';
import type { KubeObject } from '../../objects.js';
import type { Sim } from '../../task.js';
import { listAt, numberAt } from '../../tree.js';
import { Failure } from '../failure.js';
import { covers } from './apply.js';
import { listPath, readTargets, type Target } from './get.js';
import { pathOf, shownType } from './resources.js';
import type { Session } from './session.js';

export const SCALE_FLAGS = ['replicas=', 'current-replicas=', 'timeout=', 'selector|l=', 'all'];
export const LABEL_FLAGS = ['overwrite', 'selector|l=', 'all', 'all-namespaces|A', 'list', 'field-selector='];
export const PATCH_FLAGS = ['patch|p=', 'type=', 'patch-file=', 'subresource='];

interface Chosen {
  readonly target: Target;
  readonly object: KubeObject;
  readonly path: string;
}

/** The objects behind the operands; by name, or all and by label. */
function* choose(session: Session, operands: readonly string[]): Sim<Chosen[]> {
  const { flags } = session;
  const chosen: Chosen[] = [];
  for (const target of yield* readTargets(session, operands)) {
    const { type, names } = target;
    for (const name of names) {
      const path = pathOf(type, type.namespaced ? session.namespace : null, name);
      chosen.push({ target, path, object: yield* session.getObject(path) });
    }
    if (names.length > 0) continue;
    if (!flags.has('all') && flags.get('selector') === null) {
      throw new Failure('error: one or more resources must be specified as <resource> <name>\n');
    }
    const { items } = yield* session.list(listPath(session, type));
    for (const object of items) {
      const path = pathOf(type, object.metadata.namespace ?? null, object.metadata.name);
      chosen.push({ target, path, object });
    }
  }
  return chosen;
}

function shown({ target, object }: Chosen): string {
  return `${shownType(target.type)}/${object.metadata.name}`;
}

/** Each object by itself: what is not there is told at the end, and not at all when nothing else is. */
function* chooseScaled(
  session: Session,
  [first = '', ...names]: readonly string[],
): Sim<{ readonly chosen: readonly Chosen[]; readonly missing: Failure | null }> {
  const chosen: Chosen[] = [];
  let missing: Failure | null = null;
  const single = names.length === 0 || first.includes('/');
  const each = single ? [first, ...names].map((one) => [one]) : names.map((name) => [first, name]);
  for (const operands of each) {
    try {
      chosen.push(...(yield* choose(session, operands)));
    } catch (error) {
      if (!(error instanceof Failure) || !error.text.includes('(NotFound)')) throw error;
      missing ??= error;
    }
  }
  if (chosen.length === 0) throw new Failure('error: no objects passed to scale\n');
  return { chosen, missing };
}

export function* scale(session: Session, operands: readonly string[]): Sim<number> {
  const replicas = session.flags.get('replicas');
  if (replicas === null) throw new Failure('error: required flag(s) "replicas" not set\n');
  if (!/^\d+$/.test(replicas)) {
    throw new Failure(
      'error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0\n',
    );
  }
  yield* session.discover();
  const expected = session.flags.get('current-replicas');
  const { chosen: all, missing } = yield* chooseScaled(session, operands);
  for (const chosen of all) {
    const current = numberAt(chosen.object, 'spec', 'replicas') ?? 1;
    if (expected !== null && Number(expected) !== current) {
      throw new Failure(`error: Expected replicas to be ${expected}, was ${current}\n`);
    }
    yield* session.ask('PATCH', chosen.path, { spec: { replicas: Number(replicas) } });
    session.print(`${shown(chosen)} scaled\n`);
  }
  if (missing !== null) throw missing;
  return 0;
}

export function label(session: Session, operands: readonly string[]): Sim<number> {
  return mark(session, operands, 'labels');
}

export function annotate(session: Session, operands: readonly string[]): Sim<number> {
  return mark(session, operands, 'annotations');
}

function* mark(session: Session, operands: readonly string[], what: 'labels' | 'annotations'): Sim<number> {
  const isChange = (word: string): boolean => /^[^=]+=|^[^=/]+(\/[^=]+)?-$/.test(word);
  const at = operands.findIndex((word, index) => index > 0 && isChange(word));
  const words = at < 0 ? [] : operands.slice(at);
  const noun = what === 'labels' ? 'label' : 'annotation';
  if (words.length === 0) throw new Failure(`error: at least one ${noun} update is required\n`);
  yield* session.discover();
  for (const chosen of yield* choose(session, operands.slice(0, at))) {
    const current: Readonly<Record<string, string>> = chosen.object.metadata[what] ?? {};
    const changes: Record<string, string | null> = {};
    let removesOnly = true;
    for (const word of words) {
      const cut = word.indexOf('=');
      if (cut < 0) {
        const key = word.slice(0, -1);
        if (key in current) changes[key] = null;
        else if (what === 'labels') session.print(`label "${key}" not found.\n`);
        continue;
      }
      const [key, value] = [word.slice(0, cut), word.slice(cut + 1)];
      if (key in current && current[key] !== value && !session.flags.has('overwrite')) {
        const has = `'${key}' already has a value (${current[key] ?? ''})`;
        throw new Failure(
          what === 'labels'
            ? `error: ${has}, and --overwrite is false\n`
            : `error: --overwrite is false but found the following declared annotation(s): ${has}\n`,
        );
      }
      removesOnly = false;
      if (current[key] !== value) changes[key] = value;
    }
    const changed = Object.keys(changes).length > 0;
    if (changed) yield* session.ask('PATCH', chosen.path, { metadata: { [what]: changes } });
    const done = what === 'labels' ? (removesOnly ? 'unlabeled' : 'labeled') : 'annotated';
    session.print(`${shown(chosen)} ${changed || what === 'annotations' ? done : 'not labeled'}\n`);
  }
  return 0;
}

interface Taint {
  readonly key: string;
  readonly value?: string;
  readonly effect?: string;
}

export function* taint(session: Session, operands: readonly string[]): Sim<number> {
  const isChange = (word: string): boolean => /^[^:=]+(=[^:]*)?(:\w+)?-?$/.test(word) && /[:-]/.test(word);
  const byName = operands[0]?.includes('/') === true ? 1 : 2;
  const start = session.flags.has('all') || session.flags.get('selector') !== null ? 1 : byName;
  const words = operands.slice(start).filter(isChange);
  if (operands.length === 0 || (words.length === 0 && operands.length < 2)) {
    throw new Failure('error: one or more resources must be specified as <resource> <name>\n');
  }
  if (words.length === 0) throw new Failure('error: at least one taint update is required\n');
  yield* session.discover();
  for (const chosen of yield* choose(session, operands.slice(0, start))) {
    const { name } = chosen.object.metadata;
    let taints = listAt(chosen.object, 'spec', 'taints') as readonly Taint[];
    let removesOnly = true;
    for (const word of words) {
      const [, key = '', value, effect, minus] = /^([^:=]+?)(?:=([^:]*?))?(?::(\w+))?(-)?$/.exec(word) ?? [];
      const same = (one: Taint): boolean =>
        one.key === key && (effect === undefined || one.effect === effect);
      if (minus !== undefined) {
        if (!taints.some(same)) {
          throw new Failure(`error: taint "${key}${effect === undefined ? '' : `:${effect}`}" not found\n`);
        }
        taints = taints.filter((one) => !same(one));
        continue;
      }
      if (!['NoSchedule', 'PreferNoSchedule', 'NoExecute'].includes(effect ?? '')) {
        throw new Failure(
          `error: invalid taint spec: ${word}, invalid taint effect: ${effect ?? ''}, ` +
            'unsupported taint effect\n',
        );
      }
      if (taints.some(same) && !session.flags.has('overwrite')) {
        throw new Failure(
          `error: node ${name} already has ${key} taint(s) with same effect(s) and --overwrite is false\n`,
        );
      }
      removesOnly = false;
      const added = { key, ...(value === undefined || value === '' ? {} : { value }), effect: effect ?? '' };
      taints = [...taints.filter((one) => !same(one)), added];
    }
    yield* session.ask('PATCH', chosen.path, { spec: { taints: taints.length === 0 ? null : taints } });
    session.print(`node/${name} ${removesOnly ? 'untainted' : 'tainted'}\n`);
  }
  return 0;
}

export function* patch(session: Session, operands: readonly string[]): Sim<number> {
  const { flags } = session;
  const written = flags.get('patch');
  if (written === null)
    throw new Failure('error: must specify --patch or --patch-file containing the contents of the patch\n');
  const kind = flags.get('type') ?? 'strategic';
  if (kind === 'json') throw new Failure('error: the simulator does not model patch --type json\n');
  if (kind !== 'strategic' && kind !== 'merge') {
    throw new Failure(`error: --type must be one of [json merge strategic], not "${kind}"\n`);
  }
  const body = readPatch(written);
  yield* session.discover();
  for (const chosen of yield* choose(session, operands)) {
    const same = covers(chosen.object, body);
    const subresource = flags.get('subresource');
    yield* session.ask('PATCH', `${chosen.path}${subresource === null ? '' : `/${subresource}`}`, body);
    session.print(`${shown(chosen)} patched${same ? ' (no change)' : ''}\n`);
  }
  return 0;
}

function readPatch(written: string): unknown {
  try {
    return parse(written) as unknown;
  } catch (error) {
    throw new Failure(
      `error: unable to parse "${written}": yaml: ${messageOf(error).split('\n')[0] ?? ''}\n`,
    );
  }
}
