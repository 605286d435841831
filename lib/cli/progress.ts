/**
 * What a person sees while a saga runs: a live tree on a terminal, plain lines everywhere else. Only a screen: it is
 * told what happened and decides nothing.
 */
import { printDuration } from '../base/duration.js';
import type { EngineEvent } from '../engine/events.js';
import type { PlanOutline } from '../engine/plan.js';
import type { SagaEvent } from '../engine/records.js';
import type { Session } from './session.js';

export interface Progress {
  readonly observer: (event: EngineEvent) => void;
  /** Waits until everything is on the screen. */
  close(): Promise<void>;
}

export async function openProgress(session: Session): Promise<Progress> {
  if (session.options.quiet === true) return { observer: () => undefined, close: async () => undefined };
  const lines = new ProgressLines((line) => {
    session.note(line);
  }, session.options.verbose === true);
  const { stream, isTTY, columns } = session.io.stderr;
  // listr2 hangs on a terminal that says it has no columns, and a tree needs some width to be read.
  if (!isTTY || stream === null || columns < 40 || (session.io.env['TERM'] ?? '') === 'dumb') {
    return {
      observer: (event) => {
        lines.take(event);
      },
      close: async () => undefined,
    };
  }
  const { ProgressTree } = await import('./progress-tree.js');
  const tree = new ProgressTree(stream, lines);
  return {
    observer: (event) => {
      tree.take(event);
    },
    close: () => tree.close(),
  };
}

/** One line for every outcome, retry and undo. */
export class ProgressLines {
  readonly #print: (line: string) => void;
  readonly #verbose: boolean;
  readonly #titles = new Map<string, string>();
  readonly #begunMs = new Map<string, number>();

  constructor(print: (line: string) => void, verbose: boolean) {
    this.#print = print;
    this.#verbose = verbose;
  }

  take(event: EngineEvent): void {
    switch (event.type) {
      case 'opened':
        this.learn(event.outline);
        return;
      case 'recorded':
        this.#record(event.record);
        return;
      case 'waiting':
        if (event.waitMs > 0)
          this.#line(event.atMs, 'retry', event.step, ` in ${printDuration(event.waitMs)}`);
        return;
      case 'progress':
        // Such a line names its machine; the step's title before each of them would only push it out of sight.
        this.#print(`${stamp(event.atMs)}  ${'...'.padEnd(9)} ${event.line}`);
        return;
      case 'ended':
        return;
    }
  }

  learn(outline: PlanOutline): void {
    for (const step of outline.stages.flatMap((stage) => stage.steps)) this.#titles.set(step.key, step.title);
  }

  #record(record: SagaEvent): void {
    switch (record.type) {
      case 'run.started':
      case 'step.acting':
        return;
      case 'run.interrupted':
        this.#print(`${stamp(record.atMs)}  interrupted: what is running is brought to an end`);
        return;
      case 'step.attempt':
      case 'undo.attempt':
        this.#begunMs.set(record.step, record.atMs);
        if (this.#verbose)
          this.#line(record.atMs, record.type === 'step.attempt' ? 'begin' : 'undo', record.step, '');
        return;
      case 'step.done':
        this.#line(record.atMs, record.by === 'probe' ? 'skipped' : 'done', record.step, this.#took(record));
        return;
      case 'step.failed':
        this.#line(record.atMs, 'failed', record.step, `${this.#took(record)}: ${record.error.message}`);
        return;
      case 'undo.done':
        this.#line(record.atMs, 'undone', record.step, this.#took(record));
        return;
      case 'undo.failed':
        this.#line(record.atMs, 'undo failed', record.step, `: ${record.error.message}`);
        return;
      case 'step.cancelled':
      case 'undo.cancelled':
        this.#line(record.atMs, 'cancelled', record.step, '');
    }
  }

  #took({ step, atMs }: { readonly step: string; readonly atMs: number }): string {
    const begunMs = this.#begunMs.get(step) ?? atMs;
    return atMs === begunMs ? '' : ` (${printDuration(atMs - begunMs)})`;
  }

  #line(atMs: number, what: string, step: string, rest: string): void {
    this.#print(`${stamp(atMs)}  ${what.padEnd(9)} ${this.#titles.get(step) ?? step}${rest}`);
  }
}

/** Lab time at the beginning of a line. */
function stamp(atMs: number): string {
  return printDuration(atMs).padStart(7);
}
