/**
 * Files of the project that are written from other files of it. `npm run snap` writes them; tests compare them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { CONFIG_SCHEMA, TOPOLOGY_SCHEMA } from '../../lib/config/schema.js';

export interface GeneratedFile {
  /** Relative to the project. */
  readonly path: string;
  readonly text: string;
}

/** `root` is the folder of the project. */
export function generatedFiles(root: string): readonly GeneratedFile[] {
  return [
    { path: 'schemas/config.schema.json', text: `${JSON.stringify(CONFIG_SCHEMA, null, 2)}\n` },
    { path: 'schemas/topology.schema.json', text: `${JSON.stringify(TOPOLOGY_SCHEMA, null, 2)}\n` },
    { path: 'lib/config/builtin-topologies.ts', text: builtinTopologies(root) },
  ];
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
