/**
 * Command-line flags as the two libraries behind most simulated programs read them: Go's pflag and C's
 * getopt_long. Abbreviated long options of getopt_long are not modelled.
 */

/**
 * One flag. `all|a` is a switch, `mode|m=` needs a value, `dry-run?=none` may have one and is `none` without.
 * A flag with only a one-letter name has no long form.
 */
export type FlagSpec = string;

export type FlagProblemKind = 'unknown' | 'needs-value' | 'takes-no-value' | 'not-a-boolean';

export class FlagProblem extends Error {
  override readonly name = 'FlagProblem';
  readonly kind: FlagProblemKind;
  /** `--mode` or `-m`. */
  readonly flag: string;
  /** The whole argument that the flag was found in. */
  readonly argument: string;

  constructor(kind: FlagProblemKind, flag: string, argument: string) {
    super(`${kind}: ${flag}`);
    this.kind = kind;
    this.flag = flag;
    this.argument = argument;
  }
}

interface Flag {
  readonly name: string;
  readonly value: 'none' | 'required' | 'optional';
  readonly whenBare: string;
}

/** What was given: values by long name (or by the only name), in order, and what is no flag. */
export class Flags {
  readonly operands: string[] = [];
  readonly #values = new Map<string, string[]>();

  /** A switch is on; `--switch=false` is off. */
  has(name: string): boolean {
    const last = this.get(name);
    return last !== null && last !== 'false';
  }

  /** The last value; null when the flag was not given. */
  get(name: string): string | null {
    return this.#values.get(name)?.at(-1) ?? null;
  }

  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  add(name: string, value: string): void {
    this.#values.set(name, [...this.list(name), value]);
  }
}

/** Reads flags anywhere between operands, up to `--`. Throws a `FlagProblem` for one that it does not know. */
export function parseFlags(specs: readonly FlagSpec[], args: readonly string[]): Flags {
  const known = flagTable(specs);
  const flags = new Flags();
  const rest = [...args];
  for (let argument = rest.shift(); argument !== undefined; argument = rest.shift()) {
    if (argument === '--') {
      flags.operands.push(...rest);
      break;
    }
    if (argument.startsWith('--')) readLong(known, flags, argument, rest);
    else if (argument.startsWith('-') && argument !== '-') readShort(known, flags, argument, rest);
    else flags.operands.push(argument);
  }
  return flags;
}

/** As spf13/pflag says it, without the program's own `error: `. */
export function pflagText(problem: FlagProblem): string {
  const letter = problem.flag.slice(1);
  switch (problem.kind) {
    case 'unknown':
      return problem.flag.startsWith('--')
        ? `unknown flag: ${problem.flag}`
        : `unknown shorthand flag: '${letter}' in ${problem.argument}`;
    case 'needs-value':
      return problem.flag.startsWith('--')
        ? `flag needs an argument: ${problem.flag}`
        : `flag needs an argument: '${letter}' in ${problem.argument}`;
    case 'takes-no-value':
    case 'not-a-boolean': {
      const value = problem.argument.slice(problem.argument.indexOf('=') + 1);
      return (
        `invalid argument "${value}" for "${problem.flag}" flag: ` +
        `strconv.ParseBool: parsing "${value}": invalid syntax`
      );
    }
  }
}

/** As glibc's getopt_long says it, with the line that GNU programs add. */
export function getoptText(program: string, problem: FlagProblem): string {
  return `${program}: ${getoptReason(problem)}\nTry '${program} --help' for more information.\n`;
}

function getoptReason(problem: FlagProblem): string {
  const long = problem.flag.startsWith('--');
  switch (problem.kind) {
    case 'unknown':
      return long ? `unrecognized option '${problem.flag}'` : `invalid option -- '${problem.flag.slice(1)}'`;
    case 'needs-value':
      return long
        ? `option '${problem.flag}' requires an argument`
        : `option requires an argument -- '${problem.flag.slice(1)}'`;
    case 'takes-no-value':
    case 'not-a-boolean':
      return `option '${problem.flag}' doesn't allow an argument`;
  }
}

function flagTable(specs: readonly FlagSpec[]): Map<string, Flag> {
  const table = new Map<string, Flag>();
  for (const spec of specs) {
    const [, names = '', optional, whenBare = ''] = /^([^?=]+)(\?)?=?(.*)$/.exec(spec) ?? [];
    const value = optional === '?' ? 'optional' : spec.endsWith('=') ? 'required' : 'none';
    const [name = '', ...others] = names.split('|');
    const flag = { name, value, whenBare } as const;
    for (const each of [name, ...others]) table.set(each.length === 1 ? `-${each}` : `--${each}`, flag);
  }
  return table;
}

function readLong(known: Map<string, Flag>, flags: Flags, argument: string, rest: string[]): void {
  const cut = argument.indexOf('=');
  const written = cut < 0 ? argument : argument.slice(0, cut);
  const inline = cut < 0 ? null : argument.slice(cut + 1);
  const flag = known.get(written);
  if (flag === undefined) throw new FlagProblem('unknown', written, argument);
  if (flag.value === 'none') {
    if (inline !== null && !/^(true|false|1|0)$/.test(inline)) {
      throw new FlagProblem('not-a-boolean', written, argument);
    }
    flags.add(flag.name, inline === 'false' || inline === '0' ? 'false' : 'true');
    return;
  }
  if (inline !== null) flags.add(flag.name, inline);
  else if (flag.value === 'optional') flags.add(flag.name, flag.whenBare);
  else {
    const next = rest.shift();
    if (next === undefined) throw new FlagProblem('needs-value', written, argument);
    flags.add(flag.name, next);
  }
}

function readShort(known: Map<string, Flag>, flags: Flags, argument: string, rest: string[]): void {
  for (let index = 1; index < argument.length; index += 1) {
    const letter = `-${argument[index] ?? ''}`;
    const flag = known.get(letter);
    if (flag === undefined) throw new FlagProblem('unknown', letter, argument);
    if (flag.value === 'none') {
      flags.add(flag.name, 'true');
      continue;
    }
    const inline = argument.slice(index + 1).replace(/^=/, '');
    if (inline !== '') flags.add(flag.name, inline);
    else if (flag.value === 'optional') flags.add(flag.name, flag.whenBare);
    else {
      const next = rest.shift();
      if (next === undefined) throw new FlagProblem('needs-value', letter, argument);
      flags.add(flag.name, next);
    }
    return;
  }
}
