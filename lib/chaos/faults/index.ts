/** Every kind of fault that can be injected. What is named in fault-kinds.ts and is not here is refused beforehand. */
import { BugError } from '../../base/errors.js';
import type { FaultName } from '../fault-kinds.js';
import { expireCertificate } from './certificate.js';
import { clockSkew } from './clock.js';
import type { Fault } from './fault.js';
import { fillDisk, killProcess, loseEtcdData, removeManifest, stopUnit } from './machine.js';
import { partition, registryUnreachable, shaped } from './network.js';
import { cordon, drain } from './node.js';
import { cut, halt, link, pause, reboot, slowDisk } from './power.js';

const KINDS: Readonly<Partial<Record<FaultName, Fault>>> = {
  ...{ halt, cut, reboot, pause, link, partition, drain, cordon, loss: shaped, delay: shaped },
  'clock-skew': clockSkew,
  'expire-certificate': expireCertificate,
  'fill-disk': fillDisk,
  'slow-disk': slowDisk,
  'stop-unit': stopUnit,
  'remove-manifest': removeManifest,
  'kill-process': killProcess,
  'lose-etcd-data': loseEtcdData,
  'registry-unreachable': registryUnreachable,
};

export function faultOf(kind: FaultName): Fault {
  const found = KINDS[kind];
  if (found === undefined) throw new BugError(`the fault ${kind} was not refused beforehand`);
  return found;
}
