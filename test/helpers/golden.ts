/**
 * Golden files: texts kept under test/fixtures/golden and compared byte for byte. `npm run snap` sets
 * HOMELAB_SNAP=1, which writes them anew; the difference is then read like code. A CI run never writes them.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

/** The folder of package.json, found upwards, because compiled tests run from dist. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('no package.json above the tests');
    folder = parent;
  }
  return folder;
}

function goldenPath(name: string): string {
  return join(packageRoot(), 'test', 'fixtures', 'golden', name);
}

/** Fails with the difference when `text` is not what the golden file holds, or when there is no such file. */
export function matchGolden(t: Test, name: string, text: string): void {
  const path = goldenPath(name);
  if (process.env['HOMELAB_SNAP'] === '1') {
    if (process.env['CI'] === 'true')
      throw new Error('golden files are not written in a CI run: unset HOMELAB_SNAP');
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  if (!existsSync(path)) {
    t.fail(`there is no golden file ${name}: write it with npm run snap and read the difference`);
    return;
  }
  t.equal(text, readFileSync(path, 'utf8'), `${name} is as its golden file says`);
}

/** Every golden file below a folder, relative to it, sorted; for finding those that nothing makes any more. */
export function goldenFiles(folder: string): readonly string[] {
  return readdirSync(goldenPath(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(goldenPath(folder).length + 1))
    .sort();
}
