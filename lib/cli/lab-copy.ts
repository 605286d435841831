/**
 * A copy of a simulated lab under another name: as it was at a moment, as if homelab had been killed then, or from
 * the beginning with another seed. What it was made from is only read, and its machines keep their names.
 */
import { basename, join } from 'node:path';
import { printMoment } from '../base/duration.js';
import { must, UserError } from '../base/errors.js';
import { resolve } from '../config/resolve.js';
import { listJournals, readJournal } from '../engine/journal-file.js';
import { encodeLines } from '../engine/journal-lines.js';
import type { SagaRecord } from '../engine/records.js';
import { greatestTime, headerOf, type WorldRecord } from '../provider/sim/world-log.js';
import { worldAnew, worldAt } from '../provider/sim/world-copy.js';
import { KUBECONFIG, KUBECONFIG_STEP } from '../sagas/bootstrap/kubeconfig.js';
import { ConfigurationError } from './configuration.js';
import { fileExists, writeWhole } from './files.js';
import { createLabIn, journalFolder, labFolder, labFolderOf, worldPath, type Lab } from './labs.js';
import { worldOf } from './providers.js';

/** Journals, world and kubeconfig as they were at `atMs`, in the state folder of `base`. */
export function copyAt(lab: Lab, atMs: number, base: string, name: string, command: string): Lab {
  const world = worldOf(lab, command);
  checkMoment(lab, world, atMs);
  const copy = createLabIn(base, name, lab.record);
  writeWhole(worldPath(copy), text(worldAt(world, atMs)), 0o600);
  let hasKubeconfig = false;
  for (const { path } of listJournals(journalFolder(lab))) {
    const records = readJournal(path).filter((record) => record.atMs <= atMs);
    if (records.length === 0) continue;
    writeWhole(join(journalFolder(copy), basename(path)), text(records), 0o600);
    hasKubeconfig = wroteKubeconfig(records, hasKubeconfig);
  }
  const kubeconfig = labFolder(lab).read(KUBECONFIG);
  if (hasKubeconfig && kubeconfig !== null) labFolder(copy).write(KUBECONFIG, kubeconfig, 0o600);
  return copy;
}

/** The same lab and planned faults with another seed; nothing has happened in it yet. */
export function copyAnew(lab: Lab, seed: number, base: string, name: string, command: string): Lab {
  const world = worldOf(lab, command);
  const header = must(headerOf(world), 'the world of a lab begins with its header');
  const copy = createLabIn(base, name, { ...lab.record, seed });
  writeWhole(worldPath(copy), text(worldAnew(header, world, seed)), 0o600);
  return copy;
}

/** Throws when the name is none, or is taken. */
export function checkNewName(base: string, name: string): void {
  const { problems } = resolve({ text: null, file: null, overrides: { lab: name } });
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new ConfigurationError(errors);
  if (!fileExists(labFolderOf(base, name))) return;
  throw new UserError({
    code: 'lab-exists',
    message: `there is a lab ${name} already`,
    remedy: `Give the copy another name, or remove that one with: homelab destroy --lab ${name}`,
  });
}

/** Lab time of a simulated lab now. */
export function labTimeOf(lab: Lab, command: string): number {
  return greatestTime(worldOf(lab, command));
}

function checkMoment(lab: Lab, world: readonly WorldRecord[], atMs: number): void {
  const nowMs = greatestTime(world);
  if (atMs <= nowMs) return;
  throw new UserError({
    code: 'not-yet',
    message: `lab ${lab.name} has come to ${printMoment(nowMs)}, not yet to ${printMoment(atMs)}`,
    remedy: 'Name an earlier lab time, or let time pass with: homelab wait TIME',
  });
}

/** Did the step that writes the kubeconfig end well, and was it not undone? */
function wroteKubeconfig(records: readonly SagaRecord[], before: boolean): boolean {
  return records.reduce((has, record) => {
    if (!('step' in record) || record.step !== KUBECONFIG_STEP) return has;
    return record.type === 'step.done' || (has && record.type !== 'undo.done');
  }, before);
}

function text(records: readonly unknown[]): string {
  return new TextDecoder().decode(encodeLines(records));
}
