/**
 * Control planes leave the cluster and join it again, all at once and with join configurations that were written
 * beforehand: what a person does who follows the words that `kubeadm init` prints. Nothing is gated on purpose; a join
 * that fails is made anew with fresh secrets. Begun by experiments. The steps are in rejoin/.
 */
import type { Saga, Stage } from '../engine/saga.js';
import { controlPlanes, type LabSpec, type MachineSpec } from '../model/lab.js';
import type { SagaPorts } from './ports.js';
import { joinAgain } from './rejoin/join.js';
import { leave } from './rejoin/leave.js';
import { prepareJoins } from './rejoin/prepare.js';
import { wholeAgain } from './rejoin/whole.js';

/** Recorded with the saga: plain data, no secret. */
export interface RejoinInput {
  /** Never the first control plane, which the others join. */
  readonly machines: readonly string[];
}

/** What every step of this saga is made from. */
export interface Rejoin {
  readonly lab: LabSpec;
  readonly input: RejoinInput;
  readonly ports: SagaPorts;
}

export const REJOIN = 'rejoin';

export function rejoinSaga(lab: LabSpec, input: RejoinInput, ports: SagaPorts): Saga {
  const rejoin: Rejoin = { lab, input, ports };
  const machines = rejoining(lab, input);
  const stages: readonly Stage[] = [
    stage(
      'leave',
      'Out of the cluster',
      1,
      machines.map((one) => leave(rejoin, one)),
    ),
    stage('prepare', 'What they join with', 1, [prepareJoins(rejoin, machines)]),
    stage(
      'join',
      'Into the cluster, all at once',
      machines.length,
      machines.map((one) => joinAgain(rejoin, one)),
    ),
    stage(
      'whole',
      'Each is whole',
      1,
      machines.map((one) => wholeAgain(rejoin, one)),
    ),
  ];
  return { name: REJOIN, lab: lab.name, input, stages };
}

function rejoining(lab: LabSpec, { machines }: RejoinInput): readonly MachineSpec[] {
  return controlPlanes(lab).filter(({ name }) => machines.includes(name));
}

function stage(key: string, title: string, concurrency: number, steps: Stage['steps']): Stage {
  return { key, title, concurrency: Math.max(1, concurrency), steps };
}
