/**
 * `find [PATH…] [-maxdepth N] [-type f|d] [-name PATTERN]`, by name in each folder. Actions and other tests are not
 * modelled.
 */
import type { Invocation } from '../process.js';
import { Failure, notModelled, shortProgram } from './failure.js';
import { absolute, baseName } from './paths.js';

interface Wanted {
  readonly maxDepth: number;
  /** `f` or `d`; null for both. */
  readonly type: string | null;
  readonly name: RegExp | null;
}

export const find = shortProgram((call) => {
  const cut = call.args.findIndex((word) => word.startsWith('-'));
  const paths = cut < 0 ? call.args : call.args.slice(0, cut);
  const wanted = readTests(cut < 0 ? [] : call.args.slice(cut));
  let code = 0;
  for (const path of paths.length === 0 ? ['.'] : paths) if (!walk(call, path, wanted)) code = 1;
  return code;
});

function readTests(words: readonly string[]): Wanted {
  let wanted: Wanted = { maxDepth: Infinity, type: null, name: null };
  for (let index = 0; index < words.length; index += 2) {
    const [test = '', value] = words.slice(index, index + 2);
    if (test === '-print') {
      index -= 1;
      continue;
    }
    if (!['-maxdepth', '-type', '-name', '-iname'].includes(test)) {
      if (
        /^-(newer|mtime|mmin|size|path|regex|exec|delete|not|o|a|perm|user|empty|ls|print0|mindepth)/.test(
          test,
        )
      )
        throw notModelled('find', test);
      throw new Failure(`find: unknown predicate \`${test}'\n`);
    }
    if (value === undefined) throw new Failure(`find: missing argument to \`${test}'\n`);
    if (test === '-maxdepth') wanted = { ...wanted, maxDepth: Number(value) };
    else if (test === '-type') wanted = { ...wanted, type: value };
    else wanted = { ...wanted, name: globPattern(value, test === '-iname') };
  }
  return wanted;
}

function globPattern(glob: string, ignoreCase: boolean): RegExp {
  const source = glob
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, ignoreCase ? 'i' : '');
}

/** False when there is no such path. */
function walk(call: Invocation, operand: string, wanted: Wanted): boolean {
  const { disk } = call.machine;
  const top = absolute(call, operand);
  if (!disk.exists(top)) {
    call.printError(`find: ‘${operand}’: No such file or directory\n`);
    return false;
  }
  const visit = (path: string, shown: string, depth: number): void => {
    const isFolder = disk.isDirectory(path);
    const typed = wanted.type === null || wanted.type === (isFolder ? 'd' : 'f');
    if (typed && (wanted.name?.test(baseName(path)) ?? true)) call.print(`${shown}\n`);
    if (!isFolder || depth >= wanted.maxDepth) return;
    for (const name of disk.list(path))
      visit(`${path === '/' ? '' : path}/${name}`, `${shown.replace(/\/$/, '')}/${name}`, depth + 1);
  };
  visit(top, operand, 0);
  return true;
}
