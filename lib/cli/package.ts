/** What the installed package brings beside its code, found from this file wherever it was installed. */
import { fileURLToPath } from 'node:url';
import { readText } from './files.js';

/** Absolute path of a file of the package, such as `schemas/config.schema.json`. */
export function packagePath(name: string): string {
  // This file runs as dist/lib/cli/package.js.
  return fileURLToPath(new URL(`../../../${name}`, import.meta.url));
}

export function packageVersion(): string {
  return (JSON.parse(readText(packagePath('package.json'))) as { readonly version: string }).version;
}
