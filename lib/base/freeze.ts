/** Plain data that nothing can change afterwards. */

/** Freezes `value` and everything in it, and returns it. For trees of plain objects and arrays only. */
export function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}
