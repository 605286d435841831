/**
 * A world small enough to be understood at a glance, for tests of the engine: virtual time, one flat set of
 * files, and four programs. It is not the simulator and models nothing of a cluster.
 *
 * `make X` leaves `X.part` at its start and turns it into `X` at its end, `unmake X` removes both, `has X` exits
 * 0 or 1, `count X` adds one to a number in `X`. What is cut off half-way leaves its half behind. `unmake X` first
 * ends a `make X` that a dead process left running.
 */
import { BugError, CancelledError } from '../../lib/base/errors.js';
import { settle } from '../../lib/base/settle.js';
import type { Clock } from '../../lib/base/clock.js';
import {
  UnreachableError,
  UnsupportedError,
  type Command,
  type CommandResult,
  type Provider,
  type Shell,
} from '../../lib/provider/provider.js';

/** `exit`: fails at its end. `lost`: works, but the answer is lost. `hang`: never ends by itself. */
export type Fault = 'exit' | 'lost' | 'unreachable' | 'hang';
/** What goes wrong with the `nth` start (from 1) of a program with these arguments; null for nothing. */
export type Faults = (argv: readonly string[], nth: number) => Fault | null;

interface Event {
  readonly atMs: number;
  readonly sequence: number;
  readonly happen: () => void;
}

const NOTHING = new Uint8Array();
const DURATION_MS: Readonly<Record<string, number>> = { make: 1_000, unmake: 300, has: 10, count: 500 };

export class ToyWorld {
  readonly files = new Map<string, string>();
  /** Every start and end of a program, with its time; equal traces mean equal runs. */
  readonly trace: string[] = [];
  readonly provider: Provider;
  readonly #faults: Faults;
  readonly #starts = new Map<string, number>();
  /** Ends each `make` that runs, by name. */
  readonly #making = new Map<string, () => void>();
  #events: Event[] = [];
  #sequence = 0;
  #nowMs = 0;

  constructor(faults: Faults = () => null) {
    this.#faults = faults;
    const unsupported = (power: string) => () => Promise.reject(new UnsupportedError('toy', power));
    this.provider = {
      name: 'sim',
      supported: [],
      clock: this.#clock(),
      preflight: unsupported('preflight'),
      create: unsupported('create'),
      machines: unsupported('machines'),
      power: unsupported('power'),
      destroy: unsupported('destroy'),
      shell: (machine) => this.#shell(machine),
      observe: unsupported('observe'),
      watch: () => {
        throw new UnsupportedError('toy', 'watch');
      },
      residue: unsupported('residue'),
      close: () => Promise.resolve(),
    };
  }

  /** Files with their content, the order of their making left out. */
  shape(): Record<string, string> {
    return Object.fromEntries([...this.files].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Lets time pass until `work` settles. An event is popped only when every promise has come to rest. */
  async drive<Value>(work: Promise<Value>): Promise<Value> {
    const state = { settled: false };
    const done = (): void => {
      state.settled = true;
    };
    work.then(done, done);
    for (;;) {
      await settle();
      if (state.settled) return work;
      const next = this.#events.shift();
      if (next === undefined) throw new BugError('deadlock: something waits for what will never happen');
      this.#nowMs = next.atMs;
      next.happen();
    }
  }

  /** At a moment of lab time, from the world's side. */
  at(ms: number, happen: () => void): () => void {
    const event = { atMs: Math.max(ms, this.#nowMs), sequence: (this.#sequence += 1), happen };
    this.#events.push(event);
    this.#events.sort((a, b) => a.atMs - b.atMs || a.sequence - b.sequence);
    return () => {
      this.#events = this.#events.filter((other) => other !== event);
    };
  }

  #clock(): Clock {
    return {
      nowMs: () => this.#nowMs,
      sleep: (ms, signal) =>
        new Promise((resolve, reject) => {
          if (signal?.aborted === true) {
            reject(new CancelledError());
            return;
          }
          const forget = this.at(this.#nowMs + ms, resolve);
          signal?.addEventListener('abort', () => {
            forget();
            reject(new CancelledError());
          });
        }),
    };
  }

  #shell(machine: string): Shell {
    return {
      machine,
      run: (command) => this.#run(machine, command),
      readFile: () => Promise.reject(new UnsupportedError('toy', 'readFile')),
      writeFile: () => Promise.reject(new UnsupportedError('toy', 'writeFile')),
      sendFile: () => Promise.reject(new UnsupportedError('toy', 'sendFile')),
    };
  }

  #run(machine: string, { argv, timeoutMs, signal }: Command): Promise<CommandResult> {
    const text = argv.join(' ');
    const nth = (this.#starts.get(text) ?? 0) + 1;
    this.#starts.set(text, nth);
    const fault = this.#faults(argv, nth);
    if (fault === 'unreachable') return Promise.reject(new UnreachableError(machine, 'no route to host'));
    this.#note(text);
    const [program = '', name = ''] = argv;
    if (program === 'make') this.files.set(`${name}.part`, '');
    if (program === 'unmake') this.#making.get(name)?.();
    return new Promise((resolve) => {
      const cut = (kind: 'timedOut' | 'cancelled') => (): void => {
        forget();
        forgetTimeout();
        this.#note(`${text}: ${kind}`);
        resolve({ kind, stdout: NOTHING, stderr: NOTHING });
      };
      const end = (): void => {
        forgetTimeout();
        const code = fault === 'exit' ? 1 : this.#finish(program, name);
        this.#note(`${text}: ${fault === 'lost' ? 'lost' : code}`);
        const output = { stdout: NOTHING, stderr: NOTHING };
        resolve(
          fault === 'lost' ? { kind: 'lost', ...output } : { kind: 'exited', code, signal: null, ...output },
        );
      };
      const forget =
        fault === 'hang' ? () => undefined : this.at(this.#nowMs + (DURATION_MS[program] ?? 0), end);
      if (program === 'make') this.#making.set(name, forget);
      const forgetTimeout = this.at(this.#nowMs + timeoutMs, cut('timedOut'));
      if (signal?.aborted === true) cut('cancelled')();
      signal?.addEventListener('abort', cut('cancelled'));
    });
  }

  #finish(program: string, name: string): number {
    switch (program) {
      case 'make':
        this.files.delete(`${name}.part`);
        this.files.set(name, '');
        return 0;
      case 'unmake':
        this.files.delete(`${name}.part`);
        this.files.delete(name);
        return 0;
      case 'has':
        return this.files.has(name) ? 0 : 1;
      case 'count':
        this.files.set(name, String(Number(this.files.get(name) ?? '0') + 1));
        return 0;
      default:
        return 127;
    }
  }

  #note(text: string): void {
    this.trace.push(`${this.#nowMs} ${text}`);
  }
}
