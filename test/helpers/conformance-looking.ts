/** The part of the provider contract about onlookers, for test/helpers/conformance.ts. */
import type { Test } from 'tap';
import type { MachineSpec } from '../../lib/model/lab.js';
import type { Observation, Provider } from '../../lib/provider/provider.js';

interface Subject {
  readonly provider: Provider;
  readonly machines: readonly MachineSpec[];
}

export async function observe(t: Test, { provider, machines }: Subject): Promise<void> {
  const first = await provider.observe();
  t.strictSame(
    first.machines,
    machines.map(({ name }) => ({ name, state: 'running' })),
  );
  t.strictSame(first.etcd, { members: null, leader: null, quorum: false, tolerance: -1 });
  t.ok(first.reasons.length > 0, 'what cannot be read has a reason');
  t.strictSame({ ...(await provider.observe()), atMs: 0 }, { ...first, atMs: 0 });
}

export async function watch(t: Test, { provider, machines }: Subject): Promise<void> {
  const name = machines[0]?.name ?? '';
  const told: Observation[] = [];
  const watching = provider.watch((seen) => told.push(seen));
  const tells = async (state: string): Promise<boolean> => {
    const isTold = (): boolean =>
      told.at(-1)?.machines.some((one) => one.name === name && one.state === state) === true;
    for (let left = 120; left > 0 && !isTold(); left -= 1) await provider.clock.sleep(1_000);
    return isTold();
  };
  t.ok(await tells('running'));
  await provider.power(name, 'cut');
  t.ok(await tells('off'));
  await watching.stop();
  const count = told.length;
  await provider.power(name, 'start');
  t.equal(told.length, count, 'nothing is told once it has stopped');
  t.strictSame(watching.gaps, []);
  const times = told.map(({ atMs }) => atMs);
  t.strictSame(
    times,
    [...times].sort((a, b) => a - b),
    'in order of time',
  );
}
