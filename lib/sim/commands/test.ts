/**
 * `test` and `[`: file and string primaries, integers, `!`, `-a`, `-o`. Times, links and terminals are not
 * modelled.
 */
import type { Invocation } from '../process.js';
import { Failure, shortProgram } from './failure.js';
import { absolute } from './paths.js';

export const test = shortProgram((call) => (evaluate(call, 'test', call.args) ? 0 : 1));

export const bracket = shortProgram((call) => {
  if (call.args.at(-1) !== ']') throw new Failure("[: missing ']'\n", 2);
  return evaluate(call, '[', call.args.slice(0, -1)) ? 0 : 1;
});

function evaluate(call: Invocation, name: string, words: readonly string[]): boolean {
  if (words.length === 0) return false;
  for (const joint of ['-o', '-a'] as const) {
    // A primary takes at most three words, so a joint is looked for between them only.
    const at = words.length > 3 ? words.indexOf(joint, 1) : -1;
    if (at < 0) continue;
    const left = evaluate(call, name, words.slice(0, at));
    const right = evaluate(call, name, words.slice(at + 1));
    return joint === '-o' ? left || right : left && right;
  }
  if (words[0] === '!' && words.length > 1) return !evaluate(call, name, words.slice(1));
  const [first = '', second = '', third = ''] = words;
  if (words.length === 1) return first !== '';
  if (words.length === 2) return unary(call, name, first, second);
  if (words.length === 3) return binary(name, first, second, third);
  throw new Failure(`${name}: extra argument ‘${words[3] ?? ''}’\n`, 2);
}

function unary(call: Invocation, name: string, operator: string, operand: string): boolean {
  const { disk } = call.machine;
  const path = absolute(call, operand);
  const entry = operand === '' ? null : disk.entry(path);
  switch (operator) {
    case '-e':
    case '-r':
    case '-w':
      return entry !== null;
    case '-f':
      return entry?.kind === 'file';
    case '-d':
      return entry?.kind === 'directory';
    case '-s':
      return entry !== null && (entry.kind === 'directory' || entry.size > 0);
    case '-x':
      return entry !== null && (entry.kind === 'directory' || (entry.mode & 0o111) !== 0);
    case '-L':
    case '-h':
      return false;
    case '-n':
      return operand !== '';
    case '-z':
      return operand === '';
    default:
      throw new Failure(`${name}: ‘${operator}’: unary operator expected\n`, 2);
  }
}

function binary(name: string, left: string, operator: string, right: string): boolean {
  switch (operator) {
    case '=':
    case '==':
      return left === right;
    case '!=':
      return left !== right;
    case '-eq':
      return integer(name, left) === integer(name, right);
    case '-ne':
      return integer(name, left) !== integer(name, right);
    case '-lt':
      return integer(name, left) < integer(name, right);
    case '-le':
      return integer(name, left) <= integer(name, right);
    case '-gt':
      return integer(name, left) > integer(name, right);
    case '-ge':
      return integer(name, left) >= integer(name, right);
    default:
      throw new Failure(`${name}: ‘${operator}’: binary operator expected\n`, 2);
  }
}

function integer(name: string, text: string): number {
  if (!/^\s*[-+]?\d+\s*$/.test(text)) throw new Failure(`${name}: invalid integer ‘${text}’\n`, 2);
  return Number(text);
}
