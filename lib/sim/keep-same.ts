/** Plain data told again: every part that is as before stays the same object, so that a look finds what changed. */

type Fields = Readonly<Record<string, unknown>>;

/** `next`, with each part that equals the part of `before` at its place replaced by that one. */
export function keepSame<T>(before: T, next: T): T {
  if (Object.is(before, next) || typeof before !== 'object' || typeof next !== 'object') return next;
  if (before === null || next === null) return next;
  if (Array.isArray(before) && Array.isArray(next)) return keepSameList(before, next) as T;
  if (Array.isArray(before) || Array.isArray(next)) return next;
  return keepSameFields(before as Fields, next as Fields) as T;
}

function keepSameList(before: readonly unknown[], next: readonly unknown[]): readonly unknown[] {
  const kept = next.map((item, index) => keepSame(before[index], item));
  return before.length === kept.length && kept.every((item, index) => item === before[index]) ? before : kept;
}

function keepSameFields(before: Fields, next: Fields): Fields {
  const kept: Record<string, unknown> = {};
  let count = 0;
  let isSame = true;
  for (const key of Object.keys(next)) {
    const part = keepSame(before[key], next[key]);
    kept[key] = part;
    count += 1;
    if (part !== before[key] || !(key in before)) isSame = false;
  }
  return isSame && Object.keys(before).length === count ? before : kept;
}
