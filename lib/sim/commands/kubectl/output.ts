/** `-o json|yaml|name|wide|jsonpath=…` and the table that stands for none of them. */
import { Document, visit } from 'yaml';
import { apiVersionOf, type ResourceType } from '../../api/resources.js';
import type { KubeObject } from '../../objects.js';
import { Failure } from '../failure.js';
import { columnsOf } from './columns.js';
import { jsonPath, JsonPathError, valuesAt } from './jsonpath.js';
import { shownType } from './resources.js';
import { printTable } from './table.js';

export type Format =
  | { readonly kind: 'table'; readonly wide: boolean }
  | { readonly kind: 'json' }
  | { readonly kind: 'yaml' }
  | { readonly kind: 'name' }
  | { readonly kind: 'jsonpath'; readonly template: string }
  | { readonly kind: 'columns'; readonly columns: readonly CustomColumn[] };

/** `-o custom-columns=NAME:.metadata.name`. */
interface CustomColumn {
  readonly heading: string;
  readonly path: string;
}

/** Objects of one type, as they are printed together. */
export interface Found {
  readonly type: ResourceType;
  readonly objects: readonly KubeObject[];
}

const ALLOWED =
  'custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,' +
  'jsonpath-file,name,template,templatefile,wide,yaml';

export function parseFormat(output: string | null): Format {
  if (output === null || output === '') return { kind: 'table', wide: false };
  if (output === 'wide') return { kind: 'table', wide: true };
  if (output === 'json' || output === 'yaml' || output === 'name') return { kind: output };
  if (output.startsWith('jsonpath=')) return { kind: 'jsonpath', template: output.slice('jsonpath='.length) };
  const name = output.split('=')[0] ?? '';
  if (name === 'custom-columns')
    return { kind: 'columns', columns: customColumns(output.slice(name.length + 1)) };
  if (ALLOWED.split(',').includes(name)) {
    throw new Failure(`error: the simulator does not model the output format "${name}"\n`);
  }
  throw new Failure(
    `error: unable to match a printer suitable for the output format "${output}", ` +
      `allowed formats are: ${ALLOWED}\n`,
  );
}

function customColumns(spec: string): CustomColumn[] {
  if (spec === '') throw new Failure('error: custom-columns format specified but no custom columns given\n');
  return spec.split(',').map((part) => {
    const cut = part.indexOf(':');
    if (cut < 0) {
      const words = `unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`;
      throw new Failure(`error: ${words}\n`);
    }
    return { heading: part.slice(0, cut), path: part.slice(cut + 1) };
  });
}

function printColumns(
  columns: readonly CustomColumn[],
  objects: readonly KubeObject[],
  noHeaders: boolean,
): string {
  const cell = (path: string, object: KubeObject): string => {
    const values = valuesAt(path, object);
    if (values.length === 0) return '<none>';
    return values.map((value) => (typeof value === 'string' ? value : goText(value))).join(',');
  };
  const rows = objects.map((object) => columns.map(({ path }) => cell(path, object)));
  return printTable(noHeaders ? rows : [columns.map(({ heading }) => heading), ...rows]);
}

/** Go's `%v` of a value of JSON: `map[a:b]` and `[a b]`. */
function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${(value as unknown[]).map(goText).join(' ')}]`;
  if (value === null) return '<nil>';
  if (typeof value !== 'object') return JSON.stringify(value).replace(/^"(.*)"$/, '$1');
  const keys = Object.keys(value).sort();
  return `map[${keys.map((key) => `${key}:${goText((value as Record<string, unknown>)[key])}`).join(' ')}]`;
}

/**
 * Every format but the table. A single object that was asked for by name stands alone, others in a List.
 */
export function printObjects(
  format: Exclude<Format, { readonly kind: 'table' }>,
  found: readonly Found[],
  single: boolean,
  noHeaders = false,
): string {
  const typed = found.flatMap(({ type, objects }) => objects.map((object) => ({ type, object })));
  if (format.kind === 'name') {
    return typed.map(({ type, object }) => `${shownType(type)}/${object.metadata.name}\n`).join('');
  }
  const objects = typed.map(({ type, object }) => withKind(type, object));
  if (format.kind === 'columns') return printColumns(format.columns, objects, noHeaders);
  const value: unknown =
    single && objects[0] !== undefined
      ? objects[0]
      : { apiVersion: 'v1', items: objects, kind: 'List', metadata: { resourceVersion: '' } };
  if (format.kind === 'json') return `${toJson(value)}\n`;
  if (format.kind === 'yaml') return toYaml(value);
  try {
    return jsonPath(format.template, value);
  } catch (error) {
    if (!(error instanceof JsonPathError)) throw error;
    throw new Failure(`error: error parsing jsonpath ${format.template}, ${error.message}\n`);
  }
}

/** JSON as kubectl prints it: keys sorted, four blanks, the characters of HTML escaped as Go does. */
export function toJson(value: unknown, indent = 4): string {
  return JSON.stringify(sorted(value), null, indent).replace(
    /[<>&]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  );
}

/** What YAML 1.1 reads as a moment or a boolean, and YAML 1.2 does not. */
const OF_OLD_YAML = /^(\d{4}-\d\d-\d\d([Tt ].*)?|y|n|yes|no|on|off)$/i;

/** YAML as kubectl prints it: by the rules of YAML 1.1 for what stands in quotes. */
export function toYaml(value: unknown): string {
  const document = new Document(sorted(value));
  visit(document, {
    Scalar(_key, node) {
      if (typeof node.value === 'string' && OF_OLD_YAML.test(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return document.toString({ indentSeq: false, lineWidth: 0 });
}

function withKind(type: ResourceType, object: KubeObject): KubeObject {
  return { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return (value as unknown[]).map(sorted);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

export interface TableOptions {
  readonly wide: boolean;
  readonly allNamespaces: boolean;
  readonly noHeaders: boolean;
  readonly showLabels: boolean;
  /** Labels that get a column of their own. */
  readonly labelColumns: readonly string[];
  /** Names carry their type: `node/cp-1`. */
  readonly typed: boolean;
  readonly nowMs: number;
}

/** The headings and one row an object. */
export function tableRows(
  type: ResourceType,
  objects: readonly KubeObject[],
  options: TableOptions,
): string[][] {
  const { headings, wide, cells } = columnsOf(type.kind);
  const namespaced = options.allNamespaces && type.namespaced;
  const rows = objects.map((object) => {
    const all = cells(object, options.nowMs);
    const shown = [...(options.wide ? all : all.slice(0, headings.length))];
    if (options.typed) shown[0] = `${shownType(type)}/${shown[0] ?? ''}`;
    shown.push(...options.labelColumns.map((label) => object.metadata.labels?.[label] ?? '<none>'));
    if (options.showLabels) shown.push(labelText(object));
    return [...(namespaced ? [object.metadata.namespace ?? ''] : []), ...shown];
  });
  if (options.noHeaders) return rows;
  const labels = options.labelColumns.map((label) => (label.split('/').at(-1) ?? '').toUpperCase());
  const first = [
    ...[...headings, ...(options.wide ? wide : []), ...labels],
    ...(options.showLabels ? ['LABELS'] : []),
  ];
  return [[...(namespaced ? ['NAMESPACE'] : []), ...first], ...rows];
}

export function printTables(found: readonly Found[], options: TableOptions): string {
  return found.map(({ type, objects }) => printTable(tableRows(type, objects, options))).join('\n');
}

function labelText(object: KubeObject): string {
  const labels = Object.entries(object.metadata.labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return labels.length === 0 ? '<none>' : labels.sort().join(',');
}
