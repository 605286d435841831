/**
 * Who may import whom in lib/, which packages and Node built-ins belong to whom, and which files nobody reaches.
 * The table below is the law; ARCHITECTURE.md explains it in words.
 */
import { builtinModules } from 'node:module';
import type { Finding, Import, Source } from './source.js';

interface Area {
  readonly name: string;
  /** Path prefixes; the longest one that fits a file decides its area. */
  readonly owns: readonly string[];
  /** Areas it may import beside itself. */
  readonly may: readonly string[];
}

const PURE = ['base', 'model'];
const CONTRACTS = [...PURE, 'config', 'generate', 'provider', 'engine'];
const PROVIDERS = ['sim', 'provider/sim', 'provider/libvirt', 'registry'];
const EVERYTHING = [...CONTRACTS, ...PROVIDERS, 'bundle', 'engine-files', 'sagas', 'chaos', 'report'];

const AREAS: readonly Area[] = [
  { name: 'base', owns: ['lib/base/'], may: [] },
  { name: 'model', owns: ['lib/model/'], may: ['base'] },
  { name: 'config', owns: ['lib/config/'], may: PURE },
  { name: 'generate', owns: ['lib/generate/'], may: PURE },
  { name: 'bundle', owns: ['lib/bundle/'], may: [...PURE, 'config', 'generate'] },
  { name: 'sim', owns: ['lib/sim/'], may: PURE },
  { name: 'provider', owns: ['lib/provider/'], may: PURE },
  { name: 'provider/sim', owns: ['lib/provider/sim/'], may: [...PURE, 'provider', 'sim'] },
  { name: 'provider/libvirt', owns: ['lib/provider/libvirt/'], may: [...PURE, 'provider', 'generate'] },
  { name: 'registry', owns: ['lib/provider/registry.ts'], may: [...PURE, 'provider', ...PROVIDERS] },
  { name: 'engine', owns: ['lib/engine/'], may: [...PURE, 'provider'] },
  {
    name: 'engine-files',
    owns: ['lib/engine/journal-file.ts', 'lib/engine/lock-file.ts'],
    may: [...PURE, 'provider', 'engine'],
  },
  { name: 'sagas', owns: ['lib/sagas/'], may: CONTRACTS },
  { name: 'report', owns: ['lib/report/'], may: [...CONTRACTS, 'sagas'] },
  { name: 'chaos', owns: ['lib/chaos/'], may: [...CONTRACTS, 'sagas', 'report'] },
  { name: 'cli', owns: ['lib/cli/'], may: EVERYTHING },
  { name: 'index', owns: ['lib/index.ts'], may: EVERYTHING },
  { name: 'main', owns: ['lib/main.ts'], may: [...EVERYTHING, 'cli'] },
];

const LIBVIRT = 'lib/provider/libvirt/';
const ENGINE_FILES = ['lib/engine/journal-file.ts', 'lib/engine/lock-file.ts'];

/** Files that may import Node built-ins at all; everything else also runs in a browser. */
export const NODE_FILES = [LIBVIRT, ...ENGINE_FILES, 'lib/cli/', 'lib/main.ts'];
/** Files that may know the wall clock. */
export const CLOCK_FILES = [LIBVIRT, 'lib/main.ts'];

/** Built-ins with fewer owners than the rest. */
const BUILTIN_OWNERS: Readonly<Record<string, readonly string[]>> = {
  fs: [LIBVIRT, ...ENGINE_FILES, 'lib/cli/files.ts', 'lib/main.ts'],
  process: ['lib/main.ts'],
  timers: CLOCK_FILES,
  perf_hooks: CLOCK_FILES,
};

/** Packages that start programs, open connections or look at the terminal. */
const PACKAGE_OWNERS: Readonly<Record<string, readonly string[]>> = {
  execa: [LIBVIRT, 'lib/cli/'],
  'node-ssh': [LIBVIRT],
  listr2: ['lib/cli/'],
  tar: ['lib/cli/bundle/'],
  undici: ['lib/cli/bundle/'],
  picocolors: ['lib/cli/', 'lib/main.ts'],
  commander: ['lib/cli/', 'lib/main.ts'],
};

export function owned(path: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => path.startsWith(prefix));
}

function areaOf(path: string): Area | undefined {
  const fits = (area: Area): number =>
    Math.max(0, ...area.owns.filter((prefix) => path.startsWith(prefix)).map((prefix) => prefix.length));
  return [...AREAS].sort((a, b) => fits(b) - fits(a)).find((area) => fits(area) > 0);
}

/** Imports of one lib file that cross a wall. `dependencies` are the package's own, from package.json. */
export function checkWalls(source: Source, dependencies: readonly string[]): Finding[] {
  const area = areaOf(source.path);
  if (area === undefined) {
    const message = 'belongs to no area: put it in a folder of the table in test/helpers/tidy/walls.ts';
    return [{ path: source.path, line: 1, message }];
  }
  return source.imports().flatMap((found) => {
    const message = problemWith(source, area, found, dependencies);
    return message === null ? [] : [source.finding(found.node, message)];
  });
}

function problemWith(
  source: Source,
  area: Area,
  { specifier }: Import,
  dependencies: readonly string[],
): string | null {
  if (specifier === null) return 'imports a computed name: write the path as a plain string, one per case';
  if (specifier.startsWith('.')) return crossedWall(area, source.resolve(specifier));
  const builtin = specifier.replace(/^node:/, '').split('/')[0] ?? '';
  if (specifier.startsWith('node:') || builtinModules.includes(builtin)) {
    return misusedBuiltin(source.path, builtin);
  }
  const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
  if (!dependencies.includes(name)) {
    return `imports ${name}, which is not in "dependencies" of package.json: add it there or do without`;
  }
  const owners = PACKAGE_OWNERS[name];
  if (owners === undefined || owned(source.path, owners)) return null;
  return `imports ${name}, which belongs to ${owners.join(', ')}: return plain data and let the owner use it`;
}

function crossedWall(area: Area, target: string): string | null {
  const wanted = areaOf(target)?.name ?? target;
  if (wanted === area.name || area.may.includes(wanted)) return null;
  const allowed = area.may.length === 0 ? 'nothing else in lib' : `only ${area.may.join(', ')}`;
  return (
    `${area.name} may not import ${wanted} (${target}), ${allowed}: ` +
    `move what both need to a lower folder, or take it as a parameter`
  );
}

function misusedBuiltin(path: string, builtin: string): string | null {
  const owners = BUILTIN_OWNERS[builtin] ?? NODE_FILES;
  if (owned(path, owners)) return null;
  return `imports node:${builtin}, which belongs to ${owners.join(', ')}: take what you need as a parameter`;
}

/** Files of lib/ that no chain of imports, static or dynamic, reaches from `roots`. */
export function findUnreached(sources: readonly Source[], roots: readonly string[]): Finding[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const reached = new Set<string>();
  const queue = [...roots];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const source = byPath.get(path);
    if (source === undefined || reached.has(path)) continue;
    reached.add(path);
    for (const { specifier } of source.imports()) {
      if (specifier?.startsWith('.') === true) queue.push(source.resolve(specifier));
    }
  }
  const message = `nothing imports it on the way from ${roots.join(' or ')}: import it or delete it`;
  return sources.filter(({ path }) => !reached.has(path)).map(({ path }) => ({ path, line: 1, message }));
}
