/** The gate that the joins did without, after all of them: a healthy voter, its own API server, and no secrets. */
import type { Step } from '../../engine/saga.js';
import type { MachineSpec } from '../../model/lab.js';
import { removeSecrets } from '../bootstrap/join.js';
import { controlPlaneJoined } from '../gates.js';
import { minutes, patient } from '../timing.js';
import type { Rejoin } from '../rejoin.js';

export function wholeAgain({ lab }: Rejoin, machine: MachineSpec): Step {
  return {
    key: `whole:${machine.name}`,
    title: `${machine.name} is whole`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 10),
    run: async (context) => {
      await controlPlaneJoined(context, lab, machine);
      await removeSecrets(context, lab, machine.name);
    },
  };
}
