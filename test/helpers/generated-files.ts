/**
 * Files of the project that are written from other files of it. `npm run snap` writes them; tests compare them.
 */
import { INVENTORY_SCHEMA } from '../../lib/config/inventory.js';
import { TIMINGS_SCHEMA } from '../../lib/config/timings.js';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { BUNDLE_SCHEMA } from '../../lib/bundle/schema.js';
import { SCENARIO_SCHEMA } from '../../lib/chaos/schema.js';
import { CONFIG_SCHEMA, TOPOLOGY_SCHEMA } from '../../lib/config/schema.js';
import { kubeVipTemplate } from '../../lib/generate/kube-vip.js';
import { recipeDigest, type RecipeFile } from '../../lib/generate/packer.js';

export interface GeneratedFile {
  /** Relative to the project. */
  readonly path: string;
  readonly text: string;
}

/** `root` is the folder of the project. */
export function generatedFiles(root: string): readonly GeneratedFile[] {
  return [
    { path: 'schemas/config.schema.json', text: `${JSON.stringify(CONFIG_SCHEMA, null, 2)}\n` },
    { path: 'schemas/timings.schema.json', text: `${JSON.stringify(TIMINGS_SCHEMA, null, 2)}\n` },
    { path: 'schemas/topology.schema.json', text: `${JSON.stringify(TOPOLOGY_SCHEMA, null, 2)}\n` },
    { path: 'schemas/bundle.schema.json', text: `${JSON.stringify(BUNDLE_SCHEMA, null, 2)}\n` },
    { path: 'schemas/inventory.schema.json', text: `${JSON.stringify(INVENTORY_SCHEMA, null, 2)}\n` },
    { path: 'schemas/scenario.schema.json', text: `${JSON.stringify(SCENARIO_SCHEMA, null, 2)}\n` },
    { path: 'lib/config/builtin-topologies.ts', text: builtinTopologies(root) },
    { path: KUBE_VIP, text: kubeVipTemplate() },
    { path: 'lib/generate/packer-recipe.ts', text: packerRecipe(root) },
    ...readdirSync(`${root}/page`).map((name) => pageFile(root, name)),
  ];
}

/** A file of a report's page as text; of a script without what only its modules need. */
function pageFile(root: string, name: string): GeneratedFile {
  const [base = '', ending = ''] = name.split('.');
  const source = readFileSync(`${root}/page/${name}`, 'utf8');
  const bare =
    ending === 'js' ? source.replaceAll(/^import .*\n/gm, '').replaceAll(/^export /gm, '') : source;
  const text = `/** page/${name} as text: \`npm run snap\` writes this file, and a test compares. */
export const ${base.toUpperCase()} = \`
${bare.replaceAll(/[\\\`$]/g, '\\$&')}\`;
`;
  return { path: `lib/report/page/${base}.ts`, text };
}

const KUBE_VIP = 'packer/files/kube-vip.yaml';

/** The recipe's files as they are, but for the one that is itself written from a source. */
function recipeFiles(root: string): readonly RecipeFile[] {
  const names = readdirSync(`${root}/packer`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(join(root, 'packer'), join(entry.parentPath, entry.name)));
  return [...new Set([...names, 'files/kube-vip.yaml'])].map((path) => ({
    path,
    content:
      join('packer', path) === KUBE_VIP ? kubeVipTemplate() : readFileSync(`${root}/packer/${path}`, 'utf8'),
  }));
}

function packerRecipe(root: string): string {
  return `/**
 * The digest of what is in packer/, so that the name of an image can be told without reading files. \`npm run snap\`
 * writes this file, and a test compares.
 */

export const PACKER_RECIPE = '${recipeDigest(recipeFiles(root))}';
`;
}

const ORDER = ['k8s-single', 'k8s-multi', 'k8s-ha'];

function builtinTopologies(root: string): string {
  const names = readdirSync(`${root}/topologies`).map((file) => file.replace(/\.yaml$/, ''));
  const sorted = names.toSorted((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b) || (a < b ? -1 : 1));
  const entries = sorted.map((name) => {
    const text = readFileSync(`${root}/topologies/${name}.yaml`, 'utf8').replaceAll(/[\\`$]/g, '\\$&');
    return `  '${name}': \`${text}\`,\n`;
  });
  return `/**
 * The topologies that homelab brings, as text, so that the library needs no file system to know them. The files in
 * topologies/ are the source: \`npm run snap\` writes this file from them, and a test compares.
 */

/** YAML by name. */
export const BUILTIN_TOPOLOGIES: Readonly<Record<string, string>> = {
${entries.join('')}};
`;
}
