/** The lab's machines, made and started together. */
import { StepError, type Step } from '../../engine/saga.js';
import type { Bootstrap } from '../bootstrap.js';
import { minutes, patient } from '../timing.js';

export function machinesUp({ lab, input }: Bootstrap): Step {
  const names = lab.machines.map((machine) => machine.name);
  const made = names.filter((name) => !input.existing.includes(name));
  return {
    key: 'machines',
    title: `Create and start ${names.length === 1 ? 'the machine' : `${names.length} machines`}`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 20),
    probe: async ({ provider }) => {
      const states = new Map((await provider.machines()).map(({ name, state }) => [name, state]));
      return names.every((name) => states.get(name) === 'running') ? 'done' : 'not-done';
    },
    run: async ({ provider, signal, log }) => {
      const onProgress = (machine: string, line: string): void => {
        log(`${machine}: ${line}`);
      };
      const reports = await provider.create(lab.machines, { signal, onProgress });
      const failed = reports.filter((report) => report.error !== null);
      if (failed.length === 0) return;
      throw new StepError({
        code: 'machines-failed',
        message: failed.map(({ name, error }) => `${name}: ${error ?? ''}`).join('\n'),
        remedy: `Look at the machines with: homelab status`,
        retryable: true,
      });
    },
    ...(made.length === 0 ? {} : { compensate: async ({ provider }) => provider.destroy(made) }),
  };
}
