/** A copy of etcd before anything is changed: the way back when there is no other. */
import type { Step } from '../../engine/saga.js';
import { readSnapshot, removeSnapshot, takeSnapshot, tidyMachines } from '../etcd-snapshot.js';
import { minutes, patient } from '../timing.js';
import type { Upgrade } from '../upgrade.js';
import { TYPICAL } from './typical.js';

export function saveSnapshot({ lab, input, ports }: Upgrade): Step {
  const { folder } = ports;
  return {
    key: 'snapshot',
    title: `Copy etcd to snapshots/${input.snapshot}.db`,
    kind: 'compensable',
    retry: patient(lab),
    timeoutMs: minutes(lab, 15),
    typicalMs: TYPICAL.snapshot,
    commands: ['etcdctl snapshot save'],
    probe: async () => (readSnapshot(folder, input.snapshot) === null ? 'not-done' : 'done'),
    run: async (context) => {
      const { bytes } = await takeSnapshot(context, lab, folder, input.snapshot);
      context.log(`${Math.ceil(bytes / 1_000)} kB`);
    },
    compensate: async (context) => {
      await tidyMachines(context, lab);
      removeSnapshot(folder, input.snapshot);
    },
  };
}
