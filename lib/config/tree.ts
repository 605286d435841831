/** Reading and changing plain data by path, and finding the schema of a path. Trees are never changed in place. */
import type { Schema } from './schema-parts.js';
import type { Path, Tree } from './source.js';

type TreeMap = { readonly [key: string]: Tree };

export function isTreeMap(tree: Tree | undefined): tree is TreeMap {
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree);
}

/** A scalar as text; empty for nothing, JSON for a list or a map. */
export function textOf(value: Tree | undefined): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return value === undefined || value === null ? '' : JSON.stringify(value);
}

/** The value at `path`; undefined when it is not there. */
export function valueAt(tree: Tree, path: Path): Tree | undefined {
  let value: Tree | undefined = tree;
  for (const key of path) {
    if (Array.isArray(value)) value = (value as readonly Tree[])[Number(key)];
    else if (isTreeMap(value) && Object.hasOwn(value, key)) value = value[key];
    else return undefined;
  }
  return value;
}

/** `tree` with `value` at `path`, or without that key when `value` is undefined. Only maps are entered. */
export function withValue(tree: Tree, path: Path, value: Tree | undefined): Tree {
  const [key, ...rest] = path;
  if (key === undefined) return value ?? null;
  const map = isTreeMap(tree) ? tree : {};
  const inner = rest.length === 0 ? value : withValue(map[key] ?? null, rest, value);
  // Object.entries and fromEntries keep a key named __proto__ plain data.
  const others = Object.entries(map).filter(([name]) => name !== String(key));
  return Object.fromEntries(inner === undefined ? others : [...others, [String(key), inner]]);
}

/** The schema of `path`; null when there is no such key. */
export function schemaAt(schema: Schema, path: Path): Schema | null {
  let found: Schema = schema;
  for (const key of path) {
    const properties: Readonly<Record<string, Schema>> = found.properties ?? {};
    const inner: Schema | undefined = Object.hasOwn(properties, key) ? properties[String(key)] : found.items;
    if (inner === undefined) return null;
    found = inner;
  }
  return found;
}

/** Every key of the schema as a path, maps before what is in them. */
export function schemaPaths(schema: Schema, above: readonly string[] = []): readonly (readonly string[])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => [
    [...above, key],
    ...schemaPaths(inner, [...above, key]),
  ]);
}

/** `k8s.ha.api_vip`, as messages and documents write a path. */
export function printPath(path: Path): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? key : `${text}.${key}`),
    '',
  );
}
