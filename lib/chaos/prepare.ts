/** The gate of an experiment, and the machines that its words mean at that moment. Changes nothing. */
import type { LabSpec } from '../model/lab.js';
import type { Provider } from '../provider/provider.js';
import type { SagaPorts } from '../sagas/ports.js';
import { seconds } from '../sagas/timing.js';
import { seenBackends } from './backends.js';
import { checkSteps, operationSaga, planOperation } from './operation-plan.js';
import { checkPossible, chooseMachines, knownOf, steadyStateOf, type ChaosInput } from './plan.js';
import { contextOf, probesOf, type Probe } from './probes.js';
import { unsteadyNow } from './run.js';
import type { Scenario, SteadySpec } from './scenario.js';

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
  // Who plays a part can be seen only where the parts are played, and whom probes ask is known only after that.
  const plain = ({ subject }: SteadySpec): boolean => subject.kind !== 'probe' && subject.of === null;
  const before = await gate(options, { subjects: {} }, plain, []);
  if (before.length > 0) return { input: null, unsteady: before };
  const backends = await seenBackends(lab, provider, signal);
  const properties = knownOf(await provider.observe(), backends);
  const { operated, ...chosen } = chooseMachines(lab, scenario, properties, seed);
  const asked = new Map(
    probesOf(lab, scenario, chosen).flatMap((one) => (one.isGate ? [[one.name, one] as const] : [])),
  );
  const whole = ({ subject }: SteadySpec): boolean => subject.kind !== 'probe' || asked.has(subject.name);
  const isMore = steadyStateOf(lab, scenario).some((one) => !plain(one) && whole(one));
  const unsteady = isMore ? await gate(options, chosen, whole, [...asked.values()]) : [];
  if (unsteady.length > 0) return { input: null, unsteady };
  const operation =
    scenario.operation === null
      ? null
      : await planOperation(contextOf(provider, signal), lab, ports, scenario.operation, operated);
  const saga = operation === null ? null : operationSaga(lab, operation, ports);
  checkSteps(scenario, saga, ({ name }) => chosen.faults[name] ?? []);
  return { input: { ...source, seed, operation, ...chosen }, unsteady: [] };
}

/** Waits a while for a part of the steady state; what does not hold at the end of it, in words. */
async function gate(
  { lab, scenario, provider, signal }: PrepareOptions,
  input: Pick<ChaosInput, 'subjects'>,
  isPart: (one: SteadySpec) => boolean,
  probes: readonly Probe[],
): Promise<readonly string[]> {
  const steadyState = steadyStateOf(lab, scenario).filter(isPart);
  const asked = probes.filter(({ name }) => steadyState.some(({ subject }) => subject.name === name));
  const deadlineMs = provider.clock.nowMs() + seconds(lab, 30);
  for (;;) {
    for (const probe of asked) await probe.once(provider, signal);
    const unsteady = await unsteadyNow(lab, { ...scenario, steadyState }, input, provider, asked);
    if (unsteady.length === 0 || provider.clock.nowMs() >= deadlineMs) return unsteady;
    await provider.clock.sleep(seconds(lab, 1), signal);
  }
}
