/**
 * What `homelab plan` says, as data: the machines of one or several labs on one host, their budgets, and whether the
 * host holds them all. Making labs is not planned here; that is what sagas do.
 */
import { deepFreeze } from '../base/freeze.js';
import type { Problem } from '../base/errors.js';
import { must } from '../base/errors.js';
import { nextFreeRange, parseCidr, printCidr, rangesOverlap, type Cidr } from '../model/address.js';
import type { Budget, LabSpec, MachineSpec, ProviderName, VipProvider } from '../model/lab.js';
import { HOST_OVERHEAD_MIB, totalsOf } from './budget.js';
import { resolve, type Resolved, type ResolveInput } from './resolve.js';
import { printMemory } from './size.js';

export interface LabPlan {
  readonly name: string;
  readonly topology: string;
  readonly provider: ProviderName;
  readonly machines: readonly MachineSpec[];
  /** What the machines take together. */
  readonly totals: Budget;
  /** What they may take: `vos`. */
  readonly budget: Budget;
  readonly vip: { readonly address: string; readonly provider: VipProvider } | null;
}

export interface HostPlan {
  readonly memoryMiB: number;
  /** What the host keeps for itself, once, however many labs there are. */
  readonly overheadMiB: number;
  readonly requiredMiB: number;
  readonly fits: boolean;
}

/** The JSON document of `homelab plan -o json`. */
export interface PlanDocument {
  readonly labs: readonly LabPlan[];
  readonly host: HostPlan;
  readonly problems: readonly Problem[];
}

export interface PlanRequest {
  /** At least one; `furtherLabs` makes the others from topologies. */
  readonly labs: readonly ResolveInput[];
  readonly hostMemoryMiB: number;
  /** True when a person named the host's memory, which then counts for simulated labs too. */
  readonly hostMemoryExplicit: boolean;
}

export interface Planned {
  readonly document: PlanDocument;
  /** In the order of the request; null for a lab that cannot be resolved. */
  readonly specs: readonly (LabSpec | null)[];
}

export function planLabs(request: PlanRequest): Planned {
  const problems: Problem[] = [];
  const resolved = placeLabs(request.labs, problems);
  resolved.forEach(({ problems: own }, i) => {
    // A further lab has no topology flag of its own: a person typed `--with`.
    const further = i > 0 && request.labs[i]?.text === null;
    problems.push(...(further ? own.map(namedAsWith) : own));
  });
  const specs = resolved.map(({ spec }) => spec);
  const labs = specs.filter((spec) => spec !== null);
  problems.push(...repeatedNames(labs), ...sharedSubnets(labs));
  const host = hostOf(labs, request.hostMemoryMiB);
  if (!host.fits) problems.push(hostTooSmall(labs, host, request.hostMemoryExplicit));
  return deepFreeze({ document: { labs: labs.map(labPlan), host, problems }, specs });
}

/** Inputs for `--with` topologies: named after the first lab, on its provider, otherwise all defaults. */
export function furtherLabs(
  first: LabSpec,
  references: readonly string[],
  reader: Pick<ResolveInput, 'readNamedFile'> = {},
): readonly ResolveInput[] {
  const names = new Set([first.name]);
  return references.map((reference) => {
    const base = (reference.split('/').at(-1) ?? '').replace(/\.ya?ml$/, '').replace(/^k8s-/, '');
    const stem = `${first.name}-${base.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`;
    let name = stem;
    for (let i = 2; names.has(name); i += 1) name = `${stem}-${i}`;
    names.add(name);
    return {
      ...reader,
      text: null,
      file: null,
      overrides: { lab: name, topology: reference, provider: first.provider },
    };
  });
}

/** Labs whose network was chosen keep it; the others take the next free one when theirs is taken. */
function placeLabs(inputs: readonly ResolveInput[], problems: Problem[]): readonly Resolved[] {
  const resolved = inputs.map((input) => resolve(input));
  const taken: Cidr[] = resolved.filter((lab) => lab.subnetChosen).flatMap((lab) => rangeOf(lab.spec));
  return resolved.map((lab, i) => {
    const [wanted] = rangeOf(lab.spec);
    const input = inputs[i];
    if (lab.subnetChosen || wanted === undefined || input === undefined) return lab;
    const free = nextFreeRange(wanted, taken);
    if (free === null) return lab;
    taken.push(free);
    if (free.base === wanted.base) return lab;
    const moved = resolve({ ...input, overrides: { ...input.overrides, subnet: printCidr(free) } });
    problems.push(movedNote(moved.spec?.name ?? '', printCidr(wanted), printCidr(free)));
    return { ...moved, subnetChosen: false };
  });
}

function namedAsWith(problem: Problem): Problem {
  return { ...problem, message: problem.message.replace(/^--topology /, '--with ') };
}

function rangeOf(spec: LabSpec | null): readonly Cidr[] {
  return spec === null ? [] : [must(parseCidr(spec.network.cidr), `${spec.name} has no network`)];
}

function labPlan(spec: LabSpec): LabPlan {
  return {
    name: spec.name,
    topology: spec.topology,
    provider: spec.provider,
    machines: spec.machines,
    totals: totalsOf(spec.machines),
    budget: spec.budget,
    vip: spec.vip === null ? null : { address: spec.vip.address, provider: spec.vip.provider },
  };
}

function hostOf(labs: readonly LabSpec[], memoryMiB: number): HostPlan {
  const machines = totalsOf(labs.flatMap((lab) => lab.machines));
  const requiredMiB = machines.memoryMiB + HOST_OVERHEAD_MIB;
  return { memoryMiB, overheadMiB: HOST_OVERHEAD_MIB, requiredMiB, fits: requiredMiB <= memoryMiB };
}

/** A problem of several labs together has no place in a file. */
function together(
  problem: Pick<Problem, 'code' | 'severity' | 'message' | 'remedy' | 'expected' | 'found'>,
): Problem {
  return { ...problem, file: null, line: null, column: null };
}

function movedNote(lab: string, wanted: string, free: string): Problem {
  return together({
    code: 'next-free-subnet',
    severity: 'note',
    message: `${lab} takes the next free network, ${free}.`,
    remedy: `To choose it yourself, write vos.subnet: ${free} in the configuration of ${lab}.`,
    expected: null,
    found: wanted,
  });
}

function repeatedNames(labs: readonly LabSpec[]): readonly Problem[] {
  const repeated = labs.filter((lab, i) => labs.findIndex((other) => other.name === lab.name) < i);
  return repeated.map(({ name }) =>
    together({
      code: 'lab-name-taken',
      severity: 'error',
      message: `two labs are named ${name}.`,
      remedy: 'Give one of them another name (--lab).',
      expected: 'one lab of each name',
      found: name,
    }),
  );
}

/** Simulated labs are worlds of their own; real ones would hear each other's ARP. */
function sharedSubnets(labs: readonly LabSpec[]): readonly Problem[] {
  const real = labs.filter((lab) => lab.provider === 'libvirt');
  return real.flatMap((lab, i) => {
    const other = real.slice(0, i).find((earlier) => overlapping(earlier, lab));
    if (other === undefined) return [];
    const taken = real.flatMap((any) => rangeOf(any));
    const free = rangeOf(lab).flatMap((range) => nextFreeRange(range, taken) ?? []);
    const choice = free.map(printCidr).join('') || 'another network';
    return [
      together({
        code: 'subnet-shared',
        severity: 'error',
        message: `${other.name} and ${lab.name} would both use ${lab.network.cidr}.`,
        remedy: `Write vos.subnet: ${choice} in the configuration of ${lab.name} (--subnet ${choice}).`,
        expected: `a network apart from ${other.network.cidr}`,
        found: lab.network.cidr,
      }),
    ];
  });
}

function overlapping(a: LabSpec, b: LabSpec): boolean {
  return rangeOf(a).some((range) => rangeOf(b).some((other) => rangesOverlap(range, other)));
}

function hostTooSmall(labs: readonly LabSpec[], host: HostPlan, explicit: boolean): Problem {
  const real = labs.some((lab) => lab.provider === 'libvirt');
  const required = printMemory(host.requiredMiB);
  return together({
    code: 'host-too-small',
    severity: real || explicit ? 'error' : 'note',
    message:
      `the machines and ${printMemory(host.overheadMiB)} for the host need ${required}, and the host has ` +
      `${printMemory(host.memoryMiB)}${real || explicit ? '' : '; simulated machines do not mind'}.`,
    remedy: `Plan fewer labs, fewer or smaller machines (--workers, --worker-memory), or a host with ${required}.`,
    expected: `at least ${required}`,
    found: printMemory(host.memoryMiB),
  });
}
