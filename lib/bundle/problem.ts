/** Problems with files of a bundle, in the shape of all problems. */
import type { Problem } from '../base/errors.js';

export interface Told {
  readonly code: string;
  /** Default `error`. */
  readonly severity?: Problem['severity'];
  readonly message: string;
  readonly remedy: string;
  readonly expected?: string;
  readonly found?: string;
}

/** `file` is the path in the bundle; whoever shows it puts the folder before it. */
export function problem(file: string, told: Told): Problem {
  const { code, severity = 'error', message, remedy, expected = null, found = null } = told;
  return { code, severity, message, remedy, file, line: null, column: null, expected, found };
}
