/**
 * The prompt of `homelab ssh`: one program a line on one simulated machine, each an operation on the lab as `exec`
 * is. It is no shell: see words.ts for what a line may hold. Without a terminal the lines of standard input are
 * run one after the other, and nothing but what the programs print is written.
 */
import { createInterface, type Interface } from 'node:readline';
import { printDuration } from '../../base/duration.js';
import { UserError } from '../../base/errors.js';
import { HOST, type CommandResult } from '../../provider/provider.js';
import { EXIT_OWN_FAILURE, ended } from '../remote-program.js';
import type { Session } from '../session.js';
import { complete } from './complete.js';
import type { HeldLab } from './held-lab.js';
import { applyFilters, LineError, parseLine, type TypedLine } from './words.js';

/** Longer than any wait of a program's own. */
const TIMEOUT_MS = 3_600_000;
const BUILTINS = ['exit', 'help', 'logout', 'sudo'];
/** What only a shell could do. */
const OF_SHELLS = ['alias', 'cd', 'export', 'source', 'unset'];
/** bash's, for a line that it does not understand. */
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

export class Prompt {
  readonly #session: Session;
  readonly #lab: HeldLab;
  readonly #machine: string;
  /** Where programs of this machine start. */
  readonly #home: string;
  /** What Ctrl-C ends; null while nothing runs. */
  #running: AbortController | null = null;
  #code = 0;
  #isOver = false;

  constructor(session: Session, lab: HeldLab, machine: string) {
    this.#session = session;
    this.#lab = lab;
    this.#machine = machine;
    this.#home = machine === HOST ? '/' : '/root';
  }

  /** The exit code of the last program, as of a shell. Throws when the machine cannot be reached, or is lost. */
  async run(): Promise<number> {
    const { io } = this.#session;
    await this.#onMachine(['true']);
    const input = io.input();
    const { stream } = io.stdout;
    const isTerminal = input.isTTY && io.stdout.isTTY;
    const reader = createInterface({
      input: input.stream,
      terminal: isTerminal,
      ...(isTerminal && stream !== null ? { output: stream } : {}),
      completer: (line: string) => this.#complete(line),
    });
    const interrupt = (): void => {
      if (this.#running !== null) this.#running.abort();
      else if (isTerminal) this.#freshLine(reader);
    };
    reader.on('SIGINT', interrupt);
    const leave = (): void => {
      interrupt();
      reader.close();
    };
    io.signal.addEventListener('abort', leave, { once: true });
    try {
      if (isTerminal) this.#ask(reader);
      for await (const line of reader) {
        await this.#line(line);
        if (this.#isOver || io.signal.aborted) break;
        if (isTerminal) this.#ask(reader);
      }
      if (isTerminal && !this.#isOver) io.stdout.write('exit\n');
    } finally {
      io.signal.removeEventListener('abort', leave);
      reader.close();
    }
    return io.signal.aborted ? EXIT_INTERRUPTED : this.#code;
  }

  #ask(reader: Interface): void {
    const now = printDuration(this.#lab.seen?.clock.nowMs() ?? 0);
    const folder = this.#home === '/' ? '/' : '~';
    reader.setPrompt(`${now} root@${this.#machine}:${folder}# `);
    reader.prompt();
  }

  /** Ctrl-C at the prompt gives up what was typed. */
  #freshLine(reader: Interface): void {
    // Control-E and Control-U: readline has no other way to empty its line.
    reader.write(null, { ctrl: true, name: 'e' });
    this.#session.io.stdout.write('^C\n');
    reader.write(null, { ctrl: true, name: 'u' });
    this.#ask(reader);
  }

  async #line(line: string): Promise<void> {
    try {
      const typed = parseLine(line, this.#home);
      if (typed.argv.length > 0) await this.#typed(typed);
    } catch (error) {
      if (error instanceof LineError) this.#complain(error.message, EXIT_USAGE);
      else if (error instanceof UserError && error.code === 'lab-locked') {
        this.#complain(`${error.message}; try again when it is done`, EXIT_OWN_FAILURE);
      } else throw error;
    }
  }

  async #typed({ argv, filters }: TypedLine): Promise<void> {
    // Everybody is root here.
    const [name = '', ...args] = argv[0] === 'sudo' ? argv.slice(1) : argv;
    if (name === 'exit' || name === 'logout') {
      this.#isOver = true;
      if (/^\d+$/.test(args[0] ?? '')) this.#code = Number(args[0]) & 0xff;
      return;
    }
    if (name === 'help') {
      this.#session.io.stdout.write(this.#help());
      return;
    }
    if (name === '') return;
    if (OF_SHELLS.includes(name)) throw new LineError(`${name}: this prompt is no shell; see help`);
    const result = await this.#onMachine([name, ...args]);
    if (result.kind === 'cancelled') {
      this.#session.io.stdout.write('^C\n');
      this.#code = EXIT_INTERRUPTED;
      return;
    }
    this.#print(result, filters);
    if (result.kind !== 'exited') throw ended(this.#machine, result.kind);
  }

  #print(result: Exclude<CommandResult, { kind: 'cancelled' }>, filters: TypedLine['filters']): void {
    const { io } = this.#session;
    const code = result.kind === 'exited' ? result.code : EXIT_OWN_FAILURE;
    io.writeBytes('stderr', result.stderr);
    if (filters.length === 0) {
      io.writeBytes('stdout', result.stdout);
      this.#code = code;
      return;
    }
    const left = applyFilters(new TextDecoder().decode(result.stdout), code, filters);
    io.stdout.write(left.text);
    this.#code = left.code;
  }

  async #onMachine(argv: readonly string[]): Promise<CommandResult> {
    this.#running = new AbortController();
    const { signal } = this.#running;
    try {
      return await this.#lab.use((provider) =>
        provider.shell(this.#machine).run({ argv, stdin: '', timeoutMs: TIMEOUT_MS, signal }),
      );
    } finally {
      this.#running = null;
    }
  }

  #complain(message: string, code: number): void {
    this.#session.io.stderr.write(`homelab: ${message}\n`);
    this.#code = code;
  }

  #complete(line: string): [string[], string] {
    const machine = this.#lab.seen?.world.machine(this.#machine);
    return machine === undefined ? [[], line] : complete(machine.disk, this.#home, BUILTINS, line);
  }

  #help(): string {
    const machine = this.#lab.seen?.world.machine(this.#machine);
    const [programs] = machine === undefined ? [[]] : complete(machine.disk, this.#home, [], '');
    return [
      `Programs of ${this.#machine}: ${programs.map((name) => name.trim()).join(' ')}`,
      'One program a line, with | grep [-i] [-v] [-c] [-E] PATTERN and | head [-n N] behind it.',
      'Lab time passes only while a program runs. Leave with exit or Ctrl-D.',
      '',
    ].join('\n');
  }
}
