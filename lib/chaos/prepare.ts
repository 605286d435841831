/** The gate of an experiment, and the machines that its words mean at that moment. Changes nothing. */
import type { LabSpec } from '../model/lab.js';
import type { Provider } from '../provider/provider.js';
import { checkPossible, chooseMachines, knownOf, type ChaosInput } from './plan.js';
import { gate } from './run.js';
import type { Scenario } from './scenario.js';

export interface PrepareOptions {
  readonly lab: LabSpec;
  readonly scenario: Scenario;
  readonly provider: Provider;
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
  const { lab, scenario, provider, seed, signal, source } = options;
  checkPossible(lab, scenario, provider);
  const unsteady = await gate(lab, scenario, provider, signal);
  if (unsteady.length > 0) return { input: null, unsteady };
  const properties = knownOf(await provider.observe(), null);
  return { input: { ...source, seed, ...chooseMachines(lab, scenario, properties, seed) }, unsteady: [] };
}
