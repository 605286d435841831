/**
 * An upgrade before it is begun: every step with its machine, its commands and the time it usually takes, and for
 * each moment how many voters of etcd are up and whether the API is expected to answer.
 */
import { printDuration } from '../base/duration.js';
import type { Saga, Stage, Step, StepKind } from '../engine/saga.js';
import { controlPlanes, type LabSpec } from '../model/lab.js';
import { forecastQuorum } from '../model/quorum.js';
import type { ClusterFinding } from '../sagas/facts/facts.js';
import type { UpgradeInput } from '../sagas/upgrade.js';

/** `moves`: it goes to another machine when the one that is upgraded carries it, within seconds. */
export type ApiExpectation = 'answers' | 'moves' | 'away';

export interface PlannedStep {
  readonly key: string;
  readonly title: string;
  readonly stage: string;
  readonly kind: StepKind;
  /** Null for what is done on no machine in particular. */
  readonly machine: string | null;
  readonly commands: readonly string[];
  /** When it usually begins, in lab ms from the upgrade's beginning. */
  readonly atMs: number;
  readonly typicalMs: number;
  readonly votersUp: number;
  readonly voters: number;
  /** Voters that may still fail at that moment; negative when etcd cannot write. */
  readonly tolerance: number;
  readonly api: ApiExpectation;
  /** Why no gate is asked although it takes a voter down. */
  readonly waived: string | null;
}

export interface UpgradePlanDocument {
  readonly lab: string;
  readonly from: string;
  readonly to: string;
  /** True when the lab is of that version already; there are no steps then. */
  readonly nothingToDo: boolean;
  readonly notes: readonly string[];
  readonly findings: readonly ClusterFinding[];
  readonly typicalMs: number;
  readonly steps: readonly PlannedStep[];
}

export function upgradePlan(
  lab: LabSpec,
  saga: Saga,
  input: UpgradeInput,
  notes: readonly string[],
  findings: readonly ClusterFinding[],
): UpgradePlanDocument {
  let atMs = 0;
  const steps = saga.stages.flatMap((stage) => {
    const planned = plannedStage(lab, stage, atMs);
    atMs = Math.max(atMs, ...planned.map((step) => step.atMs + step.typicalMs));
    return planned;
  });
  const { from, to } = input;
  return { lab: lab.name, from, to, nothingToDo: false, notes, findings, typicalMs: atMs, steps };
}

export function nothingToUpgrade(
  lab: LabSpec,
  version: string,
  notes: readonly string[],
): UpgradePlanDocument {
  const nothing = { nothingToDo: true, notes, findings: [], typicalMs: 0, steps: [] };
  return { lab: lab.name, from: version, to: version, ...nothing };
}

/** As the engine would run it: each step in the place of the `concurrency` that is free first. */
function plannedStage(lab: LabSpec, stage: Stage, fromMs: number): readonly PlannedStep[] {
  const freeAtMs = Array.from({ length: stage.concurrency }, () => fromMs);
  return stage.steps.map((step) => {
    const place = freeAtMs.indexOf(Math.min(...freeAtMs));
    const atMs = freeAtMs[place] ?? fromMs;
    const typicalMs = Math.round((step.typicalMs ?? 0) * lab.timeScale);
    freeAtMs[place] = atMs + typicalMs;
    return plannedStep(lab, stage, step, atMs, typicalMs);
  });
}

function plannedStep(lab: LabSpec, stage: Stage, step: Step, atMs: number, typicalMs: number): PlannedStep {
  const planes = controlPlanes(lab).map(({ name }) => ({ name, up: true }));
  const down = step.takesDown ?? [];
  const { upAfter, voters, toleranceAfter } = forecastQuorum(planes, down);
  const named = step.key.slice(step.key.indexOf(':') + 1);
  return {
    key: step.key,
    title: step.title,
    stage: stage.key,
    kind: step.kind,
    machine: lab.machines.some(({ name }) => name === named) ? named : null,
    commands: step.commands ?? [],
    atMs,
    typicalMs,
    votersUp: upAfter,
    voters,
    tolerance: toleranceAfter,
    api: apiExpectation(lab, planes.filter(({ name }) => down.includes(name)).length),
    waived: step.waived ?? null,
  };
}

function apiExpectation(lab: LabSpec, down: number): ApiExpectation {
  if (down === 0) return 'answers';
  if (controlPlanes(lab).length === down) return 'away';
  return lab.vip?.provider === 'kube-vip' ? 'moves' : 'answers';
}

/** Ends with a line break. */
export function upgradePlanText(plan: UpgradePlanDocument): string {
  const { lab, from, to, notes, findings, steps } = plan;
  if (plan.nothingToDo) return `nothing to do: lab ${lab} is of ${to} already\n`;
  const lines = [
    `Upgrade of lab ${lab} from ${from} to ${to}: ${steps.length} steps, usually ${printDuration(plan.typicalMs)}`,
    ...notes,
    ...findings.map(({ severity, message, remedy }) => `${severity}: ${message}\n  ${remedy}`),
    '',
    'AT       TAKES    VOTERS  MAY FAIL  API      STEP',
    ...steps.flatMap(stepLines),
    '',
    'Until `kubeadm upgrade apply` everything is taken back when it fails; from there on it only goes forward.',
    'API: `moves` means that its address goes to another machine within seconds when this one carries it.',
  ];
  return `${lines.join('\n')}\n`;
}

function stepLines(step: PlannedStep): readonly string[] {
  const cells = [
    printDuration(step.atMs).padEnd(8),
    printDuration(step.typicalMs).padEnd(8),
    `${step.votersUp} of ${step.voters}`.padEnd(7),
    String(Math.max(0, step.tolerance)).padEnd(9),
    step.api.padEnd(8),
    `${step.title}${step.kind === 'pivot' ? ' (no way back from here)' : ''}`,
  ];
  return [
    cells.join(' '),
    ...step.commands.map((command) => `${' '.repeat(44)}  $ ${command}`),
    ...(step.waived === null ? [] : [`${' '.repeat(44)}  not gated: ${step.waived}`]),
  ];
}
