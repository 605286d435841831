/** The provider contract on real machines: the same checks, by the same names, as on the simulator. */
import t from 'tap';
import { conformance } from '../helpers/conformance.js';
import { labOf, openSim } from '../helpers/sim-lab.js';
import { makeLab, notPrepared } from './helpers/lab.js';

t.setTimeout(60 * 60_000);

const SHAPE = { name: 'tc', subnet: '192.168.81', controlPlanes: 1, workers: 1 } as const;

void t.test('both providers keep one contract', { skip: notPrepared() }, async (t) => {
  const lab = makeLab(t, SHAPE);
  const simulated = labOf({ cni: 'none', csi: 'none', ingress: 'none' });
  const sim = await conformance(t, 'sim', async () => ({
    provider: openSim(simulated),
    machines: simulated.machines.slice(0, 2),
  }));
  const libvirt = await conformance(t, 'libvirt', async () => ({
    provider: await lab.open(),
    machines: lab.spec.machines,
  }));
  t.strictSame(libvirt.titles, sim.titles, 'the same list of checks');
  t.comment(`${libvirt.titles.length} checks on both; refused here: ${libvirt.refused.join(', ') || 'none'}`);
  t.strictSame(
    lab.leftovers().filter((what) => what !== 'folder .homelab'),
    [],
    'libvirt knows nothing of the lab any more',
  );
});
