/**
 * Kills a saga at every point where a process can die, and looks whether a resume and an abort put things right.
 * Knows nothing of any world: it is given one that can be made fresh, driven and reopened.
 *
 * A kill is made in-process: from that moment the dead process's provider, shells and clock answer nothing more,
 * and its cancellations reach nobody, so that commands under way go on without an onlooker, as those of a dropped
 * SSH session do.
 */
import { canonicalJson } from '../../lib/base/digest.js';
import { UserError, messageOf } from '../../lib/base/errors.js';
import { decodeLines } from '../../lib/engine/journal-lines.js';
import { checkRecord, type RunMode, type SagaRecord } from '../../lib/engine/records.js';
import type { SagaResult } from '../../lib/engine/result.js';
import { runSaga } from '../../lib/engine/runner.js';
import type { Saga, Step } from '../../lib/engine/saga.js';
import type { Provider } from '../../lib/provider/provider.js';
import { Crash, DiskJournal, Process, type CrashPoint, type Disk } from './killable.js';
export interface SweepWorld {
  readonly provider: Provider;
  /** Resolves or rejects as `work` does, letting lab time pass as long as it needs. */
  drive<Value>(work: Promise<Value>): Promise<Value>;
  /** The same world as the next process finds it. */
  reopen(): Promise<SweepWorld>;
  /** What must be equal in the end, as plain data: no times, no identities. */
  shape(): Promise<unknown>;
}

export interface SweepSubject {
  fresh(): Promise<SweepWorld>;
  /** The plan, made anew for every process. */
  saga(): Saga;
}

export interface SweepReport {
  readonly points: number;
  /** Empty when every point was put right. Each one names its point. */
  readonly problems: readonly string[];
}

/**
 * Runs the subject once without a crash, then once more for every crash point and way to go on; or for those points
 * that `choose` takes, where all of them would take too long.
 */
export async function crashSweep(
  subject: SweepSubject,
  choose: (points: readonly CrashPoint[]) => readonly CrashPoint[] = (points) => points,
): Promise<SweepReport> {
  const untouched = await (await subject.fresh()).shape();
  const clean = new Attempt(subject, await subject.fresh());
  const process = new Process(null);
  const result = await clean.go('run', process);
  const expected = { untouched, final: await clean.world.shape(), outcome: result.outcome };
  const points = choose(crashPoints(process));
  const problems: string[] = [];
  for (const point of points) {
    for (const way of ['abort', 'resume'] as const) {
      const found = await afterCrash(subject, point, way, expected);
      problems.push(...found.problems.map((problem) => `${JSON.stringify(point)}, ${way}: ${problem}`));
      // An abort that comes too late was followed by a resume already.
      if (found.wasTooLate) break;
    }
  }
  return { points: points.length, problems };
}

/** Every point of a run that went as `process` saw it go. */
export function crashPoints(process: Process): readonly CrashPoint[] {
  const appends = process.appends.flatMap((records, i): CrashPoint[] => {
    const at = { at: 'append', n: i + 1 } as const;
    const wholes = Array.from({ length: records }, (_, whole) => whole);
    return [
      { ...at, whole: 0, torn: false },
      ...wholes.map((whole) => ({ ...at, whole, torn: true })),
      { ...at, whole: records, torn: false },
    ];
  });
  const operations = Array.from({ length: process.operations }, (_, i): CrashPoint[] => [
    { at: 'operation', n: i + 1, sent: false },
    { at: 'operation', n: i + 1, sent: true },
  ]);
  return [...appends, ...operations.flat()];
}

interface Expected {
  readonly untouched: unknown;
  readonly final: unknown;
  readonly outcome: string;
}

async function afterCrash(
  subject: SweepSubject,
  point: CrashPoint,
  way: 'resume' | 'abort',
  expected: Expected,
): Promise<{ readonly problems: readonly string[]; readonly wasTooLate: boolean }> {
  const attempt = new Attempt(subject, await subject.fresh());
  const crashed = await outcomeOf(attempt.go('run', new Process(point)));
  if (crashed !== 'Crash: killed') return { problems: [`the crash ended as ${crashed}`], wasTooLate: false };
  await attempt.reopen();
  let end = await outcomeOf(attempt.go(way, new Process(null)));
  let goesBack = way === 'abort' && end !== 'nothing-to-abort';
  const wasTooLate = end === 'past-pivot';
  if (wasTooLate) {
    goesBack = false;
    end = await outcomeOf(attempt.go('resume', new Process(null)));
  }
  // Nothing was recorded yet, or all was: the first begins anew, the second has nothing left to do.
  if (end.startsWith('nothing-to-')) {
    end = attempt.isEmpty() ? await outcomeOf(attempt.go('run', new Process(null))) : expected.outcome;
  }
  const outcome = goesBack ? 'compensated' : expected.outcome;
  const shape = goesBack ? expected.untouched : expected.final;
  const problems = attempt.runTwice.map((key) => `${key} was run twice without a probe in between`);
  if (end !== outcome) problems.push(`ended as ${end}, expected ${outcome}`);
  const different = differences(await attempt.world.shape(), shape);
  if (different.length > 0) problems.push(`left ${different.join(', ')}`);
  return { problems, wasTooLate };
}

/** Where two shapes differ, as `path: found, not expected`; empty when they are equal. */
export function differences(found: unknown, expected: unknown, path = ''): readonly string[] {
  if (isTree(found) && isTree(expected)) {
    const names = [...new Set([...Object.keys(found), ...Object.keys(expected)])].sort();
    return names.flatMap((name) =>
      differences(found[name], expected[name], path === '' ? name : `${path} ${name}`),
    );
  }
  const texts = [found, expected].map((value) => (value === undefined ? 'nothing' : canonicalJson(value)));
  return texts[0] === texts[1] ? [] : [`${path}: ${texts.join(', not ')}`];
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** One world and one disk, used by one process after another. */
export class Attempt {
  world: SweepWorld;
  /** Keys of steps that have a probe and were run twice without asking it in between. */
  readonly runTwice: string[] = [];
  readonly #subject: SweepSubject;
  readonly #disk: Disk = { bytes: new Uint8Array() };
  readonly #lastRun = new Set<string>();

  constructor(subject: SweepSubject, world: SweepWorld) {
    this.#subject = subject;
    this.world = world;
  }

  go(mode: RunMode, process: Process): Promise<SagaResult> {
    const work = runSaga({
      saga: this.#watched(this.#subject.saga()),
      journal: new DiskJournal(this.#disk, process),
      provider: process.connect(this.world.provider),
      seed: 1,
      signal: new AbortController().signal,
      observer: () => undefined,
      mode,
    });
    return this.world.drive(work);
  }

  async reopen(): Promise<void> {
    this.world = await this.world.reopen();
  }

  isEmpty(): boolean {
    return this.records().length === 0;
  }

  records(): readonly SagaRecord[] {
    return decodeLines(this.#disk.bytes, 'disk', checkRecord).records;
  }

  #watched(saga: Saga): Saga {
    return {
      ...saga,
      stages: saga.stages.map((s) => ({ ...s, steps: s.steps.map((step) => this.#watch(step)) })),
    };
  }

  #watch(step: Step): Step {
    const { key, probe } = step;
    if (probe === undefined) return step;
    return {
      ...step,
      probe: (context) => {
        this.#lastRun.delete(key);
        return probe(context);
      },
      run: (context) => {
        if (this.#lastRun.has(key)) this.runTwice.push(key);
        this.#lastRun.add(key);
        return step.run(context);
      },
    };
  }
}

/** A saga's outcome, or the code or name of what it rejected with. */
export async function outcomeOf(work: Promise<SagaResult>): Promise<string> {
  try {
    return (await work).outcome;
  } catch (error) {
    if (error instanceof UserError) return error.code;
    return error instanceof Crash ? `Crash: ${error.message}` : messageOf(error);
  }
}
