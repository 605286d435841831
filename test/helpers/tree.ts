/** Reading parsed YAML and JSON in tests, where a missing part is an answer and not a crash. */

export type Tree = Readonly<Record<string, unknown>>;

/** The value at a path of keys; undefined when a part of the way is missing. */
export function at(tree: unknown, ...keys: readonly (string | number)[]): unknown {
  return keys.reduce<unknown>(
    (node, key) => (node as Record<string | number, unknown> | undefined)?.[key],
    tree,
  );
}
