/** The command line's hold on this computer's files; the only place in it that touches them. */
import {
  accessSync,
  chmodSync,
  constants,
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf, UserError } from '../base/errors.js';

export function fileExists(path: string): boolean {
  return existsSync(path);
}

/** In bytes; 0 when it is not there. */
export function fileSize(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Another one after every change of the file; empty when it is not there. */
export function fileStamp(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.size}.${found.mtimeMs}`;
}

/** Was `path` written when `other` was, or after it? False when one of them is not there. */
export function isAsNew(path: string, other: string): boolean {
  const [one, two] = [path, other].map((each) => statSync(each, { throwIfNoEntry: false })?.mtimeMs);
  return one !== undefined && two !== undefined && one >= two;
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
export function writeWhole(path: string, content: string | Uint8Array, mode = 0o644): void {
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

export interface FolderEntry {
  /** Relative to the folder, with forward slashes. */
  readonly path: string;
  /** `other` for links, sockets and the like, which are not followed. */
  readonly kind: 'file' | 'other';
}

/** Everything in a folder and the folders below it, by path; the folders themselves are left out. */
export function entriesBelow(folder: string): readonly FolderEntry[] {
  const below = (path: string): readonly FolderEntry[] =>
    readdirSync(join(folder, path), { withFileTypes: true }).flatMap((entry) => {
      const inner = path === '' ? entry.name : `${path}/${entry.name}`;
      return entry.isDirectory() ? below(inner) : [{ path: inner, kind: entry.isFile() ? 'file' : 'other' }];
    });
  try {
    return [...below('')].sort((a, b) => (a.path < b.path ? -1 : 1));
  } catch (error) {
    throw unreadable(folder, error);
  }
}

/** The content of a file in pieces, for files of any size. Throws a `UserError` when it cannot be read. */
export async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1_048_576 })) yield chunk as Uint8Array;
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Throws a `UserError` when the file cannot be read. */
export function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Writes what comes to the end of a file, or to a new one. What has come before a failure stays, for a later try. */
export async function writeChunks(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  how: 'append' | 'anew',
): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const file = await open(path, how === 'append' ? 'a' : 'w');
  try {
    for await (const chunk of chunks) await file.writeFile(chunk);
    await file.sync();
  } finally {
    await file.close();
  }
}

export function makeFolder(path: string, mode = 0o777): void {
  mkdirSync(path, { recursive: true, mode });
}

/** Gives a finished file its name. False when it is not there, its folder perhaps removed meanwhile. */
export function nameFile(from: string, to: string, mode: number): boolean {
  if (!existsSync(from)) return false;
  chmodSync(from, mode);
  renameSync(from, to);
  return true;
}

export function moveFile(from: string, to: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true });
  chmodSync(from, mode);
  renameSync(from, to);
}

function unreadable(path: string, error: unknown): UserError {
  return new UserError({
    code: 'unreadable-file',
    message: `cannot read ${path}: ${messageOf(error)}`,
    remedy: 'Give yourself the right to read it, or name another one.',
    cause: error,
  });
}

export function removeFile(path: string): void {
  rmSync(path, { force: true });
}

/** A folder with all that is in it. A still that is just being written into it would be in the way of one try. */
export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
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
