/** Tests mirror the library: each folder directly in lib/ has at least one test file in the same folder of test/. */
import type { Finding } from './source.js';

export function checkTwins(libPaths: readonly string[], testPaths: readonly string[]): Finding[] {
  const folders = new Set(
    libPaths.flatMap((path) => {
      const [, folder, ...rest] = path.split('/');
      return folder === undefined || rest.length === 0 ? [] : [`lib/${folder}`];
    }),
  );
  return [...folders].sort().flatMap((folder) => {
    const twin = folder.replace(/^lib\//, 'test/');
    if (testPaths.some((path) => path.startsWith(`${twin}/`) || path === `${twin}.ts`)) return [];
    const first = libPaths.find((path) => path.startsWith(`${folder}/`)) ?? folder;
    return [{ path: first, line: 1, message: `no test looks at ${folder}/: add one in ${twin}/` }];
  });
}
