/** One thing that was looked at on this computer, and how findings are made and become problems. */
import type { Problem } from '../../base/errors.js';

/** Codes name what was looked at, whatever came of it. */
export interface HostFinding {
  readonly code: string;
  /** `error` stands in the way of `homelab up`; of a `warning` something will be missed; a `note` is good to know. */
  readonly severity: 'ok' | 'note' | 'warning' | 'error';
  readonly message: string;
  /** What to do; null when there is nothing to do. */
  readonly remedy: string | null;
  readonly expected: string | null;
  readonly found: string | null;
}

type Details = Partial<Pick<HostFinding, 'expected' | 'found'>>;

export function fine(code: string, message: string, details: Details = {}): HostFinding {
  return { code, severity: 'ok', message, remedy: null, expected: null, found: null, ...details };
}

export function amiss(
  code: string,
  severity: 'note' | 'warning' | 'error',
  message: string,
  remedy: string,
  details: Details = {},
): HostFinding {
  return { code, severity, message, remedy, expected: null, found: null, ...details };
}

/** What stands in the way, as a provider's `preflight` says it. */
export function problemsOf(findings: readonly HostFinding[]): readonly Problem[] {
  return findings.flatMap(({ severity, remedy, ...finding }) =>
    severity === 'error'
      ? [{ ...finding, severity, remedy: remedy ?? '', file: null, line: null, column: null }]
      : [],
  );
}
