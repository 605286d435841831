/**
 * A scenario on a lab: what of it cannot be had there, and which machines its words mean. Plain data that is recorded,
 * so that a later process makes the same plan again.
 */
import { Prng } from '../base/prng.js';
import { UserError } from '../base/errors.js';
import { controlPlanes, loadBalancers, workers, type LabSpec } from '../model/lab.js';
import { HOST, type Observation, type Provider } from '../provider/provider.js';
import { FAULTS } from './fault-kinds.js';
import type { PlannedOperation } from './operation-plan.js';
import type { Scenario, SteadySpec } from './scenario.js';
import { answering, type Sighted } from './seen.js';
import { resolveSelector, type Known, type Selector } from './selector.js';
import { parseSubject, type Subject } from './subject.js';

/**
 * `whole` is the experiment. The other two show that it can fail: `emptied` injects nothing, so what is expected of
 * the faults must not come; `unlifted` takes no fault back before it is judged, so nothing must recover.
 */
export type Control = 'whole' | 'emptied' | 'unlifted';

export interface ChaosInput {
  /** The scenario's YAML, and what --set said. */
  readonly text: string;
  readonly file: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly control: Control;
  /** Chose machines where the scenario leaves it to chance. */
  readonly seed: number;
  /** How long the method waits at its beginning: what is periodic in the cluster is met at another place each time. */
  readonly phaseMs: number;
  /** The saga that runs meanwhile, and what its plan is made from; null where there is none. */
  readonly operation: PlannedOperation | null;
  /** Machines of each fault, and of what a partition keeps apart from them. */
  readonly faults: Readonly<Record<string, readonly string[]>>;
  readonly from: Readonly<Record<string, readonly string[]>>;
  /** The machine that each probe runs on; where each ping goes, and which server of HAProxy is asked for. */
  readonly probes: Readonly<Record<string, string>>;
  readonly targets: Readonly<Record<string, string>>;
  /** Machines of each subject that names some, by its text. */
  readonly subjects: Readonly<Record<string, readonly string[]>>;
}

/** Throws a `UserError` that names everything in the way; nothing has been touched then. */
export function checkPossible(lab: LabSpec, scenario: Scenario, provider: Provider): void {
  const reasons = [...unmet(lab, scenario), ...unsupported(lab, scenario, provider)];
  if (reasons.length === 0) return;
  throw new UserError({
    code: 'scenario-impossible',
    message: `scenario ${scenario.name} cannot be run on lab ${lab.name}: ${reasons.join('; ')}`,
    remedy: `Read what it needs with: homelab chaos show ${scenario.name}`,
  });
}

function unmet(lab: LabSpec, { needs, probes }: Scenario): readonly string[] {
  const has = { controlPlanes: controlPlanes(lab).length, workers: workers(lab).length };
  const reasons: string[] = [];
  const isHa = has.controlPlanes > 1;
  if (needs.kind === 'ha' && !isHa) reasons.push('it needs several control planes behind a floating address');
  if (needs.kind !== null && needs.kind !== 'ha' && isHa)
    reasons.push(`it is for labs of kind ${needs.kind}`);
  if (has.controlPlanes < needs.controlPlanes)
    reasons.push(`it needs ${needs.controlPlanes} control planes, and there are ${has.controlPlanes}`);
  if (has.workers < needs.workers)
    reasons.push(`it needs ${needs.workers} workers, and there are ${has.workers}`);
  if (needs.vip !== null && lab.vip?.provider !== needs.vip)
    reasons.push(`it needs the floating address by ${needs.vip} (homelab up --vip-provider ${needs.vip})`);
  if (lab.vip === null && probes.some(({ what }) => what.kind === 'ping' && what.to === null))
    reasons.push('it sends pings to a floating address, and there is none');
  if (loadBalancers(lab).length === 0 && probes.some(({ what }) => what.kind === 'backend'))
    reasons.push('it asks HAProxy for its servers, and there is no load balancer');
  return reasons;
}

function unsupported(lab: LabSpec, { method }: Scenario, provider: Provider): readonly string[] {
  return method.flatMap(({ name, fault }) => {
    const { power, providers } = FAULTS[fault];
    if (!providers.includes(lab.provider)) {
      const who = providers.length === 0 ? 'no provider' : `only ${providers.join(', ')}`;
      return [`fault ${name}: ${who} can do ${fault} in this version`];
    }
    return power === null || provider.supported.includes(power)
      ? []
      : [`fault ${name}: this host's ${lab.provider} cannot do ${power}`];
  });
}

/** What every lab of its kind is judged by when the scenario does not say. */
export function steadyStateOf(lab: LabSpec, scenario: Scenario): readonly SteadySpec[] {
  if (scenario.steadyState !== null) return scenario.steadyState;
  const texts = ['machines', 'nodes', 'etcd', 'api', ...(lab.vip === null ? [] : ['vip'])];
  return texts.flatMap((text) => {
    const subject = parseSubject(text);
    return subject === null ? [] : [{ subject, up: true }];
  });
}

/** `backends`: those that HAProxy gives connections to, null where nobody could be asked. */
export function knownOf(seen: Observation, backends: readonly string[] | null): Known['properties'] {
  return {
    'vip-holder': answering(seen).length === 0 ? null : answering(seen),
    'etcd-leader': seen.etcd.leader === null ? null : [seen.etcd.leader],
    'haproxy-active-backend': backends,
  };
}

/** As long as the slowest of what clusters do again and again while they are well, such as a kubelet's Lease. */
const PHASE_MS = 10_000;

export function chooseMachines(
  lab: LabSpec,
  scenario: Scenario,
  properties: Known['properties'],
  seed: number,
): Pick<ChaosInput, 'phaseMs' | 'faults' | 'from' | 'probes' | 'targets' | 'subjects'> & {
  readonly operated: readonly string[];
} {
  const prng = new Prng(seed).fork('chaos').fork(scenario.name);
  const faults: Record<string, readonly string[]> = {};
  const from: Record<string, readonly string[]> = {};
  const operated: string[] = [];
  const choose = (selector: Selector, name: string): readonly string[] =>
    resolveSelector(
      lab,
      { faults: { operation: operated, ...faults }, properties },
      selector,
      prng.fork(name),
    );
  const wanted = scenario.operation?.machines ?? null;
  if (wanted !== null) operated.push(...choose(wanted, 'operation'));
  const everybody = [...lab.machines.map(({ name }) => name), HOST];
  for (const fault of scenario.method) {
    const machines = choose(fault.machines, fault.name);
    faults[fault.name] = machines;
    if (fault.fault !== 'partition') continue;
    const rest = everybody.filter((name) => !machines.includes(name));
    from[fault.name] = fromOf(fault.from, rest, (from) => choose(from, `${fault.name}/from`));
  }
  const probes = scenario.probes.map(({ name, on, what }) => {
    const first = controlPlanes(lab)[0]?.name ?? HOST;
    const fallback = what.kind === 'kubectl' || what.kind === 'write' ? first : HOST;
    return [name, on === null ? fallback : (choose(on, `probe/${name}`)[0] ?? fallback)] as const;
  });
  const targets = scenario.probes.flatMap(({ name, what }) => {
    if (what.kind !== 'ping' && what.kind !== 'backend') return [];
    if (what.to === null) return [[name, lab.vip?.address ?? ''] as const];
    const [to] = choose(what.to, `target/${name}`);
    const address = lab.machines.find((one) => one.name === to)?.address;
    return [[name, (what.kind === 'ping' ? address : to) ?? ''] as const];
  });
  const subjects = subjectsOf(lab, scenario).flatMap(({ text, of }) =>
    of === null ? [] : [[text, choose(of, `subject/${text}`)] as const],
  );
  const phaseMs = prng.fork('phase').int(0, Math.round(PHASE_MS * lab.timeScale));
  return {
    phaseMs,
    operated,
    faults,
    from,
    probes: Object.fromEntries(probes),
    targets: Object.fromEntries(targets),
    subjects: Object.fromEntries(subjects),
  };
}

/** The workstation is no machine of the lab, and may be what others are cut off from. */
function fromOf(
  from: Selector | null,
  rest: readonly string[],
  choose: (from: Selector) => readonly string[],
): readonly string[] {
  if (from === null) return rest;
  return from.text === HOST ? [HOST] : choose(from);
}

function subjectsOf(lab: LabSpec, scenario: Scenario): readonly Subject[] {
  return [...steadyStateOf(lab, scenario), ...scenario.during].map(({ subject }) => subject);
}

/** What is watched for the verdict, each once; probes look by themselves. */
export function sightedOf(
  lab: LabSpec,
  scenario: Scenario,
  input: Pick<ChaosInput, 'subjects'>,
): readonly Sighted[] {
  const byText = new Map(subjectsOf(lab, scenario).map((subject) => [subject.text, subject]));
  return [...byText.values()].flatMap(({ text, kind, name }) =>
    kind === 'probe' || kind === 'step'
      ? []
      : [{ key: text, kind, machines: input.subjects[text] ?? null, name }],
  );
}
