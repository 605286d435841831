/** The command line's hold on this computer's files; the only place in it that touches them. */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, UserError } from '../base/errors.js';

export function fileExists(path: string): boolean {
  return existsSync(path);
}

/** In bytes; 0 when it is not there. */
export function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Throws a `UserError` when the file cannot be read. */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError({
      code: 'unreadable-file',
      message: `cannot read ${path}: ${messageOf(error)}`,
      remedy: 'Name a text file that you may read.',
    });
  }
}

/** Written beside and renamed, so that the file is there whole or not at all. Makes its folder. */
export function writeWhole(path: string, content: string, mode = 0o644): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, content, { mode, flush: true });
    renameSync(`${path}.new`, path);
  } catch (error) {
    throw new UserError({
      code: 'unwritable-file',
      message: `cannot write ${path}: ${messageOf(error)}`,
      remedy: 'Make room on the disk, or choose a place that you may write to.',
      cause: error,
    });
  }
}

/** Names in a folder, sorted; empty when there is no such folder. Throws a `UserError` when it cannot be read. */
export function namesIn(folder: string): readonly string[] {
  try {
    return existsSync(folder) ? readdirSync(folder).sort() : [];
  } catch (error) {
    throw new UserError({
      code: 'unreadable-folder',
      message: `cannot read the folder ${folder}: ${messageOf(error)}`,
      remedy: 'Put what is in its way elsewhere, or choose a place that you may read.',
      cause: error,
    });
  }
}

export function removeFile(path: string): void {
  rmSync(path, { force: true });
}

/** A folder with all that is in it. */
export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** May this process read and write it? False when it is not there. */
export function mayUse(path: string): boolean {
  return mayAccess(path, constants.R_OK | constants.W_OK);
}

/** May files be made in it? Of a folder that is not there its nearest one above is asked. */
export function mayWriteIn(folder: string): boolean {
  if (!existsSync(folder) && dirname(folder) !== folder) return mayWriteIn(dirname(folder));
  return mayAccess(folder, constants.W_OK | constants.X_OK);
}

function mayAccess(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false; // The answer to the question, whatever the reason.
  }
}
