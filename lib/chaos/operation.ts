/**
 * The saga that runs while the faults of an experiment come: in the same process, under the same lock, with a journal
 * of its own that names the experiment's. Knows when its steps begin, waits for its end, and takes it back by its own
 * rule.
 */
import { CancelledError, UserError } from '../base/errors.js';
import type { Observer } from '../engine/events.js';
import type { Journal } from '../engine/journal.js';
import { fold, isOver } from '../engine/machine.js';
import type { RunMode, SagaRecord } from '../engine/records.js';
import { resultOf } from '../engine/result.js';
import { runSaga } from '../engine/runner.js';
import type { Saga, SagaOutcome, StepContext } from '../engine/saga.js';
import type { Provider } from '../provider/provider.js';

/** Where its records are kept. One is made when the operation begins: who never comes to it has begun no other saga. */
export interface OperationJournal {
  /** What an earlier process began; null where none did. */
  find(): Journal<SagaRecord> | null;
  make(): Journal<SagaRecord>;
}

export interface OperationOptions {
  readonly saga: Saga;
  readonly journal: OperationJournal;
  /** Number of the experiment's journal. */
  readonly parent: number;
  readonly provider: Provider;
  readonly seed: number | null;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
}

export class Operation {
  readonly #options: OperationOptions;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();
  #running: Promise<void> | null = null;
  /** What a run of it threw; whoever waits for it throws it again. */
  #broken: { readonly error: unknown } | null = null;
  #again = 0;
  #refused: UserError | null = null;
  #journal: Journal<SagaRecord> | null;

  constructor(options: OperationOptions) {
    this.#options = options;
    this.#journal = options.journal.find();
    const onAbort = (): void => {
      this.#stop.abort(new CancelledError());
    };
    if (options.signal.aborted) onAbort();
    options.signal.addEventListener('abort', onAbort, { once: true });
  }

  get saga(): Saga {
    return this.#options.saga;
  }

  /** How often it was stuck and taken up again, as a person does who has removed the reason. */
  get again(): number {
    return this.#again;
  }

  /** Why it could not be taken back; null where nobody asked, or where it could. */
  get refused(): UserError | null {
    return this.#refused;
  }

  get records(): readonly SagaRecord[] {
    return this.#journal?.read() ?? [];
  }

  /** Null before it has begun. */
  get outcome(): SagaOutcome | null {
    const { records } = this;
    return records.length === 0 ? null : resultOf(records).outcome;
  }

  /** Begins, or goes on with what an earlier process began. Nothing when it runs, or when it is over. */
  begin(): void {
    if (this.#running !== null) return;
    const { records } = this;
    if (records.length > 0 && isOver(fold(records))) return;
    this.#go(records.length === 0 ? 'run' : 'resume', this.#stop.signal);
  }

  /** Resolves with true when a step of that name has begun to act; with false when it is over without. */
  async hasBegun(isMeant: (key: string) => boolean, { signal }: StepContext): Promise<boolean> {
    const began = (): boolean => this.records.some((one) => one.type === 'step.acting' && isMeant(one.step));
    await this.#until(() => began() || this.#running === null, signal);
    return began();
  }

  /**
   * Resolves with its outcome when it has come to its end, or with null when `withinMs` went by before. Nothing is in
   * force any more by then: where it is stuck it is taken up again, once.
   */
  async over({ clock, signal }: StepContext, withinMs: number): Promise<SagaOutcome | null> {
    const timer = new AbortController();
    let isLate = false;
    const late = clock.sleep(withinMs, timer.signal).then(
      () => {
        isLate = true;
        this.#changed();
      },
      (error: unknown) => {
        if (!(error instanceof CancelledError)) throw error;
      },
    );
    try {
      await this.#until(() => isLate || this.#running === null, signal);
      if (this.#running === null && this.outcome === 'stuck' && this.#again === 0) {
        this.#again += 1;
        this.begin();
        await this.#until(() => isLate || this.#running === null, signal);
      }
      return this.#running === null ? this.outcome : null;
    } finally {
      timer.abort(new CancelledError());
      await late;
    }
  }

  /** Lets go of what is under way and undoes what was done, unless its own rule says that it is too late. */
  async takeBack(signal: AbortSignal): Promise<void> {
    await this.end();
    const { records } = this;
    if (records.length === 0 || isOver(fold(records))) return;
    try {
      this.#go('abort', signal);
      await this.#until(() => this.#running === null, signal);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.#refused = error;
    }
  }

  /** Lets go of what is under way, and resolves when nothing is. What was begun can be gone on with. */
  async end(): Promise<void> {
    this.#stop.abort(new CancelledError());
    await this.#running;
  }

  #go(mode: RunMode, signal: AbortSignal): void {
    const { saga, provider, seed, parent } = this.#options;
    const observer: Observer = () => {
      this.#changed();
    };
    this.#journal ??= this.#options.journal.make();
    const run = runSaga({
      ...{ saga, journal: this.#journal, provider, seed, signal, mode, parent },
      observer,
    });
    this.#running = run.then(
      () => {
        this.#rest();
      },
      (error: unknown) => {
        this.#broken = { error };
        this.#rest();
      },
    );
  }

  #rest(): void {
    this.#running = null;
    this.#changed();
  }

  #changed(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  async #until(holds: () => boolean, signal: AbortSignal): Promise<void> {
    for (;;) {
      if (this.#broken !== null) {
        const { error } = this.#broken;
        this.#broken = null;
        throw error;
      }
      signal.throwIfAborted();
      if (holds()) return;
      await this.#somethingNew(signal);
    }
  }

  #somethingNew(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
