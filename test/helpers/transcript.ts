// What real programs printed, and how it is made comparable: what differs from run to run becomes a placeholder.
import { readFileSync } from 'node:fs';

export interface Transcript {
  readonly machine: string;
  readonly argv: readonly string[];
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The compiled tests run from another folder; fixtures stay where they are, below the working directory. */
export function transcript(name: string): Transcript {
  return JSON.parse(readFileSync(`test/fixtures/transcripts/${name}.json`, 'utf8')) as Transcript;
}

const PLACEHOLDERS: readonly [RegExp, string][] = [
  [/\b[0-9a-f]{64}\b|<64hex>/g, '<64hex>'],
  [/\b[a-z0-9]{6}\.[a-z0-9]{16}\b/g, '<token>'],
  [/(healthy after) [\dmsh.]+/g, '$1 <took>'],
  [/^W\d{4} [\d:.]+ +\d+ /gm, 'W<stamp> '],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<date>'],
  [/[A-Z][a-z]{2} \d\d, \d{4} \d\d:\d\d UTC/g, '<day>'],
  // The noise of a promotion that is tried again and again, line for line of the etcd library.
  [/^\{"level":"warn".*\n/gm, ''],
];

export function scrub(text: string): string {
  return PLACEHOLDERS.reduce(
    (scrubbed, [pattern, placeholder]) => scrubbed.replace(pattern, placeholder),
    text,
  );
}
