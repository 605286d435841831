/**
 * Strict decoding of configuration documents as Go's JSON decoder does it: a wrong type is an error that names the
 * Go field and type, an unknown field is reported apart because kubeadm only warns of it, except when validating.
 */
import type { Tree } from '../tree.js';
import { KubeadmFailure, parseGoDuration } from './context.js';

export type Schema =
  | { readonly kind: 'string' | 'bool' | 'int' | 'duration' | 'any' }
  | { readonly kind: 'list'; readonly goType: string; readonly item: Schema }
  | { readonly kind: 'map'; readonly goType: string }
  | { readonly kind: 'struct'; readonly name: string; readonly fields: Readonly<Record<string, Schema>> };

export const text: Schema = { kind: 'string' };
export const bool: Schema = { kind: 'bool' };
export const int: Schema = { kind: 'int' };
export const duration: Schema = { kind: 'duration' };
export const any: Schema = { kind: 'any' };
export const stringMap: Schema = { kind: 'map', goType: 'map[string]string' };
export const texts: Schema = { kind: 'list', goType: '[]string', item: text };

export function list(goType: string, item: Schema): Schema {
  return { kind: 'list', goType, item };
}

export function struct(name: string, fields: Readonly<Record<string, Schema>>): Schema {
  return { kind: 'struct', name, fields };
}

/** Checks a document against its schema. Throws a `KubeadmFailure` for a wrong type; returns the unknown fields. */
export function checkDocument(value: unknown, schema: Schema): string[] {
  const unknown: string[] = [];
  check(value, schema, { struct: '', path: '' }, unknown);
  return unknown;
}

interface Place {
  /** The innermost Go struct and the path to here, for the message. */
  readonly struct: string;
  readonly path: string;
}

function check(value: unknown, schema: Schema, place: Place, unknown: string[]): void {
  if (value === null || value === undefined || schema.kind === 'any') return;
  switch (schema.kind) {
    case 'string':
    case 'duration':
      if (typeof value !== 'string')
        mismatch(value, place, schema.kind === 'string' ? 'string' : 'v1.Duration');
      if (schema.kind === 'duration' && parseGoDuration(value) === null)
        throw new KubeadmFailure(`time: invalid duration "${value}"`);
      return;
    case 'bool':
      if (typeof value !== 'boolean') mismatch(value, place, 'bool');
      return;
    case 'int':
      if (!Number.isSafeInteger(value)) mismatch(value, place, 'int32');
      return;
    case 'map':
      if (!isTree(value)) mismatch(value, place, schema.goType);
      for (const [key, item] of Object.entries(value)) check(item, text, below(place, key), unknown);
      return;
    case 'list':
      if (!Array.isArray(value)) mismatch(value, place, schema.goType);
      value.forEach((item: unknown, index) => {
        check(item, schema.item, { ...place, path: `${place.path}[${index}]` }, unknown);
      });
      return;
    case 'struct':
      checkStruct(value, schema, place, unknown);
  }
}

function checkStruct(
  value: unknown,
  schema: Extract<Schema, { kind: 'struct' }>,
  place: Place,
  unknown: string[],
): void {
  if (!isTree(value)) mismatch(value, place, `v1beta4.${schema.name}`);
  for (const [key, item] of Object.entries(value)) {
    const field = schema.fields[key];
    const at = { struct: schema.name, path: below(place, key).path };
    if (field === undefined) unknown.push(at.path);
    else check(item, field, at, unknown);
  }
}

export function isTree(value: unknown): value is Tree {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function below(place: Place, key: string): Place {
  return { ...place, path: place.path === '' ? key : `${place.path}.${key}` };
}

function mismatch(value: unknown, place: Place, goType: string): never {
  const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  const field = `${place.struct}.${place.path}`;
  throw new KubeadmFailure(`json: cannot unmarshal ${found} into Go struct field ${field} of type ${goType}`);
}
