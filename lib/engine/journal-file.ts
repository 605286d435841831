/**
 * Journals on disk: JSON Lines, appended with `writeSync` and `fdatasyncSync`, in numbered files. One process
 * writes at a time, which engine/lock-file.ts sees to. Nothing here knows what a record means.
 */
import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError, messageOf } from '../base/errors.js';
import type { Journal } from './journal.js';
import { decodeLines, encodeLines, type CheckEntry } from './journal-lines.js';
import { checkRecord, plannedOf, type SagaRecord } from './records.js';
import { isOpen } from './result.js';

/** A journal open for appending. `close` lets go of the file; every record is durable long before. */
export class FileJournal<Entry> implements Journal<Entry> {
  readonly path: string;
  readonly #file: number;
  readonly #records: Entry[];
  /** Where the next record goes; anything beyond it is a torn tail. */
  #end: number;
  #failed = false;

  private constructor(path: string, file: number, records: readonly Entry[], end: number) {
    this.path = path;
    this.#file = file;
    this.#records = [...records];
    this.#end = end;
  }

  /** A new and empty journal. The folder is synced too, or a power failure could take the whole file. */
  static create<Entry>(path: string): FileJournal<Entry> {
    const file = openSync(path, 'wx+', 0o600);
    syncFolder(dirname(path));
    return new FileJournal<Entry>(path, file, [], 0);
  }

  /** Throws a `UserError` when an earlier line is damaged. A torn last line is cut off by the next append. */
  static open<Entry>(path: string, check: CheckEntry<Entry>): FileJournal<Entry> {
    const { records, goodBytes } = decodeLines(readFileSync(path), path, check);
    return new FileJournal(path, openSync(path, 'r+'), records, goodBytes);
  }

  /** The records of a file, without opening it for writing; a torn last line is left out. */
  static read<Entry>(path: string, check: CheckEntry<Entry>): readonly Entry[] {
    return decodeLines(readFileSync(path), path, check).records;
  }

  read(): readonly Entry[] {
    return [...this.#records];
  }

  /**
   * One write and one sync for all of `records`. Throws a `UserError` with code `journal-not-written` when the
   * disk refuses; what it has then is not known, so this journal takes nothing more until it is opened anew.
   */
  append(records: readonly Entry[]): void {
    if (records.length === 0) return;
    const bytes = encodeLines(records);
    try {
      if (this.#failed) throw new Error('an earlier write failed');
      this.#failed = true;
      if (fstatSync(this.#file).size > this.#end) ftruncateSync(this.#file, this.#end);
      for (let done = 0; done < bytes.length;) {
        done += writeSync(this.#file, bytes, done, bytes.length - done, this.#end + done);
      }
      fdatasyncSync(this.#file);
      this.#failed = false;
    } catch (error) {
      throw new UserError({
        code: 'journal-not-written',
        message: `cannot write the journal ${this.path}: ${messageOf(error)}`,
        remedy: 'Make room on the disk or mend its permissions, then type `homelab resume`.',
        exitCode: 130,
        cause: error,
      });
    }
    this.#end += bytes.length;
    this.#records.push(...records);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** A saga's journal in a lab's journal folder: `<NNNN>-<saga>.jsonl`, numbered from 1 in the order of creation. */
export interface JournalEntry {
  readonly number: number;
  readonly saga: string;
  readonly path: string;
}

const NAME = /^(\d{4,})-([a-z0-9][a-z0-9-]*)\.jsonl$/;

/** In the order of creation; empty when there is no such folder. Other files are left alone. */
export function listJournals(folder: string): readonly JournalEntry[] {
  return namesIn(folder)
    .flatMap((name) => {
      const [, number, saga] = NAME.exec(name) ?? [];
      if (number === undefined || saga === undefined) return [];
      return [{ number: Number(number), saga, path: join(folder, name) }];
    })
    .sort((a, b) => a.number - b.number);
}

/** The next number's journal, in a folder that is made when it is not there. */
export function createJournal(folder: string, saga: string): FileJournal<SagaRecord> {
  if (mkdirSync(folder, { recursive: true }) !== undefined) syncFolder(dirname(folder));
  const number = (listJournals(folder).at(-1)?.number ?? 0) + 1;
  return FileJournal.create<SagaRecord>(join(folder, `${String(number).padStart(4, '0')}-${saga}.jsonl`));
}

export function openJournal(path: string): FileJournal<SagaRecord> {
  return FileJournal.open(path, checkRecord);
}

/** Only looks: takes no lock, changes nothing, and leaves out a line that is being written at this moment. */
export function readJournal(path: string): readonly SagaRecord[] {
  return FileJournal.read(path, checkRecord);
}

/**
 * The journal that a resume or an abort goes on with, or null. Only the last one that holds anything can be open, or
 * the one that it names as its parent, which then looks after both; for no other saga begins while one is. Older ones
 * are not read, so damage in them stands in nobody's way.
 */
export function findOpenJournal(folder: string): JournalEntry | null {
  const entries = listJournals(folder);
  for (const entry of entries.toReversed()) {
    const records = readJournal(entry.path);
    if (records.length === 0) continue;
    const { parent } = plannedOf(records);
    const above = entries.find(({ number }) => number === parent);
    if (above !== undefined && isOpen(readJournal(above.path))) return above;
    return isOpen(records) ? entry : null;
  }
  return null;
}

/** The journal of the saga that the one of this number began; null while there is none. */
export function findChildJournal(folder: string, parent: number): JournalEntry | null {
  const later = listJournals(folder).filter(({ number }) => number > parent);
  return (
    later.find(({ path }) => {
      const records = readJournal(path);
      return records.length > 0 && plannedOf(records).parent === parent;
    }) ?? null
  );
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Makes names in a folder durable. Windows cannot open folders, and homelab does not run there. */
function syncFolder(folder: string): void {
  const file = openSync(folder, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
