/** The plan of a scenario's operation on a lab: asked of the cluster before the first fault, recorded as plain data. */
import { UserError } from '../base/errors.js';
import { StepError, type Saga, type StepContext } from '../engine/saga.js';
import type { LabSpec } from '../model/lab.js';
import { resolveUpgrade } from '../model/upgrade.js';
import { parseVersion, printMinor } from '../model/version.js';
import { FileError, UnreachableError } from '../provider/provider.js';
import { nextSnapshotName } from '../sagas/etcd-snapshot.js';
import { gatherFacts } from '../sagas/facts/gather.js';
import type { SagaPorts } from '../sagas/ports.js';
import { recordedSaga } from '../sagas/registry.js';
import type { RejoinInput } from '../sagas/rejoin.js';
import type { UpgradeInput } from '../sagas/upgrade.js';
import { upgradeFindings } from '../sagas/upgrade/findings.js';
import { upgradeInput } from '../sagas/upgrade/input.js';
import type { FaultSpec, OperationSpec, Scenario } from './scenario.js';

/** Recorded with the experiment: plain data, no secret. */
export interface PlannedOperation {
  readonly saga: string;
  readonly input: unknown;
}

/** Throws a `UserError` when it cannot be begun on this cluster; nothing has been touched then. */
export async function planOperation(
  context: StepContext,
  lab: LabSpec,
  ports: SagaPorts,
  { saga, to }: OperationSpec,
  machines: readonly string[],
): Promise<PlannedOperation> {
  try {
    const input = saga === 'upgrade' ? await upgradeOf(context, lab, ports, to) : rejoinOf(machines);
    return { saga, input };
  } catch (error) {
    const isOfMachines =
      error instanceof StepError || error instanceof UnreachableError || error instanceof FileError;
    throw isOfMachines ? impossible(saga, [error.message]) : error;
  }
}

async function upgradeOf(
  context: StepContext,
  lab: LabSpec,
  ports: SagaPorts,
  wanted: string | null,
): Promise<UpgradeInput> {
  // A bundle is verified and opened by whoever types the upgrade.
  if (ports.bundle !== null) throw impossible('upgrade', ['the lab takes its packages from a bundle']);
  const { version } = lab.kubernetes;
  const resolution = resolveUpgrade(version, wanted ?? printMinor((parseVersion(version)?.minor ?? 0) + 1));
  if (resolution.kind === 'nothing') throw impossible('upgrade', [`the cluster is of ${version} already`]);
  if (resolution.kind === 'refused')
    throw impossible(
      'upgrade',
      resolution.refusals.map(({ message }) => message),
    );
  const { from, to } = resolution;
  const facts = await gatherFacts(context, lab);
  const errors = upgradeFindings(facts, lab, { from, to }).filter(({ severity }) => severity === 'error');
  if (errors.length > 0)
    throw impossible(
      'upgrade',
      errors.map(({ message }) => message),
    );
  return upgradeInput(lab, facts, {
    ...{ from, to, maxUnavailable: lab.maxUnavailable, drainTimeoutMs: null },
    snapshot: nextSnapshotName(ports.folder, `before-${to}`),
    bundle: null,
  });
}

function rejoinOf(machines: readonly string[]): RejoinInput {
  return { machines };
}

function impossible(saga: string, reasons: readonly string[]): UserError {
  return new UserError({
    code: 'operation-impossible',
    message: `the scenario's ${saga} cannot be begun: ${reasons.join('; ')}`,
    remedy: 'Mend what is named, or look at the cluster with: homelab lint',
  });
}

/** The saga of a plan, made from what was recorded. */
export function operationSaga(lab: LabSpec, { saga, input }: PlannedOperation, ports: SagaPorts): Saga {
  return recordedSaga(saga, lab, input, ports);
}

/** Is this the step that a fault waits for? A step of one of its machines, or one that is of no machine. */
export function isStep(name: string, machines: readonly string[]): (key: string) => boolean {
  return (key) => key === name || machines.some((machine) => key === `${name}:${machine}`);
}

/** Throws a `UserError` for a fault that waits for a step which the operation does not have. */
export function checkSteps(
  scenario: Scenario,
  saga: Saga | null,
  machinesOf: (fault: FaultSpec) => readonly string[],
): void {
  const keys = (saga?.stages ?? []).flatMap(({ steps }) => steps.map(({ key }) => key));
  for (const fault of scenario.method) {
    const { when, name } = fault;
    if (when === null || keys.some(isStep(when, machinesOf(fault)))) continue;
    throw new UserError({
      code: 'no-such-step',
      message: `fault ${name} waits for step ${when} of ${machinesOf(fault).join(', ')}, and the operation has none`,
      remedy: `Its steps: ${[...new Set(keys.map((key) => key.split(':')[0]))].join(', ')}.`,
    });
  }
}
