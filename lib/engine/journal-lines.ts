/**
 * Records as lines of JSON, and back. Pure, so that a torn journal can be tested without a disk; the file itself
 * is owned by engine/journal-file.ts.
 */
import { UserError, messageOf } from '../base/errors.js';

/** Narrows what a line held, or says what is wrong with it. */
export type CheckEntry<Entry> = (value: unknown) => { record: Entry } | { wrong: string };

export interface DecodedLines<Entry> {
  readonly records: readonly Entry[];
  /** Bytes that hold whole records; what comes after them is a torn tail, or nothing. */
  readonly goodBytes: number;
}

export function encodeLines(records: readonly unknown[]): Uint8Array {
  return new TextEncoder().encode(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

/**
 * Drops a last line that a dying process or a power failure left unfinished: one without its line feed, or one
 * that is not JSON. The same damage before the last line cannot come from that, and is a `UserError` with code
 * `journal-damaged` that names file and line, as is a whole line that is no record of this version.
 */
export function decodeLines<Entry>(
  bytes: Uint8Array,
  file: string,
  check: CheckEntry<Entry>,
): DecodedLines<Entry> {
  const records: Entry[] = [];
  let start = 0;
  for (let line = 1; start < bytes.length; line += 1) {
    const end = bytes.indexOf(0x0a, start);
    if (end === -1) break;
    const parsed = parse(bytes.subarray(start, end));
    if ('wrong' in parsed && end === bytes.length - 1) break;
    const checked = 'wrong' in parsed ? parsed : check(parsed.value);
    if ('wrong' in checked) throw damaged(file, line, checked.wrong);
    records.push(checked.record);
    start = end + 1;
  }
  return { records, goodBytes: start };
}

function parse(line: Uint8Array): { value: unknown } | { wrong: string } {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line)) as unknown };
  } catch (error) {
    return { wrong: messageOf(error) };
  }
}

function damaged(file: string, line: number, wrong: string): UserError {
  return new UserError({
    code: 'journal-damaged',
    message: `${file}:${line}: this line of the journal cannot be used: ${wrong}`,
    remedy: 'Restore the file from a copy, or run `homelab destroy`, which does not need it.',
  });
}
