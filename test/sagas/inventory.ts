// An inventory of a cluster: what a new one is made by it, it says of itself when it is asked.
import t from 'tap';
import { readInventory } from '../../lib/config/inventory.js';
import { toYaml } from '../../lib/generate/yaml.js';
import type { Inventory, InventoryMachine } from '../../lib/model/inventory.js';
import { applyInventory } from '../../lib/sagas/inventory/apply.js';
import { assumed } from '../../lib/sagas/inventory/assumed.js';
import { takeInventory } from '../../lib/sagas/inventory/take.js';
import { SMALL } from '../helpers/bootstrap-sweep.js';
import { contextOf, openLab, upLab } from '../helpers/upgrade-runs.js';

t.setTimeout(300_000);

const OWN = { namespace: 'shop', graceSeconds: 5 };

void t.test('a new cluster is made what an inventory says', async (t) => {
  const { lab, provider } = openLab(await upLab(SMALL));
  const context = contextOf(provider);
  const fresh = await takeInventory(context, lab);
  t.strictSame(assumed(lab, fresh), [], 'everything could be read');
  const changes: Readonly<Record<string, Partial<InventoryMachine>>> = {
    'stage-cp-1': { certificateHours: 500, apiServer: 'v1.32.0' },
    'stage-cp-2': { certificateHours: 3_000, kubelet: 'v1.32.0' },
    'stage-cp-3': { certificateHours: 500 },
    'stage-w-1': { schedulable: false, state: 'off' },
  };
  const wanted: Inventory = {
    ...fresh,
    machines: fresh.machines.map((machine) => ({ ...machine, ...changes[machine.name] })),
    etcdBytes: 50_000_000,
    workloads: [
      {
        ...OWN,
        kind: 'Deployment',
        name: 'web',
        replicas: 2,
        labels: ['app=web'],
        images: ['docker.io/a:1'],
      },
      { ...OWN, kind: 'DaemonSet', name: 'log', replicas: 1, labels: ['app=log'], images: ['docker.io/l:1'] },
      { ...OWN, kind: 'Pod', name: 'solo', replicas: 1, labels: ['app=solo'], images: ['docker.io/s:1'] },
    ],
    budgets: [
      { namespace: 'shop', name: 'web', minAvailable: '50%', maxUnavailable: null, labels: ['app=web'] },
    ],
  };
  await provider.growEtcd(50_000_000);
  await applyInventory(context, lab, wanted);
  const found = await takeInventory(context, lab);
  const plain = ({ certificateHours: _, ...machine }: InventoryMachine): object => machine;
  t.strictSame(found.machines.map(plain), wanted.machines.map(plain));
  for (const { name, certificateHours } of found.machines) {
    const hours = changes[name]?.certificateHours ?? null;
    const apart = certificateHours === null || hours === null ? 0 : certificateHours - hours;
    t.ok(Math.abs(apart) < 72, `${name}: ${String(certificateHours)} hours, wanted ${String(hours)}`);
  }
  t.equal(found.etcdBytes, 50_000_000);
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  t.strictSame([...(found.workloads ?? [])].sort(byName), [...(wanted.workloads ?? [])].sort(byName));
  t.strictSame(found.budgets, wanted.budgets);
  t.match(assumed(lab, found), [/stage-w-1 is off/], 'its kubelet is still told by its node');
});

void t.test('what an inventory does not tell is said', async (t) => {
  const { lab, provider } = openLab(await upLab({ ...SMALL, topology: 'k8s-multi' }));
  const fresh = await takeInventory(contextOf(provider), lab);
  const [first] = fresh.machines;
  const unknown = { kubelet: null, apiServer: null, schedulable: null, certificateHours: null };
  const machines = first === undefined ? [] : [{ ...first, ...unknown }];
  const blind: Inventory = { ...fresh, machines, etcdBytes: null, workloads: null, budgets: null };
  t.match(assumed(lab, { ...blind, reasons: ['pods: the API does not answer'] }), [
    ...['stage-cp-1: its kubelet is v1.31.4', 'stage-cp-1: it is not cordoned'],
    ...['stage-cp-1: its API server is v1.31.4', 'stage-cp-1: its certificates were made today'],
    ...['stage-w-1: it is not in the inventory and runs, at v1.31.4', "etcd's database is as large"],
    ...['nothing runs but Kubernetes', 'there are no budgets', 'pods: the API does not answer'],
  ]);
  t.strictSame(readInventory('i.yaml', toYaml({ ...blind })), { inventory: blind, problems: [] });
  const bad = readInventory('i.yaml', toYaml({ ...blind, etcdBytes: 'many', size: 3 }));
  t.equal(bad.inventory, null);
  t.match(bad.problems.map(({ code }) => code).sort(), ['unknown-key', 'wrong-value']);
});
