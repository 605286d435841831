/** Tests mirror the library: a folder of lib/ with code has at least one test file in the same folder of test/. */
import { posix } from 'node:path';
import type { Finding } from './source.js';

export function checkTwins(libPaths: readonly string[], testPaths: readonly string[]): Finding[] {
  const folders = new Set(libPaths.map((path) => posix.dirname(path)).filter((folder) => folder !== 'lib'));
  return [...folders].sort().flatMap((folder) => {
    const twin = folder.replace(/^lib\//, 'test/');
    if (testPaths.some((path) => path.startsWith(`${twin}/`) || path === `${twin}.ts`)) return [];
    const first = libPaths.find((path) => posix.dirname(path) === folder) ?? folder;
    return [{ path: first, line: 1, message: `no test looks at ${folder}/: add one in ${twin}/` }];
  });
}
