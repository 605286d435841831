/**
 * Intervals instead of samples: how each thing stood, and from when to when. In the simulator it is told of every
 * change and is exact; elsewhere it is as fine as what is asked.
 */
import type { LabSpec } from '../model/lab.js';
import type { Observation } from '../provider/provider.js';
import { standingOf, type Sighted, type Standing } from './seen.js';

export interface Interval extends Standing {
  readonly fromMs: number;
  /** Equal to `fromMs` for what was so for no time. */
  readonly toMs: number;
}

export class Recorder {
  readonly #lab: LabSpec;
  readonly #sighted: readonly Sighted[];
  readonly #closed = new Map<string, Interval[]>();
  readonly #open = new Map<string, Standing & { readonly fromMs: number }>();

  constructor(lab: LabSpec, sighted: readonly Sighted[]) {
    this.#lab = lab;
    this.#sighted = sighted;
  }

  /** Takes in what an onlooker sees now. */
  see(seen: Observation): void {
    for (const one of this.#sighted) this.note(one.key, seen.atMs, standingOf(this.#lab, seen, one));
  }

  note(key: string, atMs: number, { value, good }: Standing): void {
    const open = this.#open.get(key);
    if (open?.value === value && open.good === good) return;
    if (open !== undefined) this.#close(key, atMs);
    this.#open.set(key, { value, good, fromMs: atMs });
  }

  /** How it stands now; null before it was first seen. */
  now(key: string): Standing | null {
    return this.#open.get(key) ?? null;
  }

  /** In order, up to `atMs`. */
  intervals(key: string, atMs: number): readonly Interval[] {
    const open = this.#open.get(key);
    const closed = this.#closed.get(key) ?? [];
    return open === undefined ? closed : [...closed, { ...open, toMs: Math.max(atMs, open.fromMs) }];
  }

  #close(key: string, atMs: number): void {
    const open = this.#open.get(key);
    if (open === undefined) return;
    const closed = this.#closed.get(key) ?? [];
    this.#closed.set(key, closed);
    // What changed again at the same moment was never seen by anybody.
    if (atMs > open.fromMs) closed.push({ ...open, toMs: atMs });
  }
}
