/**
 * The three budgets, kept apart: what the machines take, what the lab may take (`vos`), and what the host has. The
 * machines are compared with the lab's budget here; the host comes in when labs are planned together (plan.ts).
 */
import type { Budget, MachineSpec } from '../model/lab.js';
import type { Findings } from './findings.js';
import { flagOfKey } from './flags.js';
import type { Settings } from './settings.js';
import { printMemory } from './size.js';
import type { Path } from './source.js';

/** What the host keeps for itself: its system, QEMU's own memory and homelab. */
export const HOST_OVERHEAD_MIB = 3072;

/** What machines take together. */
export function totalsOf(machines: readonly MachineSpec[]): Budget {
  return {
    cpus: machines.reduce((sum, machine) => sum + machine.cpus, 0),
    memoryMiB: machines.reduce((sum, machine) => sum + machine.memoryMiB, 0),
  };
}

interface Resource {
  readonly name: string;
  readonly key: 'vos.cpus' | 'vos.memory';
  readonly perWorker: number;
  readonly taken: number;
  readonly allowed: number;
  readonly print: (amount: number) => string;
}

export function checkBudget(settings: Settings, machines: readonly MachineSpec[], findings: Findings): void {
  const totals = totalsOf(machines);
  const { workers, budget } = settings;
  const resources: readonly Resource[] = [
    {
      name: 'of memory',
      key: 'vos.memory',
      perWorker: workers.memoryMiB,
      taken: totals.memoryMiB,
      allowed: budget.memoryMiB,
      print: printMemory,
    },
    {
      name: 'virtual CPUs',
      key: 'vos.cpus',
      perWorker: workers.cpus,
      taken: totals.cpus,
      allowed: budget.cpus,
      print: String,
    },
  ];
  for (const resource of resources) checkResource(resource, settings, findings);
}

function checkResource(resource: Resource, settings: Settings, findings: Findings): void {
  const { name, key, taken, allowed, print } = resource;
  if (taken <= allowed) return;
  const part = key === 'vos.cpus' ? 'cpus' : 'memory';
  const causes: readonly Path[] = [
    ['k8s', 'workers', 'count'],
    ['k8s', 'workers', part],
    ['k8s', 'control_planes', 'count'],
    ['k8s', 'control_planes', part],
    ['k8s', 'topology'],
  ];
  const flag = flagOfKey(key)?.name ?? '';
  findings.add({
    code: 'over-budget',
    path: key.split('.'),
    also: causes,
    message: `the machines take ${print(taken)} ${name}, and the lab's budget is ${print(allowed)}.`,
    remedy: `Raise ${key} to ${print(taken)} (--${flag} ${print(taken)})${fewerWorkers(resource, settings)}.`,
    expected: `at least ${print(taken)}`,
    found: print(allowed),
  });
}

/** The other knob: how many workers would fit, when leaving some out helps at all. */
function fewerWorkers({ perWorker, taken, allowed }: Resource, { workers }: Settings): string {
  const rest = taken - workers.count * perWorker;
  const fitting = Math.floor((allowed - rest) / perWorker);
  return fitting < 0 || workers.count === 0
    ? ''
    : `, or lower k8s.workers.count to ${fitting} (--workers ${fitting})`;
}
