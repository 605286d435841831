/** Makes the saga of a journal again, from its name and recorded input: what a resume and an abort begin with. */
import { UserError } from '../base/errors.js';
import type { Saga } from '../engine/saga.js';
import type { LabSpec } from '../model/lab.js';
import { BOOTSTRAP, bootstrapSaga, type BootstrapInput } from './bootstrap.js';
import { DESTROY, destroySaga, DOWN, downSaga } from './lifecycle.js';
import type { SagaPorts } from './ports.js';
import { REJOIN, rejoinSaga, type RejoinInput } from './rejoin.js';
import { RESTORE, restoreSaga, type RestoreInput } from './restore.js';
import { UPGRADE, upgradeSaga, type UpgradeInput } from './upgrade.js';

export function recordedSaga(name: string, lab: LabSpec, input: unknown, ports: SagaPorts): Saga {
  switch (name) {
    case BOOTSTRAP:
      return bootstrapSaga(lab, input as BootstrapInput, ports);
    case UPGRADE:
      return upgradeSaga(lab, input as UpgradeInput, ports);
    case RESTORE:
      return restoreSaga(lab, input as RestoreInput, ports);
    case REJOIN:
      return rejoinSaga(lab, input as RejoinInput, ports);
    case DOWN:
      return downSaga(lab);
    case DESTROY:
      return destroySaga(lab);
    default:
      throw new UserError({
        code: 'unknown-saga',
        message: `the journal is of a saga named ${name}, which this version of homelab does not have`,
        remedy: 'Use the homelab that began it, or remove the lab with: homelab destroy',
      });
  }
}
