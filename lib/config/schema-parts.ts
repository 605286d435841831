/** What the schemas of schema.ts are put together from. */

/** The part of JSON Schema that homelab uses. `title` says in words what a pattern wants. */
export interface Schema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: string | number | boolean | readonly string[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly uniqueItems?: boolean;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
}

/** Sizes in MiB as a number, or as text with MiB or GiB. */
const SIZE_PATTERN = '^[0-9]+(\\.[0-9]+)? ?(MiB|GiB)$';
export const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
export const DNS_NAME = `^${LABEL}(\\.${LABEL})*$`;

export function size(description: string): Schema {
  return {
    type: ['integer', 'string'],
    minimum: 256,
    pattern: SIZE_PATTERN,
    title: 'a size such as 4096 (MiB), 4096MiB or 4GiB',
    description,
  };
}

/** Text that must not be empty. */
export function text(description: string): Schema {
  return { type: 'string', pattern: '\\S', title: 'text that is not empty', description };
}

export function map(description: string, properties: Record<string, Schema>): Schema {
  return { type: 'object', description, properties, additionalProperties: false };
}
