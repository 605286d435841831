/** Plain data told again: every part that is as before stays the same object, so that a look finds what changed. */

/** `next`, with each part that equals the part of `before` at its place replaced by that one. */
export function keepSame<T>(before: T, next: T): T {
  if (Object.is(before, next) || typeof before !== 'object' || typeof next !== 'object') return next;
  if (before === null || next === null || Array.isArray(before) !== Array.isArray(next)) return next;
  const old = before as Readonly<Record<string, unknown>>;
  const found = next as Readonly<Record<string, unknown>>;
  const keys = Object.keys(found);
  const kept = keys.map((key) => keepSame(old[key], found[key]));
  const isSame =
    Object.keys(old).length === keys.length && keys.every((key, i) => key in old && kept[i] === old[key]);
  if (isSame) return before;
  if (Array.isArray(next)) return kept as T;
  return Object.fromEntries(keys.map((key, i) => [key, kept[i]])) as T;
}
