/** What an inventory does not tell, and what a copy of the lab has instead; one line each, for people. */
import type { Inventory } from '../../model/inventory.js';
import type { LabSpec } from '../../model/lab.js';

export function assumed(lab: LabSpec, inventory: Inventory): readonly string[] {
  const { version } = lab.kubernetes;
  const told = new Map(inventory.machines.map((machine) => [machine.name, machine]));
  const machines = lab.machines.flatMap(({ name, role }) => {
    const machine = told.get(name);
    if (machine === undefined) return [`${name}: it is not in the inventory and runs, at ${version}`];
    if (role === 'load-balancer') return [];
    return [
      ...(machine.kubelet === null ? [`${name}: its kubelet is ${version}`] : []),
      ...(machine.schedulable === null ? [`${name}: it is not cordoned`] : []),
      ...(role === 'control-plane' && machine.apiServer === null
        ? [`${name}: its API server is ${version}`]
        : []),
      ...(role === 'control-plane' && machine.certificateHours === null
        ? [`${name}: its certificates were made today`]
        : []),
    ];
  });
  const sets = (inventory.workloads ?? []).filter(({ kind }) => kind === 'StatefulSet');
  return [
    ...machines,
    ...inventory.machines
      .filter(({ name }) => !lab.machines.some((machine) => machine.name === name))
      .map(({ name }) => `${name}: it is no machine of the lab, and left out`),
    ...(inventory.etcdBytes === null ? ["etcd's database is as large as a new cluster's"] : []),
    ...(inventory.workloads === null ? ['nothing runs but Kubernetes and the add-ons'] : []),
    ...(inventory.budgets === null ? ['there are no budgets but those of add-ons'] : []),
    ...sets.map(({ namespace, name }) => `StatefulSet ${namespace}/${name}: its pods start side by side`),
    ...inventory.reasons,
  ];
}
