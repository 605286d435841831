/**
 * Simulated activity as generators. A task runs until it yields a sleep or a wait, is resumed by the event queue,
 * and can be ended at any yield, which is what a power cut does to a program. No promise is involved: a whole
 * bootstrap runs in one synchronous sweep of the queue.
 *
 * A `finally` in a task may release bookkeeping, but must not act on the simulated world nor yield: a machine
 * that lost its power does not tidy up.
 */
import { assert } from '../base/errors.js';
import type { EventQueue, QueuedEvent } from './queue.js';

export type Effect =
  | { readonly kind: 'sleep'; readonly ms: number }
  | { readonly kind: 'wait'; readonly signals: readonly Signal[]; readonly timeoutMs: number | null };

/** A simulated activity that ends with a `T`. What it is resumed with: the signal that fired, or null for time. */
export type Sim<T> = Generator<Effect, T, Signal | null>;

/** Lets `ms` of simulated time pass. */
export function* sleep(ms: number): Sim<void> {
  yield { kind: 'sleep', ms: Math.max(0, Math.round(ms)) };
}

/** Waits until one of `signals` fires, and says which; null when `timeoutMs` went by first. */
export function* waitFor(signals: readonly Signal[], timeoutMs: number | null = null): Sim<Signal | null> {
  return yield { kind: 'wait', signals, timeoutMs: timeoutMs === null ? null : Math.max(0, timeoutMs) };
}

/** Waits until `condition` holds, looking again each time `signal` fires. False when the time was over first. */
export function* waitUntil(
  scheduler: Scheduler,
  signal: Signal,
  condition: () => boolean,
  timeoutMs: number | null = null,
): Sim<boolean> {
  const deadline = timeoutMs === null ? null : scheduler.nowMs + timeoutMs;
  while (!condition()) {
    const left = deadline === null ? null : deadline - scheduler.nowMs;
    if (left !== null && left <= 0) return false;
    yield* waitFor([signal], left);
  }
  return true;
}

/**
 * A periodic activity in which nothing can change until a signal fires: sleeps through all its ticks at no cost
 * and resumes at the first tick after the signal. This is what makes an idle cluster free. Returns the time of
 * the last tick slept through (or of the start when there was none).
 */
export function* idleTicks(scheduler: Scheduler, everyMs: number, signals: readonly Signal[]): Sim<number> {
  const startMs = scheduler.nowMs;
  yield* waitFor(signals);
  const passed = Math.floor((scheduler.nowMs - startMs) / everyMs);
  const lastTickMs = startMs + passed * everyMs;
  yield* sleep(lastTickMs + everyMs - scheduler.nowMs);
  return lastTickMs;
}

/** Something that tasks wait for. Firing wakes everyone who waits now; it is not remembered. */
export class Signal {
  readonly name: string;
  /** In order of arrival, which the order of waking follows. */
  readonly waiters = new Set<Task<unknown>>();
  /** How often it fired, for those who were busy meanwhile. */
  count = 0;

  constructor(name: string) {
    this.name = name;
  }

  fire(): void {
    this.count += 1;
    if (this.waiters.size === 0) return;
    for (const task of [...this.waiters]) task.wake(this);
  }
}

/** Tasks that live and stop together: those of one process, or of one machine. */
export class TaskGroup {
  readonly tasks = new Set<Task<unknown>>();
  readonly #parent: TaskGroup | null;
  readonly #children = new Set<TaskGroup>();
  #frozen = false;

  constructor(parent: TaskGroup | null = null) {
    this.#parent = parent;
    if (parent !== null) parent.#children.add(this);
  }

  get frozen(): boolean {
    return this.#frozen || (this.#parent?.frozen ?? false);
  }

  killAll(): void {
    for (const child of [...this.#children]) child.killAll();
    for (const task of [...this.tasks]) task.kill();
  }

  /** Takes this group out of its parent's care once its last task ended. */
  detach(): void {
    if (this.#parent !== null) this.#parent.#children.delete(this);
  }

  /** A suspended virtual machine: its timers stop and go on later with what was left of them. */
  freeze(): void {
    this.#frozen = true;
    this.#each((task) => {
      task.freeze();
    });
  }

  thaw(): void {
    this.#frozen = false;
    // A child that was stopped by itself stays as it is.
    this.#each((task) => {
      task.thaw();
    });
  }

  #each(act: (task: Task<unknown>) => void): void {
    for (const child of this.#children) child.#each(act);
    for (const task of this.tasks) act(task);
  }
}

export class Task<T> {
  readonly name: string;
  readonly ended: Signal;
  /** Undefined while it runs and after it was killed. */
  result: T | undefined;
  state: 'running' | 'ended' | 'killed' = 'running';
  readonly #scheduler: Scheduler;
  readonly #group: TaskGroup;
  readonly #body: Sim<T>;
  #waitsFor: readonly Signal[] = [];
  #timer: QueuedEvent | null = null;
  /** The resumption that waits for a frozen group to thaw, or the rest of a stopped timer. */
  #held: { readonly wake: Signal | null; readonly delayMs: number } | null = null;
  #resuming = false;
  #stepping = false;
  #pendingWake: Signal | null = null;

  constructor(scheduler: Scheduler, group: TaskGroup, name: string, body: Sim<T>) {
    this.#scheduler = scheduler;
    this.#group = group;
    this.#body = body;
    this.name = name;
    this.ended = new Signal(`end of ${name}`);
    group.tasks.add(this);
    this.#arm(0, null);
  }

  /** Called by a signal. Only the first of several signals at one moment counts. */
  wake(signal: Signal): void {
    if (this.state !== 'running' || this.#resuming) return;
    this.#resuming = true;
    this.#clear();
    this.#arm(0, signal);
  }

  /** Ends the task at its last yield. Its `ended` fires like at a normal end. */
  kill(): void {
    if (this.state !== 'running') return;
    this.#clear();
    this.#finish('killed');
    // A task that ends its own machine is still running its body; #step closes it then.
    if (!this.#stepping) this.#body.return(undefined as T);
  }

  freeze(): void {
    if (this.#timer === null || this.#timer.run === null) return;
    this.#held = { wake: this.#pendingWake, delayMs: Math.max(0, this.#timer.atMs - this.#scheduler.nowMs) };
    this.#timer.run = null;
    this.#timer = null;
  }

  thaw(): void {
    const held = this.#held;
    if (held === null || this.#group.frozen) return;
    this.#held = null;
    this.#arm(held.delayMs, held.wake);
  }

  #arm(delayMs: number, wake: Signal | null): void {
    if (this.#group.frozen) {
      this.#held = { wake, delayMs };
      return;
    }
    this.#pendingWake = wake;
    this.#timer = this.#scheduler.after(delayMs, () => {
      this.#step(wake);
    });
  }

  #clear(): void {
    for (const signal of this.#waitsFor) signal.waiters.delete(this);
    this.#waitsFor = [];
    if (this.#timer !== null) this.#timer.run = null;
    this.#timer = null;
    this.#held = null;
  }

  #step(wake: Signal | null): void {
    if (this.state !== 'running') return;
    this.#clear();
    this.#resuming = false;
    this.#stepping = true;
    const next = this.#body.next(wake);
    this.#stepping = false;
    if ((this.state as string) !== 'running') {
      this.#body.return(undefined as T);
      return;
    }
    if (next.done === true) {
      this.result = next.value;
      this.#finish('ended');
      return;
    }
    const effect = next.value;
    if (effect.kind === 'sleep') {
      this.#arm(effect.ms, null);
      return;
    }
    this.#waitsFor = effect.signals;
    for (const signal of effect.signals) signal.waiters.add(this);
    if (effect.timeoutMs !== null) this.#arm(effect.timeoutMs, null);
  }

  #finish(state: 'ended' | 'killed'): void {
    this.state = state;
    this.#group.tasks.delete(this);
    this.ended.fire();
  }
}

/** Time and the tasks that live in it. */
export class Scheduler {
  nowMs = 0;
  /** How many events ran so far. */
  ran = 0;
  /** Called after every event. They only look, so that being looked at changes nothing. */
  readonly onlookers = new Set<() => void>();
  readonly #queue: EventQueue;

  constructor(queue: EventQueue) {
    this.#queue = queue;
  }

  after(delayMs: number, run: () => void): QueuedEvent {
    assert(Number.isSafeInteger(delayMs) && delayMs >= 0, `bad delay ${delayMs}`);
    return this.#queue.push(this.nowMs + delayMs, 0, run);
  }

  /** What is done to the world from outside at `atMs`, after everything inside has settled. */
  fromOutside(atMs: number, run: () => void): QueuedEvent {
    assert(atMs >= this.nowMs, `outside operation in the past: ${atMs} < ${this.nowMs}`);
    return this.#queue.push(atMs, 1, run);
  }

  spawn<T>(group: TaskGroup, name: string, body: Sim<T>): Task<T> {
    return new Task(this, group, name, body);
  }

  /** When the next event is due; null when nothing will ever happen again. */
  nextAtMs(): number | null {
    return this.#queue.peek()?.atMs ?? null;
  }

  /** Runs the next event. False when there is none. */
  runNext(): boolean {
    const event = this.#queue.pop();
    if (event === null) return false;
    this.nowMs = event.atMs;
    this.ran += 1;
    const run = event.run;
    event.run = null;
    run?.();
    if (this.onlookers.size > 0) for (const look of this.onlookers) look();
    return true;
  }

  /** Runs every event up to and including `untilMs`, and leaves the clock there. */
  runUntil(untilMs: number): void {
    for (let next = this.nextAtMs(); next !== null && next <= untilMs; next = this.nextAtMs()) this.runNext();
    this.nowMs = Math.max(this.nowMs, untilMs);
  }
}

/** Waits for a task to end. Null when it was killed. */
export function* join<T>(task: Task<T>): Sim<T | null> {
  while (task.state === 'running') yield* waitFor([task.ended]);
  return task.state === 'ended' ? (task.result as T) : null;
}
