/**
 * Runs a saga: folds the journal through engine/machine.ts, performs the effects of the last transition, makes
 * their outcomes durable, and so on. It owns nothing else: no order, no retry and no decision is made here.
 *
 * In a simulated run the only things ever waited for are the provider, its shells and its clock; every other
 * promise here is settled by one of these, so that the simulator can tell when all tasks are parked.
 */
import { CancelledError } from '../base/errors.js';
import { attemptStep, attemptUndo, type AttemptContext } from './attempt.js';
import type { Observer } from './events.js';
import { advance, type Effect, type SagaSnapshot } from './machine.js';
import { mustStep, openSaga, type OpenOptions } from './open.js';
import type { RunStarted, SagaEvent } from './records.js';
import { resultFrom, stepResults, type SagaResult } from './result.js';
import { stepState } from './state.js';

export interface RunOptions extends OpenOptions {
  readonly observer: Observer;
}

/**
 * Resolves when the saga is completed, compensated, stuck, partial or interrupted. Rejects with a `UserError`
 * (exit code 2) when the run is refused, and with any bug of a step or failure of the journal; the journal then
 * stays as if the process had been killed, and can be resumed.
 */
export async function runSaga(options: RunOptions): Promise<SagaResult> {
  const { mode, until, provider, observer } = options;
  const { planned, snapshot, pivotUnchanged } = await openSaga(options);
  const atMs = provider.clock.nowMs();
  observer({ type: 'opened', atMs, outline: snapshot.context.outline, steps: stepResults(snapshot) });
  const started: RunStarted = { type: 'run.started', atMs, mode, until: until ?? null, pivotUnchanged };
  const ended = await new Run(options, snapshot).drive(started);
  return resultFrom(planned, ended.snapshot, ended.atMs);
}

type Schedule = Extract<Effect, { type: 'schedule' }>['params'];

interface News {
  readonly event: SagaEvent;
  /** Told when the event is durable, or that it never will be. */
  readonly sender: { readonly resolve: () => void; readonly reject: (error: Error) => void } | null;
}

interface Task {
  readonly cancel: AbortController;
  readonly settled: Promise<void>;
}

class Run {
  readonly #options: RunOptions;
  #snapshot: SagaSnapshot;
  #lastAtMs = 0;
  /** What waits for its attempt to be recorded, by step. */
  readonly #scheduled = new Map<string, Schedule>();
  /** Scheduled steps whose wait is over. */
  readonly #due = new Set<string>();
  readonly #tasks = new Set<Task>();
  /** The task that works on a step now. */
  readonly #current = new Map<string, Task>();
  #news: News[] = [];
  #interruption: 'none' | 'asked' | 'recorded' = 'none';
  #bug: { readonly error: unknown } | null = null;
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(options: RunOptions, snapshot: SagaSnapshot) {
    this.#options = options;
    this.#snapshot = snapshot;
  }

  /** Resolves with where the saga stands at the end of this run, and with the time of the last record. */
  async drive(started: RunStarted): Promise<{ readonly snapshot: SagaSnapshot; readonly atMs: number }> {
    const { signal } = this.#options;
    const onAbort = (): void => {
      this.#interruption = 'asked';
      this.#wake();
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      this.#news.push({ event: started, sender: null });
      while (!this.#turn()) await this.#somethingNew();
      return { snapshot: this.#snapshot, atMs: this.#lastAtMs };
    } finally {
      signal.removeEventListener('abort', onAbort);
      await this.#letGo();
    }
  }

  /** Takes in all that is new, makes it durable at once, then acts on it. True when the run has ended. */
  #turn(): boolean {
    const records: SagaEvent[] = [];
    const effects: Effect[] = [];
    const take = (event: SagaEvent): void => {
      const [next, caused] = advance(this.#snapshot, event);
      this.#snapshot = next;
      this.#lastAtMs = event.atMs;
      records.push(event);
      effects.push(...caused);
    };
    for (const { event } of this.#news) take(event);
    const isEnded = (): boolean => effects.some((effect) => effect.type === 'end');
    if (this.#interruption === 'asked' && !isEnded()) {
      take({ type: 'run.interrupted', atMs: this.#nowMs() });
      this.#interruption = 'recorded';
    }
    this.#noteSchedules(effects);
    for (const schedule of this.#takeDue()) take(this.#attemptRecord(schedule));
    if (records.length > 0) this.#options.journal.append(records);
    const taken = this.#news;
    this.#news = [];
    for (const { sender } of taken) sender?.resolve();
    for (const record of records) this.#options.observer({ type: 'recorded', atMs: record.atMs, record });
    for (const effect of effects) this.#act(effect);
    return isEnded();
  }

  #noteSchedules(effects: readonly Effect[]): void {
    for (const { type, params } of effects) {
      if (type === 'schedule') this.#scheduled.set(params.step, params);
      if (type === 'cancel') this.#scheduled.delete(params.step);
    }
  }

  #takeDue(): readonly Schedule[] {
    const due = [...this.#scheduled.values()].filter(
      ({ step, waitMs }) => waitMs === 0 || this.#due.has(step),
    );
    this.#due.clear();
    for (const { step } of due) this.#scheduled.delete(step);
    return due;
  }

  #attemptRecord({ step, attempt, undo }: Schedule): SagaEvent {
    return { type: undo ? 'undo.attempt' : 'step.attempt', atMs: this.#nowMs(), step, attempt };
  }

  #act(effect: Effect): void {
    switch (effect.type) {
      case 'schedule':
        if (this.#scheduled.get(effect.params.step) === effect.params) this.#wait(effect.params);
        return;
      case 'perform':
        this.#perform(effect.params.step, effect.params.attempt);
        return;
      case 'undo':
        this.#undo(effect.params.step, effect.params.attempt);
        return;
      case 'cancel':
        this.#current.get(effect.params.step)?.cancel.abort(new CancelledError());
        return;
      case 'end':
        this.#options.observer({ type: 'ended', atMs: this.#nowMs(), outcome: effect.params.outcome });
    }
  }

  #wait({ step, attempt, undo, waitMs }: Schedule): void {
    this.#options.observer({ type: 'waiting', atMs: this.#nowMs(), step, attempt, undo, waitMs });
    this.#start(step, async (cancel) => {
      try {
        await this.#options.provider.clock.sleep(waitMs, cancel);
      } catch (error) {
        if (error instanceof CancelledError && cancel.aborted) return;
        throw error;
      }
      this.#due.add(step);
      this.#wake();
    });
  }

  #perform(key: string, attempt: number): void {
    const step = mustStep(this.#options.saga, key);
    const before = stepState(this.#snapshot.context, key).touched;
    const record = (): Promise<void> =>
      this.#tell({ type: 'step.acting', atMs: this.#nowMs(), step: key, attempt });
    this.#start(key, async (cancel) => {
      const end = await attemptStep(step, this.#attemptContext(key, cancel), { before, record });
      this.#report({ ...end, atMs: this.#nowMs(), step: key, attempt });
    });
  }

  #undo(key: string, attempt: number): void {
    const step = mustStep(this.#options.saga, key);
    this.#start(key, async (cancel) => {
      const end = await attemptUndo(step, this.#attemptContext(key, cancel));
      this.#report({ ...end, atMs: this.#nowMs(), step: key, attempt });
    });
  }

  #attemptContext(step: string, cancel: AbortSignal): AttemptContext {
    const { provider, observer } = this.#options;
    const log = (line: string): void => {
      observer({ type: 'progress', atMs: this.#nowMs(), step, line });
    };
    return { provider, cancel, log };
  }

  /** Begins a task; whatever it rejects with is a bug, and ends the run. */
  #start(step: string, work: (cancel: AbortSignal) => Promise<void>): void {
    const cancel = new AbortController();
    const settled = work(cancel.signal).catch((error: unknown) => {
      this.#bug ??= { error };
      this.#wake();
    });
    const task = { cancel, settled };
    this.#current.set(step, task);
    this.#tasks.add(task);
    void settled.then(() => this.#tasks.delete(task));
  }

  #report(event: SagaEvent): void {
    this.#news.push({ event, sender: null });
    this.#wake();
  }

  /** As `report`, and resolves when the event is durable. */
  #tell(event: SagaEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isOver) {
        reject(new CancelledError());
        return;
      }
      this.#news.push({ event, sender: { resolve, reject } });
      this.#wake();
    });
  }

  /** Resolves when a turn has something to take in. Rejects with a task's bug. */
  async #somethingNew(): Promise<void> {
    const isIdle = (): boolean =>
      this.#news.length === 0 && this.#due.size === 0 && this.#interruption !== 'asked' && this.#bug === null;
    while (isIdle()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#bug !== null) throw this.#bug.error;
  }

  /** After a bug or a failed journal tasks are still there: they are cancelled and waited for. */
  async #letGo(): Promise<void> {
    this.#isOver = true;
    for (const { cancel } of this.#tasks) cancel.abort(new CancelledError());
    for (const { sender } of this.#news) sender?.reject(new CancelledError());
    await Promise.all([...this.#tasks].map((task) => task.settled));
  }

  #nowMs(): number {
    return this.#options.provider.clock.nowMs();
  }
}
