/**
 * The cluster back to a copy of etcd: every control plane stopped, etcd's data exchanged on all of them, a new etcd
 * cluster of the same machines begun from the copy. Until that begins everything is taken back when it fails, because
 * the data of before lies beside. One line a stage; the steps are in restore/.
 */
import type { Saga, Stage, Step } from '../engine/saga.js';
import { controlPlanes, type LabSpec } from '../model/lab.js';
import type { SagaPorts } from './ports.js';
import { copySnapshot, exchangeData, makeData } from './restore/data.js';
import { everythingReady, restartKubelets, startControlPlane, stopControlPlane } from './restore/pods.js';
import { restorePreflight } from './restore/preflight.js';
import { etcdStarted, etcdWhole } from './restore/start.js';
import { everythingBack, keepOldData } from './restore/verify.js';

/** Recorded with the saga: plain data, no secret. */
export interface RestoreInput {
  /** Name of the copy in the lab's folder, without its ending. */
  readonly snapshot: string;
  readonly sha256: string;
  /** Was the control plane whole before? Then it is waited for when everything is taken back. */
  readonly wasWhole: boolean;
  /** Makes the new etcd cluster another one than every cluster before it, so that an old member cannot join it. */
  readonly token: string;
}

/** What every step of this saga is made from. */
export interface Restore {
  readonly lab: LabSpec;
  readonly input: RestoreInput;
  readonly ports: SagaPorts;
}

export const RESTORE = 'restore';

export function restoreSaga(lab: LabSpec, input: RestoreInput, ports: SagaPorts): Saga {
  const restore: Restore = { lab, input, ports };
  const planes = controlPlanes(lab);
  const everywhere = (key: string, title: string, steps: readonly Step[]): Stage => ({
    ...{ key, title, concurrency: Math.max(1, steps.length), steps },
  });
  return {
    ...{ name: RESTORE, lab: lab.name, input },
    stages: [
      inOrder('preflight', 'Is everything as a restore needs it?', restorePreflight(restore)),
      everywhere(
        'copy',
        'The copy goes to every control plane',
        planes.map((machine) => copySnapshot(restore, machine)),
      ),
      everywhere(
        'data',
        "etcd's new data beside the present",
        planes.map((machine) => makeData(restore, machine)),
      ),
      inOrder('ready', 'Everything lies ready', everythingReady(restore)),
      everywhere(
        'stop',
        'Every control plane stops',
        planes.map((machine) => stopControlPlane(restore, machine)),
      ),
      everywhere(
        'exchange',
        "etcd's data is exchanged",
        planes.map((machine) => exchangeData(restore, machine)),
      ),
      inOrder('start', 'etcd starts with it', etcdStarted(restore)),
      inOrder('etcd', 'etcd is whole', etcdWhole(restore)),
      ...planes.map((machine) =>
        inOrder(machine.name, `Control plane ${machine.name}`, startControlPlane(restore, machine)),
      ),
      inOrder('kubelets', 'Kubelets look at everything anew', restartKubelets(restore)),
      inOrder('verify', 'Everything is back', everythingBack(restore)),
      everywhere(
        'keep',
        'The data of before is kept',
        planes.map((machine) => keepOldData(restore, machine)),
      ),
    ],
  };
}

function inOrder(key: string, title: string, step: Step): Stage {
  return { key, title, concurrency: 1, steps: [step] };
}
