/** What the installed package brings beside its code, found from this file wherever it was installed. */
import { join } from 'node:path';
import { readText } from './files.js';

/** Absolute path of a file of the package, such as `schemas/config.schema.json`. */
export function packagePath(name: string): string {
  // This file runs as dist/lib/cli/package.js.
  return join(import.meta.dirname, '../../..', name);
}

export function packageVersion(): string {
  return (JSON.parse(readText(packagePath('package.json'))) as { readonly version: string }).version;
}
