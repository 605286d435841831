/**
 * Looking on at real machines: power, address and API every two seconds, asked of this computer; what takes programs
 * on the control planes every tenth second, and at once when the first has changed, without holding up the first. A
 * change between two looks is told at the second one, and one that came and went between them is not seen.
 */
import { CancelledError, messageOf } from '../../base/errors.js';
import type { Observation, Watching } from '../provider.js';
import { scaled, type Context } from './context.js';
import { observeInside, observeOutside, type Inside, type Outside } from './observe.js';

const OUTSIDE_SECONDS = 2;
const INSIDE_SECONDS = 10;

export function watchLab(context: Context, onChange: (seen: Observation) => void): Watching {
  const stopping = new AbortController();
  const onlooker = new Onlooker(context, onChange, stopping.signal);
  const watching = onlooker.run();
  return {
    exact: false,
    everyMs: scaled(context.lab, OUTSIDE_SECONDS),
    gaps: onlooker.gaps,
    stop: () => {
      stopping.abort();
      return watching;
    },
  };
}

class Onlooker {
  readonly gaps: string[] = [];
  readonly #context: Context;
  readonly #onChange: (seen: Observation) => void;
  readonly #signal: AbortSignal;
  #told: Observation | null = null;
  #outside: Outside | null = null;
  #inside: { readonly seen: Inside; readonly atMs: number } | null = null;
  /** The look inside that is under way. */
  #looking: Promise<void> | null = null;
  #again = false;

  constructor(context: Context, onChange: (seen: Observation) => void, signal: AbortSignal) {
    this.#context = context;
    this.#onChange = onChange;
    this.#signal = signal;
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      await this.#look();
      await this.#pause();
    }
    await this.#looking;
  }

  async #look(): Promise<void> {
    const outside = await this.#try(observeOutside(this.#context, this.#signal));
    if (outside === null) return;
    this.#outside = outside;
    const hasMoved = this.#inside !== null && this.#tell({ ...outside, ...this.#inside.seen });
    const first = this.#inside === null;
    if (!first && !hasMoved && !this.#isInsideOld()) return;
    if (this.#looking !== null) this.#again = hasMoved || this.#again;
    else this.#looking = this.#lookInside();
    // Nothing can be told before the first.
    if (first) await this.#looking;
  }

  #isInsideOld(): boolean {
    const { clock, lab } = this.#context;
    return this.#inside === null || clock.nowMs() - this.#inside.atMs >= scaled(lab, INSIDE_SECONDS);
  }

  /** Takes seconds, and more where a machine does not answer: nobody waits for it. */
  async #lookInside(): Promise<void> {
    do {
      this.#again = false;
      const seen = this.#outside === null ? null : await this.#seeInside(this.#outside);
      const atMs = this.#context.clock.nowMs();
      if (seen !== null && this.#outside !== null) {
        this.#inside = { seen, atMs };
        this.#tell({ ...this.#outside, ...seen, atMs });
      }
    } while (this.#mayLookAgain());
    this.#looking = null;
  }

  #seeInside(outside: Outside): Promise<Inside | null> {
    return this.#try(observeInside(this.#context, outside, this.#signal));
  }

  /** Something moved outside while the last look was under way. */
  #mayLookAgain(): boolean {
    return this.#again && !this.#signal.aborted;
  }

  /** A look that fails leaves a gap: what is watched must not fail by it. Null too when it was told to stop. */
  async #try<T>(look: Promise<T>): Promise<T | null> {
    const found = await look.catch((error: unknown) => {
      if (!this.#signal.aborted)
        this.gaps.push(`at ${Math.round(this.#context.clock.nowMs() / 1_000)} s: ${messageOf(error)}`);
      return null;
    });
    return this.#signal.aborted ? null : found;
  }

  /** True when it is another sight than the last one. */
  #tell(seen: Observation): boolean {
    if (this.#told !== null && sightOf(seen) === sightOf(this.#told)) return false;
    this.#told = seen;
    this.#onChange(seen);
    return true;
  }

  async #pause(): Promise<void> {
    const { lab, clock } = this.#context;
    try {
      await clock.sleep(scaled(lab, OUTSIDE_SECONDS), this.#signal);
    } catch (error) {
      if (!(error instanceof CancelledError)) throw error;
    }
  }
}

/** Observations are plain data, made by the same code in the same order. */
function sightOf({ machines, vipHolders, api, nodes, etcd, pods, reasons }: Observation): string {
  return JSON.stringify([machines, vipHolders, api, nodes, etcd, pods, reasons]);
}
