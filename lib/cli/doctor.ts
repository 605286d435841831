/** What `homelab doctor` makes of what it found: facts in, findings out. commands/doctor.ts gathers the facts. */
import { satisfies } from 'semver';
import type { ProviderName } from '../model/lab.js';
import { amiss, fine, type HostFinding } from '../provider/libvirt/host-finding.js';

/** The JSON document of `homelab doctor -o json`. */
export interface DoctorDocument {
  readonly provider: ProviderName;
  readonly findings: readonly HostFinding[];
  /** True when no finding is an error. */
  readonly ok: boolean;
}

/** As `engines` in package.json. */
export const NODE_RANGE = '>=20.19';
/** `up` of a k8s-ha lab takes about 90 MiB with Node itself; replaying a lab with a long past takes more. */
const SIM_MEMORY_MIB = 256;

export function checkNode(version: string): HostFinding {
  const details = { expected: NODE_RANGE, found: version };
  if (satisfies(version, NODE_RANGE)) return fine('node', `Node ${version}`, details);
  return amiss('node', 'error', `Node ${version} is too old`, 'Install Node 20.19 or later.', details);
}

export function checkFolder(folder: string, writable: boolean): HostFinding {
  const details = { expected: 'a folder that you may write to', found: folder };
  if (writable) return fine('folder', `labs are kept in ${folder}`, details);
  const remedy = `Give yourself the right to write to ${folder}, or go to another folder.`;
  return amiss('folder', 'error', `labs cannot be kept in ${folder}`, remedy, details);
}

export function checkSimMemory(availableMiB: number): HostFinding {
  const message = `${availableMiB} MiB of memory are free for homelab itself`;
  const details = { expected: `at least ${SIM_MEMORY_MIB} MiB`, found: `${availableMiB} MiB` };
  if (availableMiB >= SIM_MEMORY_MIB) return fine('memory', message, details);
  const remedy = 'Close something, or give this container more memory.';
  return amiss('memory', 'warning', message, remedy, details);
}

export function doctorDocument(provider: ProviderName, findings: readonly HostFinding[]): DoctorDocument {
  return { provider, findings, ok: findings.every(({ severity }) => severity !== 'error') };
}
