/**
 * Randomness, always passed in. One seed fixes a whole run; every consumer forks its own stream by name, so
 * that adding a consumer does not shift the draws of another. Integers only: floating point may differ by engine.
 */
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { assert } from './errors.js';

/** What all streams of one seed have in common. */
interface Root {
  readonly seed: number;
  /** What their states are derived from, beside their names. */
  salt: string;
}

export class Prng {
  readonly #root: Root;
  readonly #path: string;
  /** Of the generator; most streams are never drawn from and have none. */
  #salt: string | null = null;
  #generator: ReturnType<typeof xoroshiro128plus> | null = null;

  constructor(from: number | Root, path = '') {
    this.#root = typeof from === 'number' ? { seed: from, salt: String(from) } : from;
    this.#path = path;
  }

  get seed(): number {
    return this.#root.seed;
  }

  /** A stream of its own, fixed by the seed and the names on the way to it, not by earlier draws. */
  fork(name: string): Prng {
    return new Prng(this.#root, `${this.#path}/${name}`);
  }

  /**
   * Begins this stream anew, and with it every other one that was or will be forked of the same seed: from now on
   * they are fixed by `name` too. Two copies of one past go different ways from here.
   */
  refork(name: string): void {
    this.#root.salt = `${this.#root.seed}/${name}`;
  }

  /** A whole number in [min, max], both included. */
  int(min: number, max: number): number {
    assert(Number.isSafeInteger(min) && Number.isSafeInteger(max) && min <= max, `bad range ${min}..${max}`);
    if (this.#generator === null || this.#salt !== this.#root.salt) {
      this.#salt = this.#root.salt;
      this.#generator = xoroshiro128plus(hash32(`${this.#salt}/${this.#path}`));
    }
    return uniformInt(this.#generator, min, max);
  }

  /** True in `numerator` of `denominator` draws. */
  chance(numerator: number, denominator: number): boolean {
    return this.int(1, denominator) <= numerator;
  }

  pick<T>(items: readonly T[]): T {
    assert(items.length > 0, 'cannot pick from nothing');
    return items[this.int(0, items.length - 1)] as T;
  }

  /** `length` characters of `alphabet`. */
  text(length: number, alphabet: string): string {
    let text = '';
    for (let i = 0; i < length; i += 1) text += alphabet[this.int(0, alphabet.length - 1)] ?? '';
    return text;
  }

  hex(length: number): string {
    return this.text(length, '0123456789abcdef');
  }
}

/** FNV-1a, enough to spread names over seeds; not a digest. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash | 0;
}
