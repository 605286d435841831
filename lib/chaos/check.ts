/**
 * What the schema of a scenario cannot say: texts that must be selectors, subjects or durations, names that must
 * exist, and which keys belong to which fault and to which demand.
 */
import type { Findings } from '../config/findings.js';
import type { Path, Tree } from '../config/source.js';
import { suggest } from '../config/suggest.js';
import { textOf, valueAt } from '../config/tree.js';
import { DURATION_TITLE, needsLease, parseDurationSum } from './duration-sum.js';
import { FAULTS, PARAMETERS, type FaultName } from './fault-kinds.js';
import { parseSelector, SELECTOR_FORM } from './selector.js';
import { parseSubject, SUBJECT_FORM } from './subject.js';

const DURATIONS = [
  'at',
  'for',
  'delay',
  'latency',
  'skew',
  'skip',
  'within',
  'not_before',
  'every',
  'timeout',
  'default',
];
/** Keys of an operation's input, and whose they are. */
const INPUTS = [
  ['to', 'upgrade'],
  ['machines', 'rejoin'],
] as const;
const DEMANDS = ['becomes', 'stays', 'outage', 'changes', 'failures'];

/** `tree` fits the schema. */
export function checkScenario(tree: Tree, findings: Findings): void {
  const checks = new Checks(tree, findings);
  checks.uniqueNames('settings');
  checks.uniqueNames('method');
  checks.uniqueNames('probes');
  for (const at of [['lasts'], ['recovery', 'within'], ['operation', 'within']]) checks.duration(at);
  for (const list of ['settings', 'probes', 'steady_state', 'method', 'during'])
    for (const at of checks.items(list)) for (const key of DURATIONS) checks.duration([...at, key]);
  checks.items('probes').forEach((at) => {
    checks.probe(at);
  });
  checks.operation();
  checks.items('method').forEach((at, index) => {
    checks.fault(at, index);
    checks.chapter(at, index);
  });
  checks.items('steady_state').forEach((at) => {
    checks.subject(at);
  });
  checks.items('during').forEach((at) => {
    checks.expectation(at);
  });
}

class Checks {
  readonly #tree: Tree;
  readonly #findings: Findings;

  constructor(tree: Tree, findings: Findings) {
    this.#tree = tree;
    this.#findings = findings;
  }

  items(list: string): readonly Path[] {
    const value = valueAt(this.#tree, [list]);
    return Array.isArray(value) ? value.map((_, i) => [list, i]) : [];
  }

  uniqueNames(list: string): void {
    const seen = new Set<string>();
    for (const at of this.items(list)) {
      const name = this.#text([...at, 'name']);
      if (seen.has(name))
        this.#wrong([...at, 'name'], `${name} is there already.`, 'Name it otherwise.', 'a name of its own');
      seen.add(name);
    }
  }

  duration(path: Path): void {
    if (!this.#has(path)) return;
    const sum = parseDurationSum(this.#text(path));
    if (sum === null) {
      this.#wrong(
        path,
        'this is no duration.',
        'Write it such as 30s, 1m30s, or lease + 5 retry.',
        DURATION_TITLE,
      );
    } else if (needsLease(sum) && this.#text(['topology', 'vip']) !== 'kube-vip') {
      const remedy = 'Write topology: {vip: kube-vip}, or a plain duration.';
      this.#wrong(path, 'only kube-vip has the timers of a Lease.', remedy, 'a plain duration');
    }
  }

  probe(at: Path): void {
    const kinds = ['run', 'kubectl', 'write', 'ping', 'backend'].filter((key) => this.#has([...at, key]));
    if (kinds.length !== 1) {
      const remedy = 'Give it one of run, kubectl, write, ping and backend.';
      this.#wrong(at, 'a probe is one program.', remedy, 'one of run, kubectl, write, ping, backend');
    }
    if (this.#has([...at, 'ping']) && this.#text([...at, 'ping']) !== 'vip')
      this.#selector([...at, 'ping'], Infinity);
    if (this.#has([...at, 'backend'])) this.#selector([...at, 'backend'], Infinity);
    if (this.#has([...at, 'on']) && this.#text([...at, 'on']) !== 'host')
      this.#selector([...at, 'on'], Infinity);
    const output = this.#text([...at, 'output']);
    if (!isPattern(output)) {
      this.#wrong([...at, 'output'], 'this is no regular expression.', 'Mend it.', 'a regular expression');
    }
    for (const key of ['run', 'kubectl']) {
      const argv = valueAt(this.#tree, [...at, key]);
      if (Array.isArray(argv) && argv.length === 0) {
        this.#wrong(
          [...at, key],
          'there is no program.',
          'Write the program and its arguments.',
          'a list of text',
        );
      }
    }
  }

  fault(at: Path, index: number): void {
    const facts = FAULTS[this.#text([...at, 'fault']) as FaultName];
    this.#selector([...at, 'machines'], index);
    if (this.#has([...at, 'from'])) this.#selector([...at, 'from'], index);
    for (const key of PARAMETERS) {
      const isThere = this.#has([...at, key]);
      const fault = this.#text([...at, 'fault']);
      if (facts.requires.includes(key) && !isThere) {
        const finding = { code: 'missing-key', path: [...at, 'fault'], expected: key, found: 'nothing' };
        const message = `${fault} needs the key ${key}.`;
        this.#findings.report({ ...finding, message, remedy: `Add ${key} below it.` });
      } else if (isThere && !facts.requires.includes(key) && !facts.allows.includes(key)) {
        const own = [...facts.requires, ...facts.allows];
        const expected = own.length === 0 ? 'no such key' : own.join(', ');
        this.#wrong([...at, key], `${fault} has no ${key}.`, `Remove ${key}.`, expected);
      }
    }
  }

  operation(): void {
    const at = ['operation', 'input'];
    const saga = this.#text(['operation', 'saga']);
    for (const [key, owner] of INPUTS)
      if (this.#has([...at, key]) && saga !== owner)
        this.#wrong([...at, key], `${saga} has no ${key}.`, `Remove ${key}.`, `a key of ${saga}`);
    if (saga === 'rejoin' && !this.#has([...at, 'machines']))
      this.#wrong(['operation', 'saga'], 'rejoin needs machines.', 'Add input: {machines: …}.', 'machines');
    if (this.#has([...at, 'machines'])) this.#selector([...at, 'machines'], 0);
  }

  /** Nobody knows when a step begins: what is counted from the method's beginning comes first. */
  chapter(at: Path, index: number): void {
    const path = [...at, 'when'];
    if (this.#has(path) && !this.#has(['operation']))
      this.#wrong(path, 'there is no operation.', 'Add operation:, or write at:.', 'no such key');
    const isLate = this.items('method').some((one, i) => i < index && this.#has([...one, 'when']));
    if (isLate && !this.#has(path)) {
      const remedy = 'Write it above the faults that have a when, or give it one.';
      this.#wrong([...at, 'name'], 'it comes after a fault that waits for a step.', remedy, 'a when');
    }
  }

  subject(at: Path): void {
    const path = [...at, 'watch'];
    const subject = parseSubject(this.#text(path));
    if (subject === null) {
      this.#wrong(path, 'this is nothing that can be watched.', `Write ${SUBJECT_FORM}.`, SUBJECT_FORM);
      return;
    }
    if (subject.kind === 'probe') this.#named(path, subject.name, 'probes', 'probe');
    const isNoStep = at[0] === 'steady_state' || !this.#has(['operation']);
    if (subject.kind === 'step' && isNoStep)
      this.#wrong(path, 'there are no steps here.', 'Watch something else.', 'no step');
    if (subject.of !== null) this.#isFaultOrMachine(path, subject.of.base, Infinity);
  }

  expectation(at: Path): void {
    this.subject(at);
    for (const key of ['while', 'after'])
      if (this.#has([...at, key])) this.#named([...at, key], this.#text([...at, key]), 'method', 'fault');
    const demands = DEMANDS.filter((key) => this.#has([...at, key]));
    const expected = `one of ${DEMANDS.join(', ')}`;
    if (demands.length !== 1) {
      this.#wrong(at, 'it demands one thing.', `Give it ${expected}.`, expected);
      return;
    }
    if (this.#has([...at, 'while']) && this.#has([...at, 'after']))
      this.#wrong([...at, 'after'], 'there is a while already.', 'Remove one of them.', 'while or after');
    const isBecoming = demands[0] === 'becomes';
    for (const key of ['within', 'not_before'])
      if (!isBecoming && this.#has([...at, key]))
        this.#wrong([...at, key], `it belongs to becomes.`, `Remove ${key}.`, 'no such key');
    if (isBecoming && !this.#has([...at, 'within']))
      this.#wrong([...at, 'becomes'], 'becomes needs within.', 'Add within: and a duration.', 'within');
    this.#failures(at, demands[0] === 'failures');
    for (const key of ['at_least', 'at_most']) this.duration([...at, 'outage', key]);
  }

  #failures(at: Path, isDemanded: boolean): void {
    const kind = parseSubject(this.#text([...at, 'watch']))?.kind;
    if (isDemanded && kind !== 'probe' && kind !== 'step')
      this.#wrong(
        [...at, 'failures'],
        'only probes and steps have failures.',
        'Watch a probe or a step, or demand an outage.',
        'probe NAME or step NAME',
      );
    const path = [...at, 'failures', 'saying'];
    if (!isPattern(this.#text(path)))
      this.#wrong(path, 'this is no regular expression.', 'Mend it.', 'a regular expression');
  }

  #selector(path: Path, before: number): void {
    const selector = parseSelector(this.#text(path));
    if (selector === null)
      this.#wrong(path, 'this means no machines.', `Write ${SELECTOR_FORM}.`, SELECTOR_FORM);
    else this.#isFaultOrMachine(path, selector.base, before);
  }

  /** The name of a later fault is surely a mistake; any other name may be a machine of the lab. */
  #isFaultOrMachine(
    path: Path,
    base: { readonly kind: string; readonly name?: string },
    before: number,
  ): void {
    const index = this.items('method').findIndex((at) => this.#text([...at, 'name']) === base.name);
    if (base.kind !== 'name' || index < before) return;
    const message = `the fault ${base.name ?? ''} comes later.`;
    this.#wrong(path, message, 'Name an earlier fault, or machines.', 'an earlier fault');
  }

  #named(path: Path, name: string, list: string, what: string): void {
    const names = this.items(list).map((at) => this.#text([...at, 'name']));
    if (names.includes(name)) return;
    const meant = suggest(name, names);
    const remedy = meant === null ? `Name one of ${list}.` : `Did you mean ${meant}?`;
    this.#wrong(
      path,
      `there is no ${what} ${name}.`,
      remedy,
      names.length === 0 ? `a ${what}` : `one of ${names.join(', ')}`,
    );
  }

  #wrong(path: Path, message: string, remedy: string, expected: string): void {
    const found = this.#text(path);
    this.#findings.report({
      code: 'wrong-value',
      path,
      message,
      remedy,
      expected,
      found: found === '' ? 'nothing' : found,
    });
  }

  #has(path: Path): boolean {
    return valueAt(this.#tree, path) !== undefined;
  }

  #text(path: Path): string {
    return textOf(valueAt(this.#tree, path));
  }
}

function isPattern(source: string): boolean {
  try {
    new RegExp(source);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
