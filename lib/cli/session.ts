/** One run of one command: its options, and how it speaks: results on standard output, all else on standard error. */
import pc from 'picocolors';
import type { Problem, UserError } from '../base/errors.js';
import type { Io } from './io.js';

export interface GlobalOptions {
  readonly config?: string;
  readonly lab?: string;
  readonly provider?: string;
  readonly seed?: string;
  readonly output?: 'text' | 'json';
  readonly yes?: boolean;
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly color?: boolean;
  /** Options of the command itself, by commander's camel-case names. */
  readonly [option: string]: unknown;
}

type Colors = ReturnType<typeof pc.createColors>;

export class Session {
  readonly io: Io;
  readonly options: GlobalOptions;
  readonly json: boolean;
  /** Colours for standard error and standard output; plain when that is no terminal. */
  readonly errColors: Colors;
  readonly outColors: Colors;
  readonly #startedMs: number;
  /** The lab that is worked on, once it is known; hints name it where there are several. */
  lab: string | null = null;

  constructor(io: Io, options: GlobalOptions) {
    this.io = io;
    this.options = options;
    this.json = options.output === 'json';
    const wanted = options.color !== false && (io.env['NO_COLOR'] ?? '') === '';
    this.errColors = pc.createColors(wanted && io.stderr.isTTY);
    this.outColors = pc.createColors(wanted && io.stdout.isTTY);
    this.#startedMs = io.wallMs();
  }

  /** Wall-clock milliseconds since the command began. */
  wallMs(): number {
    return Math.round(this.io.wallMs() - this.#startedMs);
  }

  /** A line about what is going on; silenced by --quiet. */
  note(line: string): void {
    if (this.options.quiet !== true) this.io.stderr.write(`${line}\n`);
  }

  /** The result: `document` with -o json, else `text`. Called once. */
  result(document: unknown, text: string): void {
    this.io.stdout.write(this.json ? `${JSON.stringify(document, null, 2)}\n` : text);
  }

  /** A problem that --quiet does not silence. */
  complain(problem: Problem): void {
    this.io.stderr.write(`${this.problemText(problem)}\n`);
  }

  /**
   * Says what went wrong and what to type next, and still prints one document with -o json. `hint` makes commands in a
   * remedy what this person must type.
   */
  fail(error: UserError, hint: (remedy: string) => string): void {
    const { code, message } = error;
    const remedy = hint(error.remedy);
    const found = (error as { readonly problems?: readonly Problem[] }).problems ?? [];
    const problems = found.map((problem) => ({ ...problem, remedy: hint(problem.remedy) }));
    if (this.json) this.result({ error: { code, message, remedy }, problems }, '');
    for (const problem of problems) this.complain(problem);
    this.io.stderr.write(`${this.errColors.red('error:')} ${message}\n${remedy}\n`);
  }

  bug(message: string, stack: string): void {
    const remedy = 'This is a bug in homelab; please report it with the lines above.';
    if (this.json) this.result({ error: { code: 'bug', message, remedy }, problems: [] }, '');
    this.io.stderr.write(`${stack}\n${this.errColors.red('bug:')} ${message}\n${remedy}\n`);
  }

  /** One problem as two or three lines: place, what is wrong, what to do. */
  problemText(problem: Problem): string {
    const paint = problem.severity === 'error' ? this.errColors.red : this.errColors.yellow;
    const { file, line, column } = problem;
    const place = file === null ? '' : `${file}${line === null ? '' : `:${line}:${column ?? 1}`}: `;
    const details = [
      ...(problem.expected === null ? [] : [`expected ${problem.expected}`]),
      ...(problem.found === null ? [] : [`found ${problem.found}`]),
    ];
    const facts = details.length === 0 ? '' : `\n  ${details.join(', ')}`;
    return `${place}${paint(`${problem.severity}:`)} ${problem.message}${facts}\n  ${problem.remedy}`;
  }
}
