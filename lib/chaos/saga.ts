/**
 * An experiment as a saga: what it needs is made, faults come and go at their times, and what was made is taken away.
 * Every injection is a compensable step whose compensation lifts, so a failure, an interruption and an abort all end
 * with no fault in force.
 */
import { printDuration } from '../base/duration.js';
import { UNDO_RETRY, StepError, type Saga, type Stage, type Step, type StepContext } from '../engine/saga.js';
import type { LabSpec } from '../model/lab.js';
import { kubectl, mustKubectl, unreadyWorkloads, workingControlPlane } from '../sagas/kubectl.js';
import { commandFailed } from '../sagas/remote.js';
import { brief, minutes, poll, seconds } from '../sagas/timing.js';
import { durationOn } from './duration-sum.js';
import { FAULTS } from './fault-kinds.js';
import type { FaultCall } from './faults/fault.js';
import { faultOf } from './faults/index.js';
import type { Operation } from './operation.js';
import type { ChaosInput } from './plan.js';
import { WRITES_MANIFEST } from './probes.js';
import type { FaultSpec, Scenario } from './scenario.js';
import { beginOperation, endOperation, when } from './saga-operation.js';
import { chaptersOf, type Chapter } from './timeline.js';

export const CHAOS = 'chaos';

/** What the steps are given of the run that they belong to. */
export interface ChaosPorts {
  /** Lab time at which a chapter of the method began, out of the journal; null before it has. */
  readonly chapterMs: (chapter: number) => number | null;
  /** The saga that runs meanwhile; null where there is none. */
  readonly operation: Operation | null;
  /** What of the steady state does not hold now, in words. */
  readonly unsteady: () => Promise<readonly string[]>;
  /** Told when the method begins: from now on probes look. */
  readonly begins: () => void;
  /** Told when the steady state is back, before what the experiment made is taken away. */
  readonly recovered: (context: StepContext) => Promise<void>;
}

export function chaosSaga(lab: LabSpec, scenario: Scenario, input: ChaosInput, ports: ChaosPorts): Saga {
  const whole: Whole = { lab, scenario, input, ports };
  const workload = workloadOf(scenario);
  const stages: readonly Stage[] = [
    ...(workload === null ? [] : [stage('workload', 'What runs meanwhile', [applied(whole, workload)])]),
    stage('begin', 'The method begins', [begin(whole)]),
    ...operationStages(whole, beginOperation),
    ...chaptersOf(lab, scenario).flatMap((chapter, index) => chapterStages(whole, chapter, index)),
    ...operationStages(whole, endOperation),
    stage('recovery', 'Recovery', [recovery(whole)]),
    ...(workload === null ? [] : [stage('gone', 'What ran meanwhile', [removed(whole, workload)])]),
  ];
  return { name: CHAOS, lab: lab.name, input, stages };
}

/** What every step of the saga is made from. */
export interface Whole {
  readonly lab: LabSpec;
  readonly scenario: Scenario;
  readonly input: ChaosInput;
  readonly ports: ChaosPorts;
}

function stage(key: string, title: string, steps: readonly Step[]): Stage {
  return { key, title, concurrency: steps.length, steps };
}

function operationStages(whole: Whole, step: (whole: Whole, name: string) => Step): readonly Stage[] {
  const name = whole.input.operation?.saga ?? null;
  if (name === null) return [];
  const made = step(whole, name);
  return [stage(made.key, made.title, [made])];
}

function begin({ lab, input, ports }: Whole): Step {
  return {
    ...{ key: 'begin', title: 'Begin', kind: 'compensable', retry: brief(lab), timeoutMs: seconds(lab, 60) },
    run: async ({ clock, signal }) => {
      await clock.sleep(input.phaseMs, signal);
      ports.begins();
    },
  };
}

/** Moments are told apart by their chapter and their time. */
function chapterStages(whole: Whole, { waits, moments }: Chapter, chapter: number): readonly Stage[] {
  const of = chapter === 0 ? '' : `${chapter}-`;
  const after = waits === null ? '' : ` after ${waits.when ?? ''}`;
  return [
    ...(waits === null
      ? []
      : [stage(`when-${chapter}`, `Until ${waits.when ?? ''}`, [when(whole, chapter, waits)])]),
    ...moments.flatMap(({ atMs, lifts, injects }, index) => {
      const at = `${printDuration(atMs)}${after}`;
      const key = `${of}${index + 1}`;
      const steps = [
        ...lifts.map((fault) => lifting(whole, fault)),
        ...injects.map((fault) => injection(whole, fault)),
      ];
      const waiting = stage(`until-${key}`, `Until ${at}`, [until(whole, chapter, key, atMs)]);
      const moment = steps.length === 0 ? [] : [stage(`moment-${key}`, `At ${at}`, steps)];
      return [...(atMs === 0 ? [] : [waiting]), ...moment];
    }),
  ];
}

function until({ lab, ports }: Whole, chapter: number, key: string, atMs: number): Step {
  return {
    ...{
      key: `until:${key}`,
      title: `Wait until ${printDuration(atMs)}`,
      kind: 'compensable',
      retry: brief(lab),
    },
    timeoutMs: atMs + minutes(lab, 1),
    run: async ({ clock, signal }) => {
      const dueMs = (ports.chapterMs(chapter) ?? clock.nowMs()) + atMs;
      if (dueMs > clock.nowMs()) await clock.sleep(dueMs - clock.nowMs(), signal);
    },
  };
}

function injection(whole: Whole, fault: FaultSpec): Step {
  const { lab, input } = whole;
  const kind = faultOf(fault.fault);
  const machines = input.faults[fault.name] ?? [];
  const isEmptied = input.control === 'emptied';
  const inject = async (context: StepContext): Promise<void> => {
    await Promise.all(machines.map((machine) => kind.inject(callOf(whole, fault, machine, context))));
    for (const machine of machines) {
      if ((await kind.inForce(callOf(whole, fault, machine, context))) !== false || fault.fault === 'reboot')
        continue;
      throw new StepError({
        code: 'fault-not-in-force',
        message: `the fault ${fault.name} was injected into ${machine} and is not in force`,
        remedy: 'Look at the machine with `homelab status`.',
        retryable: true,
      });
    }
  };
  return {
    ...{
      key: `inject:${fault.name}`,
      title: titleOf(fault, machines),
      kind: 'compensable',
      retry: brief(lab),
    },
    timeoutMs: minutes(lab, 12),
    ...(FAULTS[fault.fault].takesDown && !isEmptied
      ? { takesDown: machines, waived: 'the scenario takes it down on purpose' }
      : {}),
    run: async (context) => {
      if (!isEmptied) await inject(context);
    },
    compensate: async (context) => {
      if (!isEmptied) await liftAll(whole, fault, context);
    },
  };
}

/** The same as the injection's compensation, at its time. */
function lifting(whole: Whole, fault: FaultSpec): Step {
  const { lab, input } = whole;
  const machines = input.faults[fault.name] ?? [];
  return {
    ...{ key: `lift:${fault.name}`, title: `No more: ${titleOf(fault, machines)}`, kind: 'compensable' },
    ...{ retry: UNDO_RETRY, timeoutMs: minutes(lab, 12) },
    run: async (context) => {
      if (input.control === 'whole') await liftAll(whole, fault, context);
    },
  };
}

async function liftAll(whole: Whole, fault: FaultSpec, context: StepContext): Promise<void> {
  const kind = faultOf(fault.fault);
  const machines = whole.input.faults[fault.name] ?? [];
  await Promise.all(machines.map((machine) => kind.lift(callOf(whole, fault, machine, context))));
}

function callOf({ lab, input }: Whole, fault: FaultSpec, machine: string, context: StepContext): FaultCall {
  return { context, lab, fault, machine, from: input.from[fault.name] ?? [] };
}

export function titleOf({ fault }: FaultSpec, machines: readonly string[]): string {
  return FAULTS[fault].title.replace('%', machines.join(', '));
}

/** Fails for good when the steady state is not back within the scenario's time: what is in force is then lifted. */
function recovery({ lab, scenario, ports }: Whole): Step {
  const withinMs = durationOn(lab, scenario.recovery);
  return {
    ...{ key: 'recover', title: `The steady state, within ${printDuration(withinMs)}`, kind: 'compensable' },
    ...{ retry: { ...brief(lab), attempts: 1 }, timeoutMs: withinMs + minutes(lab, 2) },
    run: async (context) => {
      let unsteady: readonly string[] = [];
      const times = { timeoutMs: withinMs, everyMs: seconds(lab, 1) };
      const recovered = await poll(context, times, async () => {
        unsteady = await ports.unsteady();
        return unsteady.length === 0 ? true : null;
      });
      if (recovered !== null) {
        await ports.recovered(context);
        return;
      }
      throw new StepError({
        code: 'not-recovered',
        message: `the steady state was not back within ${printDuration(withinMs)}: ${unsteady.join('; ')}`,
        remedy: 'Look at the lab with `homelab status`.',
        retryable: false,
      });
    },
  };
}

/** The scenario's own objects, and the one that writing probes write into. */
function workloadOf({ workload, probes }: Scenario): string | null {
  const writes = probes.some(({ what }) => what.kind === 'write') ? [WRITES_MANIFEST] : [];
  const parts = [...(workload === null ? [] : [workload]), ...writes];
  return parts.length === 0 ? null : parts.join('---\n');
}

/** What an experiment's own objects may be made of. */
const WORKLOADS = ['get', 'daemonsets,deployments,statefulsets', '-A', '-o', 'json'];

function applied(whole: Whole, manifest: string): Step {
  const { lab } = whole;
  return {
    ...{
      key: 'workload',
      title: 'Apply what runs during the experiment',
      kind: 'compensable',
      retry: brief(lab),
    },
    timeoutMs: minutes(lab, 10),
    run: async (context) => {
      const on = await workingControlPlane(context, lab);
      const options = { stdin: manifest, ...(on === null ? {} : { on }) };
      await mustKubectl(context, lab, ['apply', '-f', '-'], options);
      const times = { timeoutMs: minutes(lab, 5), everyMs: seconds(lab, 2) };
      const ready = await poll(context, times, async () => {
        const listed = await mustKubectl(context, lab, WORKLOADS, on === null ? {} : { on });
        return unreadyWorkloads(listed).length === 0 ? true : null;
      });
      if (ready !== null) return;
      throw new StepError({
        code: 'workload-not-ready',
        message: 'the pods of the experiment did not become ready',
        remedy: 'Look at them with `homelab kubectl get pods -A`.',
        retryable: false,
      });
    },
    compensate: (context) => remove(whole, manifest, context),
  };
}

function removed(whole: Whole, manifest: string): Step {
  const { lab } = whole;
  return {
    ...{ key: 'workload-gone', title: 'Remove what ran during the experiment', kind: 'compensable' },
    ...{ retry: UNDO_RETRY, timeoutMs: minutes(lab, 10) },
    run: (context) => remove(whole, manifest, context),
  };
}

async function remove({ lab }: Whole, manifest: string, context: StepContext): Promise<void> {
  const on = await workingControlPlane(context, lab);
  const args = ['delete', '--ignore-not-found', '-f', '-'];
  const options = { stdin: manifest, timeoutMs: minutes(lab, 3), ...(on === null ? {} : { on }) };
  const ran = await kubectl(context, lab, args, options);
  if (ran.code !== 0) throw commandFailed(on ?? '', ['kubectl', ...args], ran);
}
