/**
 * Copies of etcd in the lab's folder: `snapshots/<name>.db`, and beside it `<name>.json`, which says what it is. They
 * hold every Secret of the cluster: only the owner may read them, and nothing of them is ever logged or recorded.
 */
import { sha256Hex } from '../base/digest.js';
import { StepError, type StepContext } from '../engine/saga.js';
import { HOMELAB_DIR } from '../generate/paths.js';
import type { LabSpec } from '../model/lab.js';
import { etcdctlArgv, etcdMembers } from './etcd.js';
import { workingControlPlane } from './kubectl.js';
import type { LabFolder } from './ports.js';
import { must } from './remote.js';
import { minutes, seconds } from './timing.js';

export const SNAPSHOTS = 'snapshots';
const ON_MACHINE = `${HOMELAB_DIR}/etcd-snapshot.db`;

export interface SnapshotRecord {
  readonly version: 1;
  readonly name: string;
  /** Lab milliseconds. */
  readonly takenAtMs: number;
  /** The machine whose etcd member it was taken from. */
  readonly machine: string;
  /** Of Kubernetes, as the lab's record said then. */
  readonly kubernetesVersion: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Names of the members at that time. */
  readonly members: readonly string[];
}

/** The next free name, such as `0003-before-v1.32.0`. */
export function nextSnapshotName(folder: LabFolder, what: string): string {
  const used = folder.list(SNAPSHOTS).map((name) => Number.parseInt(name, 10));
  const next = Math.max(0, ...used.filter((number) => Number.isSafeInteger(number))) + 1;
  return `${String(next).padStart(4, '0')}-${what}`;
}

/** Takes one from a control plane that runs, and compares what arrived with what was sent. */
export async function takeSnapshot(
  context: StepContext,
  lab: LabSpec,
  folder: LabFolder,
  name: string,
): Promise<SnapshotRecord> {
  const machine = await workingControlPlane(context, lab);
  if (machine === null) throw noEtcd();
  const short = { timeoutMs: seconds(lab, 60) };
  const members = await etcdMembers(context, lab, machine);
  await must(context, machine, ['mkdir', '-p', HOMELAB_DIR], short);
  await must(context, machine, ['rm', '-f', ON_MACHINE], short);
  await must(context, machine, etcdctlArgv('snapshot', 'save', ON_MACHINE), { timeoutMs: minutes(lab, 5) });
  const sum = await must(context, machine, ['sha256sum', ON_MACHINE], { timeoutMs: minutes(lab, 2) });
  const content = await context.shell(machine).readFile(ON_MACHINE, { timeoutMs: minutes(lab, 5) });
  await must(context, machine, ['rm', '-f', ON_MACHINE], short);
  const sha256 = content === null ? '' : sha256Hex(content);
  if (content === null || content.length === 0 || sum.split(/\s/)[0] !== sha256) throw damaged(machine);
  const record: SnapshotRecord = {
    version: 1,
    name,
    takenAtMs: context.clock.nowMs(),
    machine,
    kubernetesVersion: lab.kubernetes.version,
    bytes: content.length,
    sha256,
    members: (members ?? []).map((member) => member.name),
  };
  folder.write(`${SNAPSHOTS}/${name}.db`, content, 0o600);
  folder.write(`${SNAPSHOTS}/${name}.json`, `${JSON.stringify(record, null, 2)}\n`, 0o600);
  return record;
}

/** Null unless both files are there and belong together. */
export function readSnapshot(folder: LabFolder, name: string): SnapshotRecord | null {
  const text = folder.read(`${SNAPSHOTS}/${name}.json`);
  const content = text === null ? null : folder.readBytes(`${SNAPSHOTS}/${name}.db`);
  if (text === null || content === null) return null;
  const record = JSON.parse(text) as SnapshotRecord;
  return record.sha256 === sha256Hex(content) ? record : null;
}

/** Names of all copies, oldest first. */
export function snapshotNames(folder: LabFolder): readonly string[] {
  const files = folder.list(SNAPSHOTS).filter((file) => file.endsWith('.db'));
  return files.map((file) => file.slice(0, -'.db'.length));
}

export function removeSnapshot(folder: LabFolder, name: string): void {
  folder.remove(`${SNAPSHOTS}/${name}.json`);
  folder.remove(`${SNAPSHOTS}/${name}.db`);
}

/** What a snapshot that was cut short leaves on the machine. */
export async function tidyMachines(context: StepContext, lab: LabSpec): Promise<void> {
  const machine = await workingControlPlane(context, lab);
  if (machine !== null)
    await must(context, machine, ['rm', '-f', ON_MACHINE], { timeoutMs: seconds(lab, 60) });
}

function noEtcd(): StepError {
  return new StepError({
    code: 'no-etcd',
    message: 'no control plane runs, so there is no etcd to copy',
    remedy: 'Start one with: homelab machine start NAME',
    retryable: true,
  });
}

function damaged(machine: string): StepError {
  return new StepError({
    code: 'snapshot-damaged',
    message: `the copy of etcd did not arrive from ${machine} as it was sent`,
    remedy: 'Try it again.',
    retryable: true,
  });
}
