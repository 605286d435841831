/** Documents of the command line against their schemas in schemas/. */
import { Ajv, type ValidateFunction } from 'ajv';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './package-root.js';

const SUFFIX = '.schema.json';

/** Schemas of files that people write; the others are of documents that homelab prints. */
const INPUTS = ['config', 'topology', 'timings', 'bundle', 'scenario'];

/** JSON Schemas by name, such as `plan`. */
export function documentSchemas(): ReadonlyMap<string, object> {
  const folder = join(packageRoot(), 'schemas');
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => name.slice(0, -SUFFIX.length))
    .filter((name) => !INPUTS.includes(name));
  return new Map(
    names.map((name) => [name, JSON.parse(readFileSync(join(folder, name + SUFFIX), 'utf8')) as object]),
  );
}

const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true });
for (const schema of documentSchemas().values()) ajv.addSchema(schema);

/** What the schema `name` says against a document, one line each; empty when nothing. */
export function documentProblems(name: string, document: unknown): readonly string[] {
  const validate: ValidateFunction | undefined = ajv.getSchema(`https://homelab.invalid/${name}${SUFFIX}`);
  if (validate === undefined) return [`there is no schema ${name}`];
  validate(document);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath}: ${message ?? ''}`);
}
