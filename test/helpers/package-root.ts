/** Where the package is. Compiled tests run from dist/, so the way up to package.json is walked. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    if (folder === dirname(folder)) throw new Error('no package.json above the compiled tests');
    folder = dirname(folder);
  }
  return folder;
}
