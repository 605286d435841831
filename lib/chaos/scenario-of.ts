/** A scenario out of a tree that fits the schema. Texts that cannot be read are reported by check.ts. */
import type { Path, Tree } from '../config/source.js';
import { textOf, valueAt } from '../config/tree.js';
import type { TopologyKind, VipProvider } from '../model/lab.js';
import { parseDurationSum, type DurationSum } from './duration-sum.js';
import type { FaultName } from './fault-kinds.js';
import type { InvariantName } from './invariant-names.js';
import type {
  Demand,
  ExpectationSpec,
  FaultSpec,
  OperationSpec,
  ProbeSpec,
  Scenario,
  SteadySpec,
} from './scenario.js';
import { parseSelector, type Selector } from './selector.js';
import { parseSubject, type Subject } from './subject.js';

export function scenarioOf(tree: Tree): Scenario {
  const read = new Reader(tree, []);
  return {
    name: read.text('name'),
    description: read.text('description').trim(),
    needs: {
      kind: read.optional('topology', 'kind') as TopologyKind | null,
      controlPlanes: read.number('topology', 'control_planes') ?? 1,
      workers: read.number('topology', 'workers') ?? 0,
      vip: read.optional('topology', 'vip') as VipProvider | null,
    },
    settings: read.items('settings').map((one) => ({
      name: one.text('name'),
      default: one.text('default'),
      description: one.text('description'),
    })),
    workload: read.optional('workload'),
    probes: read.items('probes').map(probeOf),
    steadyState: read.has('steady_state') ? read.items('steady_state').map(steadyOf) : null,
    lasts: read.optionalDuration('lasts'),
    operation: read.has('operation') ? operationOf(read) : null,
    method: read.items('method').map(faultOf),
    during: read.items('during').map(expectationOf),
    recovery: read.duration('recovery', 'within'),
    invariants: read.has('invariants') ? (read.texts('invariants') as readonly InvariantName[]) : null,
  };
}

function whatOf(read: Reader): ProbeSpec['what'] {
  if (read.has('write')) return { kind: 'write' };
  if (read.has('ping'))
    return { kind: 'ping', to: read.text('ping') === 'vip' ? null : read.selector('ping') };
  if (read.has('backend')) return { kind: 'backend', to: read.selector('backend') };
  const kind = read.has('kubectl') ? 'kubectl' : 'run';
  return { kind, argv: read.texts(kind) };
}

function probeOf(read: Reader): ProbeSpec {
  const on = read.optional('on');
  const what = whatOf(read);
  return {
    name: read.text('name'),
    what,
    on: on === null || on === 'host' ? null : read.selector('on'),
    every: read.has('every') ? read.duration('every') : [{ count: 1_000, unit: 'ms' }],
    timeout: read.has('timeout')
      ? read.duration('timeout')
      : [{ count: what.kind === 'ping' ? 1_000 : 10_000, unit: 'ms' }],
    exit: read.number('exit') ?? 0,
    lasts: read.flag('lasts'),
    output: read.optional('output'),
  };
}

function steadyOf(read: Reader): SteadySpec {
  return { subject: read.subject(), up: read.optional('is') !== 'down' };
}

/** Long enough for an upgrade whose machines go and come back. */
const OPERATION_MS = 14_400_000;

function operationOf(read: Reader): OperationSpec {
  const at = ['operation', 'input'];
  return {
    saga: read.text('operation', 'saga') as OperationSpec['saga'],
    to: read.optional(...at, 'to'),
    machines: read.has(...at, 'machines') ? read.selector(...at, 'machines') : null,
    within: read.optionalDuration('operation', 'within') ?? [{ count: OPERATION_MS, unit: 'ms' }],
  };
}

function faultOf(read: Reader): FaultSpec {
  return {
    name: read.text('name'),
    fault: read.text('fault') as FaultName,
    machines: read.selector('machines'),
    when: read.optional('when'),
    at: read.has('at') ? read.duration('at') : [{ count: 0, unit: 'ms' }],
    lasts: read.optionalDuration('for'),
    from: read.has('from') ? read.selector('from') : null,
    unit: read.optional('unit'),
    manifest: read.optional('manifest'),
    process: read.optional('process'),
    loss: read.optional('loss'),
    delay: read.optionalDuration('delay'),
    latency: read.optionalDuration('latency'),
    skew: read.optionalDuration('skew'),
    certificate: read.optional('certificate'),
    names: read.texts('names'),
  };
}

function expectationOf(read: Reader): ExpectationSpec {
  const window = (['while', 'after'] as const).find((key) => read.has(key));
  return {
    name: read.text('name'),
    subject: read.subject(),
    window: window === undefined ? null : { kind: window, fault: read.text(window) },
    skip: read.optionalDuration('skip'),
    demand: demandOf(read),
  };
}

function demandOf(read: Reader): Demand {
  if (read.has('becomes')) {
    return {
      kind: 'becomes',
      up: read.text('becomes') === 'up',
      within: read.has('within') ? read.duration('within') : [],
      notBefore: read.optionalDuration('not_before'),
    };
  }
  if (read.has('outage')) {
    return {
      kind: 'outage',
      atLeast: read.optionalDuration('outage', 'at_least'),
      atMost: read.optionalDuration('outage', 'at_most'),
    };
  }
  if (read.has('changes')) return { kind: 'changes', expected: read.flag('changes') };
  if (read.has('failures')) {
    return {
      kind: 'failures',
      atLeast: read.number('failures', 'at_least'),
      atMost: read.number('failures', 'at_most'),
      saying: read.optional('failures', 'saying'),
    };
  }
  return { kind: 'stays', up: read.text('stays') !== 'down' };
}

/** Reads below one place of the tree. */
class Reader {
  readonly #tree: Tree;
  readonly #at: Path;

  constructor(tree: Tree, at: Path) {
    this.#tree = tree;
    this.#at = at;
  }

  has(...path: Path): boolean {
    return this.#value(path) !== undefined;
  }

  text(...path: Path): string {
    return textOf(this.#value(path));
  }

  optional(...path: Path): string | null {
    return this.has(...path) ? this.text(...path) : null;
  }

  number(...path: Path): number | null {
    const value = this.#value(path);
    return typeof value === 'number' ? value : null;
  }

  flag(...path: Path): boolean {
    return this.#value(path) === true;
  }

  texts(...path: Path): readonly string[] {
    const value = this.#value(path);
    return Array.isArray(value) ? (value as readonly Tree[]).map(textOf) : [];
  }

  items(...path: Path): readonly Reader[] {
    const value = this.#value(path);
    return Array.isArray(value) ? value.map((_, i) => new Reader(this.#tree, [...this.#at, ...path, i])) : [];
  }

  duration(...path: Path): DurationSum {
    return parseDurationSum(this.text(...path)) ?? [];
  }

  optionalDuration(...path: Path): DurationSum | null {
    return this.has(...path) ? this.duration(...path) : null;
  }

  selector(...path: Path): Selector {
    const text = this.text(...path);
    return parseSelector(text) ?? { text, count: null, not: false, base: { kind: 'name', name: text } };
  }

  subject(): Subject {
    const text = this.text('watch');
    return parseSubject(text) ?? { text, kind: 'api', of: null, name: '' };
  }

  #value(path: Path): Tree | undefined {
    return valueAt(this.#tree, [...this.#at, ...path]);
  }
}
