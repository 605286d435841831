/** What is to be known of a cluster, as a document and as text: each finding with why, what to do and where. */
import type { ClusterFinding, FindingSeverity } from '../sagas/facts/facts.js';

export interface LintDocument {
  readonly lab: string;
  /** Lab milliseconds at which it was looked at. */
  readonly nowMs: number;
  /** Of Kubernetes, as the lab's record says. */
  readonly version: string;
  /** Version that an upgrade would go to; null when the cluster was looked at as it is. */
  readonly to: string | null;
  readonly findings: readonly ClusterFinding[];
  /** What could not be read, and so was not judged. */
  readonly reasons: readonly string[];
  /** False with an error or a warning; notes are for knowing only. */
  readonly ok: boolean;
}

export function lintDocument(facts: Omit<LintDocument, 'ok'>): LintDocument {
  return { ...facts, ok: facts.findings.every(({ severity }) => severity === 'note') };
}

export type Paint = (severity: FindingSeverity, text: string) => string;

/** Ends with a line break. */
export function lintText(document: LintDocument, paint: Paint): string {
  const { findings, reasons, lab, version, to } = document;
  const of = to === null ? version : `${version}, on the way to ${to}`;
  const lines = [
    ...findings.flatMap(findingLines(paint)),
    ...reasons.map((reason) => `not judged: ${reason}`),
    `Lab ${lab} (${of}): ${counted(findings)}`,
  ];
  return `${lines.join('\n')}\n`;
}

function findingLines(paint: Paint): (finding: ClusterFinding) => readonly string[] {
  return ({ severity, code, message, explanation, remedy, reference }) => [
    `${paint(severity, severity)} ${code}: ${message}`,
    `  why   ${explanation}`,
    `  do    ${remedy}`,
    `  read  ${reference}`,
    '',
  ];
}

function counted(findings: readonly ClusterFinding[]): string {
  const counts = (['error', 'warning', 'note'] as const).flatMap((severity) => {
    const count = findings.filter((one) => one.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}${count === 1 ? '' : 's'}`];
  });
  return counts.length === 0 ? 'nothing to say' : counts.join(', ');
}
