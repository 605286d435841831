/** The inventory of a cluster as a file, YAML or JSON: its schema, and reading it with every problem at its place. */
import type { Problem } from '../base/errors.js';
import { INVENTORY_API, INVENTORY_STATES, WORKLOAD_KINDS, type Inventory } from '../model/inventory.js';
import { Findings } from './findings.js';
import type { Schema } from './schema-parts.js';
import { YamlSource, type Tree } from './source.js';
import { checkStructure, withWrittenText } from './structure.js';
import { isTreeMap } from './tree.js';

const VERSION: Schema = {
  type: ['string', 'null'],
  pattern: '^v1\\.[0-9]+\\.[0-9]+$',
  title: 'a version such as v1.31.4, or null',
};
const LABELS: Schema = {
  type: 'array',
  items: { type: 'string', pattern: '^[^=]+=[^=]*$', title: 'a label such as app=web' },
};

function list(description: string, nullable: boolean, properties: Readonly<Record<string, Schema>>): Schema {
  return {
    type: nullable ? ['array', 'null'] : 'array',
    description,
    items: {
      type: 'object',
      properties,
      required: required(properties),
      additionalProperties: false,
    },
  };
}

/** A key that may be null may be left out as well: both say that nobody knows. */
function required(properties: Readonly<Record<string, Schema>>): readonly string[] {
  return Object.keys(properties).filter((key) => !isNullable(properties[key]));
}

function isTreeList(tree: Tree): tree is readonly Tree[] {
  return Array.isArray(tree);
}

function isNullable(schema: Schema | undefined): boolean {
  return Array.isArray(schema?.type) && schema.type.includes('null');
}

const ROLES = ['control-plane', 'worker', 'load-balancer'];

const PROPERTIES: Readonly<Record<keyof Inventory, Schema>> = {
  apiVersion: { type: 'string', enum: [INVENTORY_API], description: 'Version of this format.' },
  kind: { type: 'string', enum: ['Inventory'], description: 'Always Inventory.' },
  lab: { type: 'string', description: 'The lab that it was taken of.' },
  machines: list('Every machine of the lab.', false, {
    name: { type: 'string', description: 'As the lab calls it.' },
    role: { type: 'string', enum: ROLES, description: 'What it is for.' },
    state: { type: 'string', enum: INVENTORY_STATES, description: 'Its power.' },
    kubelet: { ...VERSION, description: "Its kubelet's version." },
    apiServer: { ...VERSION, description: "Its API server's version; null on workers." },
    schedulable: { type: ['boolean', 'null'], description: 'False for a cordoned node.' },
    certificateHours: {
      type: ['number', 'null'],
      description: 'Hours until the first certificate of a control plane ends.',
    },
  }),
  etcdBytes: { type: ['integer', 'null'], minimum: 0, description: "Size of etcd's database." },
  workloads: list('What runs pods, but for Kubernetes and add-ons.', true, {
    kind: { type: 'string', enum: WORKLOAD_KINDS, description: 'Pod is one that nobody would make anew.' },
    namespace: { type: 'string', description: 'Where it is.' },
    name: { type: 'string', description: 'Its name there.' },
    replicas: { type: 'integer', minimum: 0, description: 'Pods that are wanted; 1 for Pod and DaemonSet.' },
    labels: { ...LABELS, description: 'Of its pods.' },
    images: { type: 'array', items: { type: 'string' }, description: 'Of its containers.' },
    graceSeconds: { type: 'integer', minimum: 0, description: 'How long its pods may take to end.' },
  }),
  budgets: list('PodDisruptionBudgets.', true, {
    namespace: { type: 'string', description: 'Where it is.' },
    name: { type: 'string', description: 'Its name there.' },
    minAvailable: { type: ['string', 'null'], description: 'Such as 1 or 50%.' },
    maxUnavailable: { type: ['string', 'null'], description: 'Such as 1 or 50%.' },
    labels: { ...LABELS, description: 'Of the pods that it covers.' },
  }),
  reasons: { type: 'array', items: { type: 'string' }, description: 'Why something is null or left out.' },
};

export const INVENTORY_SCHEMA: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'https://homelab.invalid/inventory.schema.json',
  title: 'inventory',
  type: 'object',
  description: 'What a rehearsal needs to know of a cluster; null is what could not be read.',
  properties: PROPERTIES,
  required: required(PROPERTIES),
  additionalProperties: false,
};

/** `inventory` is null when a problem is an error. `file` is how messages call it. */
export function readInventory(
  file: string,
  text: string,
): { readonly inventory: Inventory | null; readonly problems: readonly Problem[] } {
  const source = new YamlSource(file, text);
  const findings = new Findings({ config: source, topology: null, overrides: {} });
  findings.addPlaced(source.problems);
  if (!source.readable) return { inventory: null, problems: findings.problems };
  const tree = checkStructure(
    withWrittenText(source.tree, INVENTORY_SCHEMA, source),
    INVENTORY_SCHEMA,
    findings,
  );
  const inventory = findings.hasErrors() ? null : (withNulls(tree, INVENTORY_SCHEMA) as unknown as Inventory);
  return { inventory, problems: findings.problems };
}

/** With null for every key that may be null and is not there, which is how the tree has those that are null. */
function withNulls(tree: Tree, schema: Schema): Tree {
  if (isTreeList(tree)) return tree.map((item) => withNulls(item, schema.items ?? {}));
  if (!isTreeMap(tree)) return tree;
  const keys = Object.entries(schema.properties ?? {}).filter(([key, own]) => key in tree || isNullable(own));
  return Object.fromEntries(keys.map(([key, own]) => [key, withNulls(tree[key] ?? null, own)]));
}
