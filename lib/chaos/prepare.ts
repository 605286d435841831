/** The gate of an experiment, and the machines that its words mean at that moment. Changes nothing. */
import type { LabSpec } from '../model/lab.js';
import type { Provider } from '../provider/provider.js';
import type { SagaPorts } from '../sagas/ports.js';
import { checkSteps, operationSaga, planOperation } from './operation-plan.js';
import { checkPossible, chooseMachines, knownOf, type ChaosInput } from './plan.js';
import { contextOf } from './probes.js';
import { gate } from './run.js';
import type { Scenario } from './scenario.js';

export interface PrepareOptions {
  readonly lab: LabSpec;
  readonly scenario: Scenario;
  readonly provider: Provider;
  /** Asked only where the scenario has an operation. */
  readonly ports: SagaPorts;
  /** Chooses machines where the scenario leaves it to chance. */
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly source: Pick<ChaosInput, 'text' | 'file' | 'settings' | 'control'>;
}

/**
 * `input` is null when the steady state was not met, and `unsteady` says what of it. Throws a `UserError` for what
 * cannot be done on this lab at all.
 */
export async function prepareChaos(
  options: PrepareOptions,
): Promise<{ readonly input: ChaosInput | null; readonly unsteady: readonly string[] }> {
  const { lab, scenario, provider, ports, seed, signal, source } = options;
  checkPossible(lab, scenario, provider);
  const unsteady = await gate(lab, scenario, provider, signal);
  if (unsteady.length > 0) return { input: null, unsteady };
  const properties = knownOf(await provider.observe(), null);
  const { operated, ...chosen } = chooseMachines(lab, scenario, properties, seed);
  const operation =
    scenario.operation === null
      ? null
      : await planOperation(contextOf(provider, signal), lab, ports, scenario.operation, operated);
  const saga = operation === null ? null : operationSaga(lab, operation, ports);
  checkSteps(scenario, saga, ({ name }) => chosen.faults[name] ?? []);
  return { input: { ...source, seed, operation, ...chosen }, unsteady: [] };
}
