/**
 * Words as one line of a POSIX shell: the one place that quotes. SSH can carry nothing but such a line, and a person
 * reads and copies the same one from messages.
 */
import { assert } from './errors.js';

/** Words that no shell changes. `=` is harmless but in the first word, where `a=b` would be an assignment. */
const PLAIN = /^[\w@%+=:,./-]+$/;

export function shellLine(argv: readonly string[]): string {
  return argv.map((word, index) => (isPlain(word, index) ? word : quoted(word))).join(' ');
}

function isPlain(word: string, index: number): boolean {
  // zsh replaces a word that begins with =.
  return PLAIN.test(word) && !word.startsWith('=') && !(index === 0 && word.includes('='));
}

function quoted(word: string): string {
  assert(!word.includes('\0'), 'a word of a command line holds a NUL');
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
