/**
 * One typed line as words, and as a program with its pipes. Quotes and backslashes are a shell's, and so is a `~` at
 * the beginning of a word. Other expansions, redirections and lists of commands are not there, and are refused
 * rather than passed on as words.
 */

/** A pipe stage that the prompt itself does on the program's output. */
export type Filter =
  | { readonly kind: 'grep'; readonly pattern: RegExp; readonly invert: boolean; readonly count: boolean }
  | { readonly kind: 'head'; readonly lines: number };

export interface TypedLine {
  /** Empty for an empty line. */
  readonly argv: readonly string[];
  readonly filters: readonly Filter[];
}

/** A line that this prompt does not understand; `message` says what and what to do instead. */
export class LineError extends Error {
  override readonly name = 'LineError';
}

/** `home` is what `~` stands for. Throws a `LineError`. */
export function parseLine(line: string, home: string): TypedLine {
  const [argv = [], ...pipes] = splitLine(line, home);
  if (pipes.length > 0 && argv.length === 0) throw new LineError('syntax error near |');
  return { argv, filters: pipes.map(parseFilter) };
}

const OPERATORS: Readonly<Record<string, string>> = {
  '>': 'there are no redirections at this prompt',
  '<': 'there are no redirections at this prompt',
  ';': 'type one command a line',
  '&': 'type one command a line; nothing runs in the background',
  '`': 'there is no command substitution at this prompt',
  '(': 'there are no subshells at this prompt',
  ')': 'there are no subshells at this prompt',
  '*': 'there are no file patterns at this prompt; write * in quotes when it is meant',
  $: 'there are no variables at this prompt; write $ in single quotes when it is meant',
};

/** Words by pipe stage. */
function splitLine(line: string, home: string): readonly (readonly string[])[] {
  const stages: string[][] = [[]];
  let word: string | null = null;
  let at = 0;
  const endWord = (): void => {
    if (word !== null) stages.at(-1)?.push(word);
    word = null;
  };
  while (at < line.length) {
    const char = line.charAt(at);
    if (char === "'" || char === '"') {
      const quoted = readQuoted(line, at, char);
      word = (word ?? '') + quoted.text;
      at = quoted.end;
      continue;
    }
    if (char === '\\') {
      at += 1;
      word = (word ?? '') + line.charAt(at);
    } else if (char === ' ' || char === '\t') endWord();
    else if (char === '#' && word === null) break;
    else if (char === '|' && line.charAt(at + 1) === '|') throw new LineError(`||: ${OPERATORS[';'] ?? ''}`);
    else if (char === '|') {
      endWord();
      stages.push([]);
    } else if (char === '~' && word === null && /^~(\/|\s|$)/.test(line.slice(at))) word = home;
    else if (char in OPERATORS) throw new LineError(`${char}: ${OPERATORS[char] ?? ''}`);
    else word = (word ?? '') + char;
    at += 1;
  }
  endWord();
  return stages;
}

/** In double quotes a backslash escapes only what is special there; in single quotes nothing. */
function readQuoted(
  line: string,
  start: number,
  quote: string,
): { readonly text: string; readonly end: number } {
  let text = '';
  for (let at = start + 1; at < line.length; at += 1) {
    const char = line.charAt(at);
    if (char === quote) return { text, end: at + 1 };
    const next = line.charAt(at + 1);
    if (quote === '"' && char === '\\' && next !== '' && '"\\$`'.includes(next)) {
      text += next;
      at += 1;
    } else if (quote === '"' && (char === '$' || char === '`')) {
      throw new LineError(`${char}: ${OPERATORS[char] ?? ''}`);
    } else text += char;
  }
  throw new LineError(`a quote ${quote} is not closed`);
}

function parseFilter(words: readonly string[]): Filter {
  const [name, ...args] = words;
  if (name === 'grep') return parseGrep(args);
  if (name === 'head') return parseHead(args);
  throw new LineError(
    `| ${name ?? ''}: only | grep [-icvE] PATTERN and | head [-n N] are there at this prompt`,
  );
}

function parseGrep(args: readonly string[]): Filter {
  const flags = args.filter((arg) => /^-[icvE]+$/.test(arg)).join('');
  const [source, ...rest] = args.filter((arg) => !/^-[icvE]+$/.test(arg));
  if (source === undefined || rest.length > 0 || /^-./.test(source)) {
    throw new LineError('usage: | grep [-i] [-v] [-c] [-E] PATTERN');
  }
  try {
    const pattern = new RegExp(
      flags.includes('E') ? source : basicPattern(source),
      flags.includes('i') ? 'i' : '',
    );
    return { kind: 'grep', pattern, invert: flags.includes('v'), count: flags.includes('c') };
  } catch {
    throw new LineError(`grep: not a pattern: ${source}`);
  }
}

/** Basic regular expressions: `+ ? | ( ) { }` are letters unless a backslash stands before them. */
function basicPattern(source: string): string {
  return source.replace(/\\?[+?|(){}]/g, (found) => (found.length === 2 ? found.slice(1) : `\\${found}`));
}

function parseHead(args: readonly string[]): Filter {
  const [, , count = '10'] = /^(-n ?|-)?(\d+)?$/.exec(args.join(' ')) ?? [];
  if (args.length > 0 && !/^-(n ?)?\d+$/.test(args.join(' '))) throw new LineError('usage: | head [-n N]');
  return { kind: 'head', lines: Number(count) };
}

/** What is left of `text`, and the exit code of the last stage: grep's is 1 when nothing matched. */
export function applyFilters(
  text: string,
  code: number,
  filters: readonly Filter[],
): { readonly text: string; readonly code: number } {
  let result = { text, code };
  for (const filter of filters) {
    const lines = result.text === '' ? [] : result.text.replace(/\n$/, '').split('\n');
    if (filter.kind === 'head') result = { text: joined(lines.slice(0, filter.lines)), code: 0 };
    else {
      const kept = lines.filter((line) => filter.pattern.test(line) !== filter.invert);
      result = { text: filter.count ? `${kept.length}\n` : joined(kept), code: kept.length === 0 ? 1 : 0 };
    }
  }
  return result;
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
