/** Coreutils and grep over files or standard input: echo, head, tail, wc, grep. */
import type { Invocation } from '../process.js';
import { parentOf } from '../disk.js';
import { waitFor, type Sim } from '../task.js';
import { Failure, gnuFlags, notModelled, program, shortProgram } from './failure.js';
import type { Flags } from './flags.js';
import { absolute, quoted } from './paths.js';

export const echo = shortProgram((call) => {
  const words = [...call.args];
  let line = '\n';
  for (let word = words[0] ?? ''; /^-[neE]+$/.test(word); word = words[0] ?? '') {
    if (word.includes('n')) line = '';
    if (word.includes('e')) throw notModelled('echo', '-e');
    words.shift();
  }
  call.print(words.join(' ') + line);
  return 0;
});

interface Input {
  readonly name: string;
  readonly text: string;
}

/** Files in order, `-` and none at all for standard input; `explain` words what cannot be read. */
function readInputs(
  call: Invocation,
  operands: readonly string[],
  explain: (name: string, why: string) => string,
): { readonly inputs: readonly Input[]; readonly failed: boolean } {
  const inputs: Input[] = [];
  for (const name of operands.length === 0 ? ['-'] : operands) {
    const { disk } = call.machine;
    const path = absolute(call, name);
    const text = name === '-' ? new TextDecoder().decode(call.stdin) : disk.read(path);
    if (text !== null) inputs.push({ name, text });
    else
      call.printError(explain(name, disk.isDirectory(path) ? 'Is a directory' : 'No such file or directory'));
  }
  return { inputs, failed: inputs.length < Math.max(1, operands.length) };
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** `-20` is short for `-n 20`, as both tools read it. */
function longForm(args: readonly string[]): string[] {
  return args.map((word) => word.replace(/^-(\d+)$/, '--lines=$1'));
}

const PART_FLAGS = ['lines|n=', 'bytes|c=', 'quiet|q', 'verbose|v', 'follow|f', 'F', 'retry'];

type Cut = (lines: readonly string[], count: string) => readonly string[];

/** Prints a part of each file; false when one of them could not be read. */
function printParts(call: Invocation, name: 'head' | 'tail', flags: Flags, cut: Cut): boolean {
  if (flags.has('bytes')) throw notModelled(name, '--bytes');
  const count = flags.get('lines') ?? '10';
  if (!/^[+-]?\d+$/.test(count)) throw new Failure(`${name}: invalid number of lines: ‘${count}’\n`);
  const { inputs, failed } = readInputs(call, flags.operands, (file, why) =>
    why === 'Is a directory'
      ? `${name}: error reading '${file}': ${why}\n`
      : `${name}: cannot open '${file}' for reading: ${why}\n`,
  );
  for (const [index, input] of inputs.entries()) {
    const title = input.name === '-' ? 'standard input' : input.name;
    if (flags.operands.length > 1 && !flags.has('quiet'))
      call.print(`${index > 0 ? '\n' : ''}==> ${title} <==\n`);
    for (const line of cut(linesOf(input.text), count)) call.print(`${line}\n`);
  }
  return !failed;
}

export const head = shortProgram((call) => {
  const flags = gnuFlags('head', PART_FLAGS.slice(0, 4), longForm(call.args));
  const cut: Cut = (lines, count) => lines.slice(0, Number(count));
  return printParts(call, 'head', flags, cut) ? 0 : 1;
});

export const tail = program('command', function* run(call) {
  const flags = gnuFlags('tail', PART_FLAGS, longForm(call.args));
  const follows = flags.has('follow') || flags.has('F');
  if (follows && flags.operands.length !== 1) throw notModelled('tail', '-f of several files or of none');
  const read = printParts(call, 'tail', flags, (lines, count) =>
    count.startsWith('+')
      ? lines.slice(Math.max(0, Number(count) - 1))
      : lines.slice(Math.max(0, lines.length - Math.abs(Number(count)))),
  );
  if (!follows || !read) return read ? 0 : 1;
  return yield* followFile(call, absolute(call, flags.operands[0] ?? ''));
});

/** Follows a file: lines added at its end; where the rest changed too, those after the last one that was seen. */
function* followFile(call: Invocation, path: string): Sim<never> {
  const { disk } = call.machine;
  let seen = linesOf(disk.read(path) ?? '');
  for (;;) {
    yield* waitFor([disk.watch(parentOf(path))]);
    const lines = linesOf(disk.read(path) ?? '');
    const kept = seen.at(-1) === undefined ? -1 : lines.lastIndexOf(seen.at(-1) ?? '');
    for (const line of lines.slice(kept + 1)) call.print(`${line}\n`);
    seen = lines;
  }
}

export const wc = shortProgram((call) => {
  const flags = gnuFlags('wc', ['lines|l', 'words|w', 'bytes|c', 'chars|m'], call.args);
  const { inputs, failed } = readInputs(call, flags.operands, (file, why) => `wc: ${quoted(file)}: ${why}\n`);
  const rows = inputs.map(({ name, text }) => ({ name, counts: countsOf(text) }));
  const total = [0, 1, 2].map((column) => rows.reduce((sum, { counts }) => sum + (counts[column] ?? 0), 0));
  if (flags.operands.length > 1) rows.push({ name: 'total', counts: total });
  const asked = ['lines', 'words', 'bytes'].map(
    (kind) => flags.has(kind) || (kind === 'bytes' && flags.has('chars')),
  );
  const all = !asked.includes(true);
  const shown = asked.filter((one) => one).length;
  // As wide as the size of all files; a single number stands alone, and what is no file gets seven columns.
  const width =
    shown === 1 && flags.operands.length <= 1
      ? 1
      : flags.operands.length === 0
        ? 7
        : String(total[2] ?? 0).length;
  for (const { name, counts } of rows) {
    const cells = counts.filter((_, column) => all || asked[column] === true);
    const line = cells.map((cell) => String(cell).padStart(width)).join(' ');
    call.print(flags.operands.length === 0 ? `${line}\n` : `${line} ${name}\n`);
  }
  return failed ? 1 : 0;
});

function countsOf(text: string): number[] {
  const words = text.split(/\s+/).filter((word) => word !== '').length;
  return [text.split('\n').length - 1, words, new TextEncoder().encode(text).length];
}

const GREP_FLAGS = [
  ...['ignore-case|i', 'invert-match|v', 'count|c', 'extended-regexp|E', 'fixed-strings|F', 'line-number|n'],
  ...[
    'quiet|q',
    'files-with-matches|l',
    'only-matching|o',
    'word-regexp|w',
    'no-messages|s',
    'no-filename|h',
  ],
  ...['recursive|r', 'regexp|e=', 'color?=auto', 'with-filename|H'],
];

/** `grep` with the expressions of JavaScript, which are those of `grep -E` as far as people use them in a hurry. */
export const grep = shortProgram((call) => {
  const flags = gnuFlags('grep', GREP_FLAGS, call.args, 2);
  if (flags.has('recursive')) throw notModelled('grep', '-r', 2);
  const operands = [...flags.operands];
  const source = flags.get('regexp') ?? operands.shift();
  if (source === undefined)
    throw new Failure(
      "Usage: grep [OPTION]... PATTERNS [FILE]...\nTry 'grep --help' for more information.\n",
      2,
    );
  const pattern = patternOf(
    source,
    flags.has('fixed-strings'),
    flags.has('word-regexp'),
    flags.has('ignore-case'),
  );
  const { inputs, failed } = readInputs(call, operands, (file, why) => `grep: ${file}: ${why}\n`);
  const named = !flags.has('no-filename') && (operands.length > 1 || flags.has('with-filename'));
  let found = false;
  for (const { name, text } of inputs) {
    const title = name === '-' ? '(standard input)' : name;
    const hits = linesOf(text)
      .map((line, index) => ({ line, number: index + 1 }))
      .filter(({ line }) => pattern.test(line) !== flags.has('invert-match'));
    found ||= hits.length > 0;
    if (flags.has('quiet')) continue;
    const prefix = named ? `${title}:` : '';
    if (flags.has('files-with-matches')) call.print(hits.length > 0 ? `${title}\n` : '');
    else if (flags.has('count')) call.print(`${prefix}${hits.length}\n`);
    else
      for (const { line, number } of hits) {
        const parts = flags.has('only-matching')
          ? (line.match(new RegExp(pattern, `g${pattern.flags}`)) ?? [])
          : [line];
        for (const one of parts)
          call.print(`${prefix}${flags.has('line-number') ? `${number}:` : ''}${one}\n`);
      }
  }
  return failed ? 2 : found ? 0 : 1;
});

function patternOf(source: string, fixed: boolean, word: boolean, ignoreCase: boolean): RegExp {
  const plain = fixed ? source.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&') : source.replaceAll('\\|', '|');
  try {
    return new RegExp(word ? `\\b(?:${plain})\\b` : plain, ignoreCase ? 'i' : '');
  } catch {
    throw new Failure(`grep: Invalid regular expression\n`, 2);
  }
}
