/**
 * Which machines a scenario means: `cp-2`, `any worker`, `2 of control-plane`, `not etcd-leader`, `any not first`
 * (none of those that the fault `first` was given). Read from text without a lab, and resolved on one at the moment
 * when its steady state was seen; what is left to chance is drawn from the run's seed.
 */
import type { Prng } from '../base/prng.js';
import { UserError } from '../base/errors.js';
import type { LabSpec, Role } from '../model/lab.js';

const ROLES: readonly Role[] = ['control-plane', 'worker', 'load-balancer'];
const PROPERTIES = ['vip-holder', 'etcd-leader', 'haproxy-active-backend'] as const;
export type Property = (typeof PROPERTIES)[number];

export type Base =
  | { readonly kind: 'role'; readonly role: Role }
  | { readonly kind: 'property'; readonly property: Property }
  /** A machine, by its name or by what follows the lab's name in it; or the machines of an earlier fault. */
  | { readonly kind: 'name'; readonly name: string };

export interface Selector {
  readonly text: string;
  /** How many of the set, chosen by the seed; null for all. */
  readonly count: number | null;
  readonly not: boolean;
  readonly base: Base;
}

export const SELECTOR_FORM =
  'a machine, a role, a property or a fault, with any, N of, or not before it, such as any worker';

/** Null for a text that is no selector. */
export function parseSelector(text: string): Selector | null {
  const [, amount, negation, word = ''] =
    /^(?:(any|all|[1-9]\d{0,2} of) )?(not )?([a-z][a-z0-9-]*)$/.exec(text.trim()) ?? [];
  if (word === '' || ['any', 'all', 'not', 'of'].includes(word)) return null;
  const count =
    amount === undefined || amount === 'all' ? null : amount === 'any' ? 1 : Number.parseInt(amount, 10);
  return { text, count, not: negation !== undefined, base: baseOf(word) };
}

function baseOf(word: string): Base {
  const role = ROLES.find((one) => one === word || `${one}s` === word);
  if (role !== undefined) return { kind: 'role', role };
  const property = PROPERTIES.find((one) => one === word);
  return property === undefined ? { kind: 'name', name: word } : { kind: 'property', property };
}

/** Machine names by fault name and by property, as far as they are known. */
export interface Known {
  readonly faults: Readonly<Record<string, readonly string[]>>;
  /** Null for what could not be seen. */
  readonly properties: Readonly<Record<Property, readonly string[] | null>>;
}

/** In the order of the lab. Throws a `UserError` for a machine that is not there, or too few of them. */
export function resolveSelector(
  lab: LabSpec,
  known: Known,
  selector: Selector,
  prng: Prng,
): readonly string[] {
  const found = setOf(lab, known, selector);
  const wanted = selector.count ?? 1;
  if (found.length < wanted) {
    const many = wanted === 1 ? 'a machine' : `${wanted} machines`;
    throw new UserError({
      code: 'no-such-machines',
      message: `"${selector.text}" means ${many}, and lab ${lab.name} has ${found.length} of that kind now`,
      remedy: `Its machines: ${lab.machines.map(({ name }) => name).join(', ')}.`,
    });
  }
  if (selector.count === null) return found;
  const left = [...found];
  const chosen = Array.from(
    { length: selector.count },
    () => left.splice(prng.int(0, left.length - 1), 1)[0],
  );
  return found.filter((name) => chosen.includes(name));
}

/** `not` of a role is every other machine; of anything else, every other control plane. */
function setOf(lab: LabSpec, known: Known, { not, base }: Selector): readonly string[] {
  const named = namesOf(lab, known, base);
  const names = lab.machines.map(({ name }) => name);
  if (!not) return names.filter((name) => named.includes(name));
  const within = lab.machines.filter(({ role }) => base.kind === 'role' || role === 'control-plane');
  return within.map(({ name }) => name).filter((name) => !named.includes(name));
}

function namesOf(lab: LabSpec, known: Known, base: Base): readonly string[] {
  switch (base.kind) {
    case 'role':
      return lab.machines.filter(({ role }) => role === base.role).map(({ name }) => name);
    case 'property': {
      const holders = known.properties[base.property];
      if (holders !== null) return holders;
      throw new UserError({
        code: 'not-seen',
        message: `lab ${lab.name} has no ${base.property} that could be seen`,
        remedy: 'Look at the lab with: homelab status',
      });
    }
    case 'name': {
      if (Object.hasOwn(known.faults, base.name)) return known.faults[base.name] ?? [];
      const machine = machineNamed(lab, base.name);
      return machine === null ? [] : [machine];
    }
  }
}

/** By its whole name, or by what follows the lab's name in it. */
export function machineNamed(lab: LabSpec, name: string): string | null {
  const found = lab.machines.find((one) => one.name === name || one.name === `${lab.name}-${name}`);
  return found?.name ?? null;
}
