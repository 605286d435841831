/** The labs that are measured, and one bootstrap of one of them in this process with everything in memory. */
import { must } from '../lib/base/errors.js';
import { resolve } from '../lib/config/resolve.js';
import type { LabSpec } from '../lib/model/lab.js';
import type { SimProvider } from '../lib/provider/sim/sim-provider.js';
import { gatherFacts } from '../lib/sagas/facts/gather.js';
import { upgradeSaga } from '../lib/sagas/upgrade.js';
import { upgradeInput } from '../lib/sagas/upgrade/input.js';
import { bootstrapOnSim, memoryPorts, runOnSim } from '../test/helpers/sim-lab.js';
import { contextOf, WISHES } from '../test/helpers/upgrade-runs.js';

const LARGE = `
k8s:
  topology: k8s-ha
  pod_subnet: 10.128.0.0/12
vos:
  subnet: 10.62.0.0/20
`;

/** Workers join ten at a time; the subnets of the large labs have room for a thousand machines. */
export function labOf(machines: number, controlPlanes = 3): LabSpec {
  const { spec, problems } = resolve({
    text: LARGE,
    file: null,
    overrides: {
      'control-planes': String(controlPlanes),
      workers: String(machines - controlPlanes),
      'parallel-joins': '10',
      'vos-cpus': String(2 * machines),
      'vos-memory': `${8 * machines}GiB`,
    },
  });
  return must(spec, problems.map(({ message }) => message).join('; '));
}

export function defaultLab(): LabSpec {
  const { spec } = resolve({ text: null, file: null, overrides: { topology: 'k8s-ha' } });
  return must(spec, 'the default lab has no problem');
}

/** Brings a lab up and upgrades it to the next minor: `v1.31.4` to `v1.32.0`. */
export async function bootstrapAndUpgrade(lab: LabSpec): Promise<SimProvider> {
  const provider = await bootstrap(lab);
  const { from, to } = WISHES;
  const facts = await gatherFacts(contextOf(provider), lab);
  const saga = upgradeSaga(lab, upgradeInput(lab, facts, WISHES), memoryPorts());
  const { outcome } = await runOnSim(saga, { provider });
  if (outcome !== 'completed') throw new Error(`the upgrade from ${from} to ${to} ended ${outcome}`);
  return provider;
}

/** Brings a lab up; a bootstrap that does not complete is no measurement. */
export async function bootstrap(lab: LabSpec, seed = 1): Promise<SimProvider> {
  const { provider, result } = await bootstrapOnSim(lab, { seed });
  if (result.outcome !== 'completed') throw new Error(`the bootstrap ended ${result.outcome}`);
  return provider;
}
