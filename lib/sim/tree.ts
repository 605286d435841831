/** Reading plain data of unknown shape, such as the specs of Kubernetes objects: by path, null or empty when absent. */

export type Tree = Readonly<Record<string, unknown>>;

type Path = readonly (string | number)[];

/** The value at a path; undefined when any step is missing. */
export function at(value: unknown, ...path: Path): unknown {
  return follow(value, path);
}

function follow(value: unknown, path: Path): unknown {
  let here: unknown = value;
  for (const step of path) {
    if (here === null || typeof here !== 'object') return undefined;
    here = (here as Record<string | number, unknown>)[step];
  }
  return here;
}

/** The map at a path; empty when there is none. */
export function mapAt(value: unknown, ...path: Path): Tree {
  const found = follow(value, path);
  return found !== null && typeof found === 'object' && !Array.isArray(found) ? (found as Tree) : {};
}

/** The list at a path; empty when there is none. */
export function listAt(value: unknown, ...path: Path): readonly unknown[] {
  const found = follow(value, path);
  return Array.isArray(found) ? (found as readonly unknown[]) : [];
}

/** The text at a path; null when there is none. */
export function textAt(value: unknown, ...path: Path): string | null {
  const found = follow(value, path);
  return typeof found === 'string' ? found : null;
}

/** The number at a path; null when there is none. */
export function numberAt(value: unknown, ...path: Path): number | null {
  const found = follow(value, path);
  return typeof found === 'number' ? found : null;
}

/** The texts in the list at a path. */
export function textsAt(value: unknown, ...path: Path): readonly string[] {
  return listAt(value, ...path).filter((entry) => typeof entry === 'string');
}
