/** The live tree of a saga on a terminal, drawn by listr2. Going back is told in lines below it. */
import { Listr, ListrLogger, ProcessOutput, type ListrTask } from 'listr2';
import { printDuration } from '../base/duration.js';
import type { EngineEvent } from '../engine/events.js';
import type { PlanOutline, StageOutline, StepOutline } from '../engine/plan.js';
import type { ProgressLines } from './progress.js';

interface Ending {
  readonly kind: 'done' | 'skipped' | 'failed' | 'unreached';
  readonly text: string;
  /** Lab time. */
  readonly atMs: number;
}

interface Row {
  /** Settles when the step is first attempted, or ends without. */
  readonly touched: Promise<unknown>;
  readonly touch: () => void;
  readonly ending: Promise<Ending>;
  /** The same, once it is known. */
  ended: Ending | null;
  readonly end: (ending: Ending) => void;
  /** Shows a text beside the row; set while it is drawn. */
  show: ((text: string) => void) | null;
  /** What the step told last, by what each line begins with: a machine. */
  readonly said: Map<string, string>;
  beganMs: number;
  /** The message of its last failed attempt. */
  failure: string | null;
}

export class ProgressTree {
  readonly #stream: NodeJS.WriteStream;
  readonly #lines: ProgressLines;
  readonly #rows = new Map<string, Row>();
  #drawn: Promise<unknown> = Promise.resolve();
  /** Going back: lines wait until the tree has been drawn to its end. */
  #waiting: EngineEvent[] | null = null;

  constructor(stream: NodeJS.WriteStream, lines: ProgressLines) {
    this.#stream = stream;
    this.#lines = lines;
  }

  take(event: EngineEvent): void {
    if (this.#waiting !== null) {
      this.#waiting.push(event);
      return;
    }
    switch (event.type) {
      case 'opened':
        this.#lines.learn(event.outline);
        this.#draw(event.outline);
        return;
      case 'waiting':
        if (event.waitMs > 0) this.#show(event.step, `tries again in ${printDuration(event.waitMs)}`);
        return;
      case 'progress':
        this.#say(event.step, event.line);
        return;
      case 'ended':
        this.#finish();
        return;
      case 'recorded':
        this.#record(event);
    }
  }

  async close(): Promise<void> {
    this.#finish();
    await this.#drawn;
    for (const event of this.#waiting ?? []) this.#lines.take(event);
    this.#waiting = [];
  }

  #record(event: Extract<EngineEvent, { type: 'recorded' }>): void {
    const { record } = event;
    switch (record.type) {
      case 'step.attempt': {
        const row = this.#rows.get(record.step);
        if (row !== undefined && row.beganMs < 0) row.beganMs = record.atMs;
        row?.touch();
        if (record.attempt > 1) this.#show(record.step, `attempt ${record.attempt}`);
        return;
      }
      case 'step.done': {
        const row = this.#rows.get(record.step);
        const took = row === undefined || row.beganMs < 0 ? '' : printDuration(record.atMs - row.beganMs);
        row?.end({
          ...(record.by === 'probe'
            ? { kind: 'skipped', text: 'already done' }
            : { kind: 'done', text: took }),
          atMs: record.atMs,
        });
        return;
      }
      case 'step.failed': {
        const row = this.#rows.get(record.step);
        const failure = record.error.message.split('\n')[0] ?? '';
        if (row !== undefined) row.failure = failure;
        this.#show(record.step, failure);
        return;
      }
      case 'undo.attempt':
      case 'run.interrupted':
        this.#waiting = [event];
        this.#finish();
        return;
      default:
        return;
    }
  }

  #draw(outline: PlanOutline): void {
    for (const step of outline.stages.flatMap((stage) => stage.steps)) this.#rows.set(step.key, newRow());
    const output = new ProcessOutput(this.#stream, this.#stream);
    const list = new Listr(
      outline.stages.map((stage) => this.#stageTask(stage)),
      {
        exitOnError: false,
        registerSignalListeners: false, // Its own would end the process at Ctrl-C, and the saga with it.
        rendererOptions: { collapseSubtasks: true, logger: new ListrLogger({ processOutput: output }) },
      },
    );
    // Endings are told by the engine; a row that failed is no failure of the screen.
    this.#drawn = list.run().catch(() => undefined);
  }

  #stageTask(stage: StageOutline): ListrTask {
    return {
      title: stage.title,
      task: async (_, task) => {
        // A stage is drawn after the one before it: as the saga ends there, or after its end.
        await Promise.race(stage.steps.flatMap((step) => this.#rows.get(step.key)?.touched ?? []));
        if (stage.steps.every((step) => this.#rows.get(step.key)?.ended?.kind === 'unreached')) {
          task.skip(`${stage.title}  not reached`);
          return undefined;
        }
        void this.#ended(stage).then((atMs) => {
          if (atMs >= 0) task.title = `${stage.title}  ${printDuration(atMs)}`;
        });
        return task.newListr(
          stage.steps.map((step) => this.#stepTask(step)),
          { concurrent: true, exitOnError: true },
        );
      },
    };
  }

  /** The lab time at which the stage's last step ended; negative when one was not reached. */
  async #ended(stage: StageOutline): Promise<number> {
    const rows = stage.steps.flatMap((step) => this.#rows.get(step.key) ?? []);
    const times = (await Promise.all(rows.map((row) => row.ending))).map((ending) => ending.atMs);
    return times.includes(-1) ? -1 : Math.max(...times);
  }

  #stepTask(step: StepOutline): ListrTask {
    const row = this.#rows.get(step.key) ?? newRow();
    return {
      title: step.title,
      task: async (_, task) => {
        row.show = (text) => {
          task.output = text;
        };
        const { kind, text } = await row.ending;
        if (kind === 'failed') throw new Error(`${step.title}: ${text}`);
        if (kind === 'done') task.title = text === '' ? step.title : `${step.title}  ${text}`;
        else task.skip(`${step.title}  ${text}`);
      },
    };
  }

  /** The latest of each machine, when a step tells of several. */
  #say(step: string, line: string): void {
    const row = this.#rows.get(step);
    const [subject = ''] = line.split(': ');
    row?.said.set(subject, line);
    this.#show(step, [...(row?.said.values() ?? [])].join(' · '));
  }

  #show(step: string, text: string): void {
    this.#rows.get(step)?.show?.(text);
  }

  #finish(): void {
    for (const row of this.#rows.values()) {
      const { failure } = row;
      row.end({ kind: failure === null ? 'unreached' : 'failed', text: failure ?? 'not reached', atMs: -1 });
    }
  }
}

function newRow(): Row {
  let resolve: (ending: Ending) => void = () => undefined;
  let touch: () => void = () => undefined;
  const ending = new Promise<Ending>((settle) => {
    resolve = settle;
  });
  const touched = new Promise<void>((settle) => {
    touch = settle;
  });
  const row: Row = {
    touched,
    touch,
    ending,
    ended: null,
    end: (how) => {
      row.ended ??= how;
      resolve(row.ended);
      touch();
    },
    show: null,
    said: new Map(),
    beganMs: -1,
    failure: null,
  };
  return row;
}
