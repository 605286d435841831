/**
 * Names that would let the world in unseen (clock, chance, locale, terminal) or switch a checker off. Every rule
 * has a short list of files that own the name and a sentence that says what to use instead.
 */
import ts from 'typescript';
import type { Finding, Source } from './source.js';
import { CLOCK_FILES, NODE_FILES, owned } from './walls.js';

interface Ban {
  /** Globals, or members written `Object.member`; `*.member` is that member of anything. */
  readonly names: readonly string[];
  readonly instead: string;
  /** Path prefixes in which the rule holds. */
  readonly within: readonly string[];
  readonly owners: readonly string[];
}

const LIB = ['lib/'];
const BOTH = ['lib/', 'test/', 'bench/'];
/** Files beside lib that must wait on, or look at, the real world; a benchmark is nothing without a clock. */
const REAL_TIME_TESTS = [
  'test/helpers/run-tests.ts',
  'test/helpers/real-time.ts',
  'test/libvirt/',
  'test/helpers/ssh-server.ts',
  'bench/clock.ts',
];
const SETTLE = 'lib/base/settle.ts';
const LIBVIRT = ['lib/provider/libvirt/'];

const BANS: readonly Ban[] = [
  {
    names: ['Date', 'performance'],
    instead: 'take a Clock (lib/base/clock.ts) and ask it',
    within: BOTH,
    owners: [...CLOCK_FILES, ...REAL_TIME_TESTS],
  },
  {
    names: ['setTimeout', 'setInterval', 'queueMicrotask', 'AbortSignal.timeout'],
    instead: 'sleep on a Clock (lib/base/clock.ts); a test steps the simulated one',
    within: BOTH,
    owners: [...CLOCK_FILES, ...REAL_TIME_TESTS],
  },
  {
    names: ['setImmediate', 'MessageChannel'],
    instead: `await settle() of ${SETTLE}`,
    within: BOTH,
    owners: [SETTLE, ...REAL_TIME_TESTS],
  },
  {
    names: ['Math.random', '*.randomUUID', 'crypto'],
    instead: 'take a Prng (lib/base/prng.ts) and fork it by name',
    within: BOTH,
    owners: LIBVIRT,
  },
  {
    names: ['process'],
    instead: 'take it as a parameter; only lib/main.ts touches process',
    within: LIB,
    owners: ['lib/main.ts'],
  },
  {
    names: ['globalThis', 'global', 'require', 'eval'],
    instead: 'import what you need by name',
    within: BOTH,
    owners: [SETTLE],
  },
  {
    names: ['fetch'],
    instead: 'run a command on a machine through its Shell',
    within: BOTH,
    owners: LIBVIRT,
  },
  {
    names: ['Buffer'],
    instead: 'use Uint8Array, TextEncoder and TextDecoder, which browsers have too',
    within: LIB,
    owners: NODE_FILES,
  },
  {
    names: ['console'],
    instead: 'return the text (in a test: t.comment) and let the caller write it',
    within: BOTH,
    owners: ['lib/main.ts'],
  },
  {
    names: ['Intl', '*.localeCompare'],
    instead: 'compare with < and >, which do not depend on the locale of the computer',
    within: BOTH,
    owners: [],
  },
  {
    names: ['*.only', 't.todo', 't.skip'],
    instead: 'run every test, and skip only with a reason: t.test(name, { skip: reason }, …)',
    within: ['test/'],
    owners: [],
  },
];

/** What IEEE 754 fixes to the last bit; sin, exp, log, pow and the others differ between engines. */
const EXACT_MATH = ['abs', 'ceil', 'clz32', 'floor', 'imul', 'max', 'min', 'round', 'sign', 'sqrt', 'trunc'];

export function checkBans(source: Source): Finding[] {
  const bans = BANS.filter((ban) => owned(source.path, ban.within) && !owned(source.path, ban.owners));
  return [...source.nodes()].flatMap((node) => {
    const message =
      node.kind === ts.SyntaxKind.AnyKeyword
        ? 'the type any: write the real type, or unknown and narrow it'
        : (bannedName(source, bans, node) ?? inexactMath(source, node));
    return message === null ? [] : [source.finding(node, message)];
  });
}

function bannedName(source: Source, bans: readonly Ban[], node: ts.Node): string | null {
  for (const name of namesIn(source, node)) {
    if (/^\*\.toLocale/.test(name)) return `${name.slice(2)}: format it yourself; locales differ by computer`;
    const ban = bans.find(({ names }) => names.includes(name));
    if (ban !== undefined) return `${name.replace('*.', '')}: ${ban.instead}`;
  }
  return null;
}

/** The names a node stands for, in the notation of `Ban.names`. */
function namesIn(source: Source, node: ts.Node): string[] {
  if (ts.isImportSpecifier(node)) return [`*.${(node.propertyName ?? node.name).text}`];
  if (ts.isIdentifier(node)) return !isMemberName(node) && source.isGlobal(node) ? [node.text] : [];
  const member = memberOf(node);
  if (member === null) return [];
  const { object, name } = member;
  return ts.isIdentifier(object) ? [`${object.text}.${name}`, `*.${name}`] : [`*.${name}`];
}

/** `object.name` or `object['name']`. */
function memberOf(node: ts.Node): { object: ts.Expression; name: string } | null {
  if (ts.isPropertyAccessExpression(node)) return { object: node.expression, name: node.name.text };
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
    return { object: node.expression, name: node.argumentExpression.text };
  }
  return null;
}

/** Names after a dot, and names of properties being declared, are no use of a global. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  if (ts.isShorthandPropertyAssignment(parent)) return false;
  if (ts.isBindingElement(parent)) return parent.propertyName === node || parent.name === node;
  return 'name' in parent && parent.name === node;
}

function inexactMath(source: Source, node: ts.Node): string | null {
  if (!ts.isIdentifier(node) || node.text !== 'Math' || isMemberName(node) || !source.isGlobal(node))
    return null;
  const member = memberOf(node.parent);
  if (member === null) return 'Math as a value: call its functions by name, so that they can be checked';
  if (!source.path.startsWith('lib/sim/') || EXACT_MATH.includes(member.name)) return null;
  if (member.name === 'random') return null; // Banned above, with another message.
  return `Math.${member.name}: its last bits differ between engines; use integers`;
}
