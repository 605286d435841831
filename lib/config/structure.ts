/**
 * The structure of a YAML tree against its schema: unknown keys, wrong types, values outside a list. Every violation
 * becomes one finding in words; meaning and agreement of values are checked elsewhere.
 */
import { Ajv, type ErrorObject } from 'ajv';
import type { Findings } from './findings.js';
import type { Schema } from './schema-parts.js';
import type { Path, Tree, YamlSource } from './source.js';
import { suggest } from './suggest.js';
import { isTreeMap, printPath, schemaAt, schemaPaths, textOf, valueAt, withValue } from './tree.js';

const ajv = new Ajv({ allErrors: true, verbose: true, allowUnionTypes: true });

/**
 * YAML reads `version: 1.30` as the number 1.3. Where the schema wants text, the text as it was written counts.
 */
export function withWrittenText(tree: Tree, schema: Schema, source: YamlSource): Tree {
  return schemaPaths(schema).reduce((result, path) => {
    if (schemaAt(schema, path)?.type !== 'string' || typeof valueAt(tree, path) !== 'number') return result;
    return withValue(result, path, source.scalarText(path) ?? textOf(valueAt(tree, path)));
  }, tree);
}

/** Reports every violation, and returns the tree without the values that are wrong. */
export function checkStructure(tree: Tree, schema: Schema, findings: Findings): Tree {
  const validate = ajv.compile(schema); // Compiled at the first use, and kept by the schema.
  if (validate(tree)) return tree;
  const errors = (validate.errors ?? []) as readonly ErrorObject<string, Record<string, unknown>>[];
  let sound = tree;
  const seen = new Set<string>();
  for (const error of errors) {
    const path = pathOf(error.instancePath);
    if (error.keyword === 'additionalProperties') {
      unknownKey([...path, String(error.params['additionalProperty'])], schema, findings);
    } else if (error.keyword === 'required') {
      missingKey([...path, String(error.params['missingProperty'])], schema, findings);
    } else if (!seen.has(error.instancePath)) {
      // A value of the wrong type breaks further rules too; the first one said is enough.
      seen.add(error.instancePath);
      wrongValue(path, valueAt(tree, path), schemaAt(schema, path) ?? schema, error, findings);
      sound = withValue(sound, wholeValue(path), undefined);
    }
  }
  return sound;
}

function pathOf(pointer: string): Path {
  const parts = pointer.split('/').slice(1);
  return parts.map((part) => {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    return /^\d+$/.test(key) ? Number(key) : key;
  });
}

/** A wrong item makes its whole list unusable. */
function wholeValue(path: Path): Path {
  const index = path.findIndex((key) => typeof key === 'number');
  return index === -1 ? path : path.slice(0, index);
}

function unknownKey(path: Path, schema: Schema, findings: Findings): void {
  const key = String(path.at(-1));
  const above = path.slice(0, -1);
  const here = Object.keys(schemaAt(schema, above)?.properties ?? {});
  const meant = suggest(key, here);
  const elsewhere = schemaPaths(schema).filter((candidate) => candidate.at(-1) === key);
  let remedy = `Remove ${key}, or use one of these keys.`;
  if (elsewhere.length > 0) remedy = `Did you mean ${elsewhere.map(printPath).join(' or ')}? Move it there.`;
  else if (meant !== null) remedy = `Did you mean ${meant}?`;
  findings.report({
    code: 'unknown-key',
    path,
    at: 'key',
    message: 'there is no such key here.',
    remedy,
    expected: `one of ${here.join(', ')}`,
    found: key,
  });
  if (meant !== null) findings.damage([...above, meant]);
  for (const candidate of elsewhere) findings.damage(candidate);
}

function missingKey(path: Path, schema: Schema, findings: Findings): void {
  const wanted = schemaAt(schema, path);
  findings.report({
    code: 'missing-key',
    path,
    message: 'this key is required.',
    remedy: `Add ${String(path.at(-1))}: ${wanted?.description ?? ''}`,
    expected: wanted === null ? null : expectation(wanted),
    found: 'nothing',
  });
  findings.damage(path);
}

function wrongValue(
  path: Path,
  value: Tree | undefined,
  schema: Schema,
  error: ErrorObject,
  findings: Findings,
): void {
  const shown = printValue(value);
  const meant = schema.enum !== undefined && typeof value === 'string' ? suggest(value, schema.enum) : null;
  const expected = error.keyword === 'uniqueItems' ? 'a list without repetitions' : expectation(schema);
  findings.report({
    code: 'wrong-value',
    path,
    message: `${shown} is not what this key takes.`,
    remedy: meant === null ? remedyFor(value, schema) : `Did you mean ${meant}?`,
    expected,
    found: typeof value === 'string' ? value : shown,
  });
  findings.damage(wholeValue(path));
}

function remedyFor(value: Tree | undefined, schema: Schema): string {
  const size = typeof value === 'string' ? /^(\d+(?:\.\d+)?) ?([GM])[Bi]?$/i.exec(value) : null;
  if (size !== null && Array.isArray(schema.type)) {
    return `Write ${size[1] ?? ''}${(size[2] ?? '').toUpperCase()}iB: homelab counts in powers of two.`;
  }
  if (schema.$id !== undefined) return 'Begin lines with keys such as name:.';
  if (schema.type === 'object') return 'Put its keys below it, indented by two spaces.';
  return `Write ${expectation(schema)}.`;
}

/** What a schema wants, in words. */
export function expectation(schema: Schema): string {
  if (schema.enum !== undefined) return `one of ${schema.enum.join(', ')}`;
  if (schema.title !== undefined) return schema.title;
  const { minimum, maximum } = schema;
  const range =
    minimum !== undefined && maximum !== undefined
      ? ` from ${minimum} to ${maximum}`
      : minimum !== undefined
        ? `, at least ${minimum}`
        : '';
  const kinds: Record<string, string> = {
    integer: `a whole number${range}`,
    number: `a number${range}`,
    string: 'text',
    boolean: 'true or false',
    array: schema.items?.type === 'object' ? 'a list of maps' : 'a list of text',
    object: `a map with keys such as ${Object.keys(schema.properties ?? {})
      .slice(0, 3)
      .join(', ')}`,
  };
  return kinds[String(schema.type)] ?? 'another value';
}

function printValue(value: Tree | undefined): string {
  if (isTreeMap(value)) return 'a map';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'string' ? `"${value}"` : textOf(value);
}
