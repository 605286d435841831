/**
 * Style is a test: walls between folders, banned names, sizes, words, titles and twins, each with a message that
 * says what to do instead. The first half checks the tree, the second half the checkers, on planted violations.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from './helpers/package-root.js';
import { checkBans } from './helpers/tidy/bans.js';
import { checkLimits } from './helpers/tidy/limits.js';
import { Source, type Finding, type TextFile } from './helpers/tidy/source.js';
import { checkTwins } from './helpers/tidy/twins.js';
import { checkWalls, findUnreached } from './helpers/tidy/walls.js';
import { checkTitle, checkWords } from './helpers/tidy/words.js';

const ROOTS = ['lib/main.ts', 'lib/index.ts'];
const IGNORED = /^(node_modules|dist|\.git|\.tap|\.homelab|package-lock\.json)(\/|$)/;
const TEXT = /\.(ts|js|mjs|json|jsonl|md|ya?ml|sh|hcl|rb|cfg|conf|txt|tpl)$|(^|\/)(Vagrantfile|run|\.taprc)$/;

function tree(): TextFile[] {
  const root = packageRoot();
  const inside = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (IGNORED.test(path)) return [];
      return entry.isDirectory() ? inside(path) : entry.isFile() && TEXT.test(path) ? [path] : [];
    });
  return inside('').map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}

function dependencies(): string[] {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8'));
  const listed = typeof manifest === 'object' && manifest !== null && 'dependencies' in manifest;
  return listed ? Object.keys({ ...(manifest.dependencies as object) }) : [];
}

const show = (findings: readonly Finding[]): string[] =>
  findings.map(({ path, line, message }) => `${path}:${line}: ${message}`);

const files = tree();
const code = files
  .filter(
    ({ path }) => /^(lib|test|bin|bench)\/.*\.(ts|js)$/.test(path) && !path.startsWith('test/fixtures/'),
  )
  .map((file) => new Source(file));
const lib = code.filter(({ path }) => path.startsWith('lib/'));

t.test('the tree is tidy', async (t) => {
  const clean = (name: string, findings: readonly Finding[]): void => {
    t.same(show(findings), [], name);
  };
  t.ok(lib.length > 0 && code.length > lib.length, 'lib and test are found');
  clean(
    'imports keep to the walls',
    lib.flatMap((source) => checkWalls(source, dependencies())),
  );
  clean('no banned name', code.flatMap(checkBans));
  clean(
    'files, functions and lines are short, and lib files start with a comment',
    code.flatMap(checkLimits),
  );
  clean('no forbidden word', files.flatMap(checkWords));
  const pages = files.filter(({ path }) => path.endsWith('.md') && !path.startsWith('test/fixtures/'));
  clean('Markdown pages have one title', pages.flatMap(checkTitle));
  const paths = (folder: string): string[] =>
    code.map(({ path }) => path).filter((path) => path.startsWith(`${folder}/`));
  clean('every folder of lib has tests', checkTwins(paths('lib'), paths('test')));
});

t.test('every file of lib is reached', async (t) => {
  t.same(show(findUnreached(lib, ROOTS)), []);
});

/** A row plants one violation: where, the text, and the start of the wanted message with its line (or none). */
type Planted = readonly [path: string, text: string, ...wanted: string[]];

function plant(t: Tap, check: (file: TextFile) => Finding[], rows: readonly Planted[]): void {
  for (const [path, text, ...wanted] of rows) {
    const found = check({ path, text }).map(({ line, message }) => `${line}: ${message}`);
    const starts = found.map((message, index) => message.slice(0, wanted[index]?.length ?? message.length));
    t.same(starts, wanted, `${path}: ${text.slice(0, 60)}`);
  }
}

interface Tap {
  same(found: unknown, wanted: unknown, message: string): boolean;
}

t.test('planted imports are found', async (t) => {
  const known = ['xstate', 'execa', '@noble/hashes'];
  plant(t, (file) => checkWalls(new Source(file), known), [
    [
      'lib/base/a.ts',
      `import '../model/lab.js';`,
      '1: base may not import model (lib/model/lab.ts), nothing else',
    ],
    ['lib/model/a.ts', `import { b } from '../base/b.js';`],
    ['lib/config/a.ts', `\nimport '../generate/b.js';`, '2: config may not import generate'],
    ['lib/sim/a.ts', `import type { E } from '../engine/saga.js';`, '1: sim may not import engine'],
    ['lib/sim/a.ts', `export * from '../provider/provider.js';`, '1: sim may not import provider'],
    ['lib/sim/commands/a.ts', `import '../world.js'; import '../../base/b.js';`],
    ['lib/provider/provider.ts', `import './sim/world.js';`, '1: provider may not import provider/sim'],
    ['lib/provider/registry.ts', `await import('./sim/a.js'); await import('./libvirt/a.js');`],
    ['lib/provider/sim/a.ts', `import '../../sim/world.js'; import '../provider.js';`],
    [
      'lib/provider/libvirt/a.ts',
      `import '../../generate/a.js'; import '../sim/a.js';`,
      '1: provider/libvirt may not',
    ],
    ['lib/engine/a.ts', `import './journal-file.js';`, '1: engine may not import engine-files'],
    [
      'lib/sagas/a.ts',
      `import '../provider/provider.js'; import '../generate/a.js'; import '../engine/saga.js';`,
    ],
    [
      'lib/sagas/a.ts',
      `import '../sim/world.js';`,
      '1: sagas may not import sim (lib/sim/world.ts), only base',
    ],
    ['lib/sagas/a.ts', `type W = import('../provider/sim/a.js').W;`, '1: sagas may not import provider/sim'],
    [
      'lib/chaos/a.ts',
      `await import('../provider/libvirt/a.js');`,
      '1: chaos may not import provider/libvirt',
    ],
    ['lib/report/a.ts', `import '../cli/app.js';`, '1: report may not import cli'],
    ['lib/index.ts', `import './cli/app.js'; import './sagas/a.js';`, '1: index may not import cli'],
    ['lib/main.ts', `import './cli/app.js'; import process from 'node:process';`],
    ['lib/misc/a.ts', '', '1: belongs to no area'],
    ['lib/sagas/a.ts', 'await import(name);', '1: imports a computed name'],
    ['lib/engine/a.ts', `import 'xstate/graph'; import '@noble/hashes/sha2.js';`],
    ['lib/engine/a.ts', `import 'left-pad';`, '1: imports left-pad, which is not in "dependencies"'],
    [
      'lib/sagas/a.ts',
      `import { execa } from 'execa';`,
      '1: imports execa, which belongs to lib/provider/libvirt/',
    ],
    ['lib/engine/a.ts', `import fs from 'node:fs';`, '1: imports node:fs, which belongs to'],
    ['lib/engine/a.ts', `import 'fs/promises';`, '1: imports node:fs, which belongs to'],
    ['lib/engine/journal-file.ts', `import { openSync } from 'node:fs'; import './journal.js';`],
    ['lib/cli/a.ts', `import 'node:path'; import 'node:fs';`, '1: imports node:fs, which belongs to'],
    ['lib/cli/a.ts', `import 'node:timers/promises';`, '1: imports node:timers'],
    [
      'lib/cli/files.ts',
      `import 'node:fs'; import 'node:process';`,
      '1: imports node:process, which belongs to',
    ],
    ['lib/base/a.ts', `// import '../model/lab.js';\nconst text = "import '../sim/a.js'";`],
  ]);
});

t.test('planted names are found', async (t) => {
  plant(t, (file) => checkBans(new Source(file)), [
    ['lib/sim/a.ts', 'const a: any = 1;', '1: the type any'],
    ['test/a.ts', 'f(x as any);', '1: the type any'],
    ['lib/sim/a.ts', '// any Date\nconst text = "Math.random() any";'],
    ['lib/sim/a.ts', '\nconst now = Date.now();', '2: Date: take a Clock'],
    ['test/sim/a.ts', 'let at: Date;', '1: Date: take a Clock'],
    ['lib/main.ts', 'const now = new Date();'],
    ['bench/clock.ts', 'performance.now();'],
    ['bench/labs.ts', 'performance.now();', '1: performance: take a Clock'],
    ['lib/cli/app.ts', 'const now = new Date();', '1: Date: take a Clock'],
    ['lib/sim/a.ts', 'performance.now();', '1: performance: take a Clock'],
    ['lib/sim/a.ts', 'Math.random();', '1: Math.random: take a Prng'],
    ['lib/sim/a.ts', 'const { random } = Math;', '1: Math as a value'],
    ['lib/sim/a.ts', `Math['random']();`, '1: Math.random: take a Prng'],
    ['lib/sim/a.ts', 'Math.floor(Math.log(2));', '1: Math.log: its last bits differ'],
    ['lib/model/a.ts', 'Math.log(2);'],
    ['lib/engine/a.ts', 'setTimeout(f, 1);', '1: setTimeout: sleep on a Clock'],
    ['test/engine/a.ts', 'await new Promise((r) => setInterval(r, 1));', '1: setInterval: sleep on a Clock'],
    [
      'lib/engine/a.ts',
      'setImmediate(f); queueMicrotask(f);',
      '1: setImmediate: await settle()',
      '1: queueMicrotask',
    ],
    ['lib/base/settle.ts', 'setImmediate(f); new MessageChannel();'],
    ['lib/base/settle.ts', 'setTimeout(f, 0);', '1: setTimeout'],
    [
      'lib/engine/a.ts',
      'AbortSignal.timeout(5); const s: AbortSignal = x;',
      '1: AbortSignal.timeout: sleep on',
    ],
    ['lib/cli/a.ts', 'process.exit(1);', '1: process: take it as a parameter'],
    ['lib/main.ts', 'process.exit(1);'],
    ['lib/sim/a.ts', 'function f(process: P) { return process.pid + x.process; }'],
    ['lib/sim/a.ts', 'const o = { process: 1 }; const p = { process };', '1: process'],
    ['lib/sim/a.ts', 'interface P { performance: number; fetch(): void }'],
    ['lib/sim/a.ts', 'globalThis.setTimeout(f);', '1: globalThis: import what you need'],
    ['lib/provider/libvirt/a.ts', `import { randomUUID as id } from 'node:crypto';`],
    ['lib/cli/a.ts', `import { randomUUID as id } from 'node:crypto';`, '1: randomUUID: take a Prng'],
    ['lib/sagas/a.ts', 'fetch(url);', '1: fetch: run a command'],
    ['lib/sim/a.ts', 'Buffer.from(x);', '1: Buffer: use Uint8Array'],
    ['lib/sim/a.ts', 'console.log(x);', '1: console: return the text'],
    ['lib/sim/a.ts', 'a.localeCompare(b);', '1: localeCompare: compare with'],
    ['lib/sim/a.ts', 'n.toLocaleString();', '1: toLocaleString: format it yourself'],
    ['lib/sim/a.ts', 'new Intl.NumberFormat();', '1: Intl: compare with'],
    ['test/a.ts', `t.only('x', f);`, '1: only: run every test'],
    ['test/a.ts', `t.skip('x', f); t.todo('y');`, '1: t.skip: run every test', '1: t.todo: run every test'],
    ['test/a.ts', `t.test('x', { skip: 'no ruby' }, f);`],
  ]);
});

t.test('planted sizes are found', async (t) => {
  const body = (lines: number): string => '  f();\n'.repeat(lines);
  plant(t, (file) => checkLimits(new Source(file)), [
    ['lib/a.ts', `// A.\n${'f();\n'.repeat(299)}`],
    ['lib/a.ts', `// A.\n${'f();\n'.repeat(300)}`, '301: 301 lines, the limit is 300'],
    ['lib/a.ts', `// A.\nfunction g() {\n${body(68)}}\n`],
    ['lib/a.ts', `// A.\nfunction g() {\n${body(69)}}\n`, '2: a function of 71 lines'],
    ['test/a.ts', `t.test(() => {\n${body(69)}});\n`, '1: a function of 71 lines'],
    ['lib/a.ts', `// A.\n// ${'x'.repeat(117)}\n`],
    ['lib/a.ts', `// A.\n// ${'x'.repeat(118)}\n`, '2: 121 characters'],
    ['lib/a.ts', `import 'b';\n// Late.\n`, '1: starts without a comment'],
    ['lib/main.ts', `#!/usr/bin/env node\n/** The entry. */\n`],
  ]);
});

t.test('planted words are found', async (t) => {
  plant(t, checkWords, [
    ['lib/a.ts', '// TO' + 'DO later', '1: "TO' + 'DO": do it now'],
    ['docs/a.md', 'x\nFIX' + 'ME', '2: "FIX' + 'ME": do it now'],
    ['lib/a.ts', 'mktemp -t XXXXXX'],
    ['lib/a.ts', '// @ts-' + 'ignore', '1: "@ts-' + 'ignore": hides a problem'],
    ['test/a.ts', '// @ts-' + 'expect-error', '1: "@ts-' + 'expect-error": hides'],
    ['test/a.ts', '/* eslint-' + 'disable */', '1: "eslint-' + 'disable": hides'],
    ['docs/a.md', 'We never write eslint-' + 'disable.'],
    ['docs/a.md', 'see /wo' + 'rk/main', '1: "/wo' + 'rk/": an absolute path'],
    ['docs/a.md', '`/ro' + 'ot/.vagrant.d`', '1: "/ro' + 'ot/.vagrant": an absolute path'],
    ['docs/a.md', 'cd /ho' + 'me/ann/x', '1: "/ho' + 'me/a": an absolute path'],
    [
      'lib/a.ts',
      `'/root/.kube/config' '/root/note' '/home/vagrant/.ssh' 'a/work/b' 'https://x.org/home/ann'`,
    ],
    ['package.json', 'https://registry.npm' + 'js.org/x', '1: "registry.npm' + 'js": the host of'],
    ['lib/a.ts', `'registry.k8s.io/pause:3.10'`],
  ]);
  plant(t, checkTitle, [
    ['docs/a.md', '# A\n\n## B\n\n```sh\n# not a title\n```\n'],
    ['docs/a.md', '## A\n', '1: 0 titles'],
    ['docs/a.md', '# A\n\n# B\n', '3: 2 titles'],
  ]);
});

t.test('planted orphans are found', async (t) => {
  const sources = [
    { path: 'lib/main.ts', text: `await import('./cli/up.js');` },
    { path: 'lib/cli/up.ts', text: `export * from './context.js';` },
    { path: 'lib/cli/old.ts', text: `import './older.js';` },
    { path: 'lib/cli/older.ts', text: '' },
  ].map((file) => new Source(file));
  t.same(
    findUnreached(sources, ['lib/main.ts']).map(({ path }) => path),
    ['lib/cli/old.ts', 'lib/cli/older.ts'],
    'an import by an unreached file does not count',
  );
  const paths = [
    'lib/main.ts',
    'lib/base/clock.ts',
    'lib/model/lab.ts',
    'lib/chaos/a.ts',
    'lib/sim/commands/ip.ts',
  ];
  t.same(show(checkTwins(paths, ['test/model/lab.ts', 'test/base.ts', 'test/sim/world.ts'])), [
    'lib/chaos/a.ts:1: no test looks at lib/chaos/: add one in test/chaos/',
  ]);
});
