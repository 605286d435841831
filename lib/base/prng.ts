/**
 * Randomness, always passed in. One seed fixes a whole run; every consumer forks its own stream by name, so
 * that adding a consumer does not shift the draws of another. Integers only: floating point may differ by engine.
 */
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { assert } from './errors.js';

export class Prng {
  readonly #path: string;
  readonly #generator: ReturnType<typeof xoroshiro128plus>;

  constructor(seed: number, path = '') {
    this.seed = seed;
    this.#path = path;
    this.#generator = xoroshiro128plus(hash32(`${seed}/${path}`));
  }

  readonly seed: number;

  /** A stream of its own, fixed by the seed and the names on the way to it, not by earlier draws. */
  fork(name: string): Prng {
    return new Prng(this.seed, `${this.#path}/${name}`);
  }

  /** A whole number in [min, max], both included. */
  int(min: number, max: number): number {
    assert(Number.isSafeInteger(min) && Number.isSafeInteger(max) && min <= max, `bad range ${min}..${max}`);
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
