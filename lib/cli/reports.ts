/**
 * Reports on disk: `.homelab/<lab>/reports/NNNN-name.{json,xml,html}`. The JSON is what counts; JUnit XML and the page
 * are made from it. Other commands keep documents of other kinds beside them, under the same numbers.
 */
import { join } from 'node:path';
import { messageOf, UserError } from '../base/errors.js';
import { junitXml } from '../report/junit.js';
import { reportPage } from '../report/page.js';
import type { RunReport } from '../report/run-report.js';
import { namesIn, readText, writeWhole } from './files.js';
import type { Lab } from './labs.js';

export interface ReportFile {
  readonly number: number;
  /** Such as `0001-bootstrap`. */
  readonly id: string;
  /** Absolute path of the JSON. */
  readonly path: string;
}

/** A run that is gone on with keeps its report: the new one takes the place of the one before. */
export function writeReport(lab: Lab, report: RunReport): string {
  const id = idOf(lab, report);
  const path = (ending: string): string => join(reportFolder(lab), `${id}.${ending}`);
  // Texts of machines are in it, as in journals.
  writeWhole(path('xml'), junitXml(report), 0o600);
  writeWhole(path('html'), reportPage(report), 0o600);
  writeWhole(path('json'), `${JSON.stringify(report, null, 2)}\n`, 0o600);
  return path('html');
}

export function reportFolder(lab: Lab): string {
  return join(lab.folder, 'reports');
}

/** In order of their numbers. */
export function reportFiles(lab: Lab): readonly ReportFile[] {
  return namesIn(reportFolder(lab)).flatMap((name) => {
    const [, id, digits] = /^((\d{4,})-.+)\.json$/.exec(name) ?? [];
    if (id === undefined) return [];
    return [{ number: Number(digits), id, path: join(reportFolder(lab), name) }];
  });
}

/** The number that the next document in the folder gets, as it stands in names. */
export function nextReportNumber(lab: Lab): string {
  const last = Math.max(0, ...reportFiles(lab).map(({ number }) => number));
  return String(last + 1).padStart(4, '0');
}

/** Null for a document of another kind. Throws a `UserError` when it is none that this homelab can read. */
export function readReport({ path }: ReportFile): RunReport | null {
  const document = parsed(path);
  const { kind, apiVersion } = document;
  if (apiVersion !== 'homelab/v1') throw unreadable(path, `its apiVersion is ${String(apiVersion)}`);
  return kind === 'RunReport' ? (document as unknown as RunReport) : null;
}

function idOf(lab: Lab, { subject, operation }: RunReport): string {
  const own = reportFiles(lab).filter(({ id }) => id.replace(/^\d+-/, '') === subject.name);
  const before = operation === null ? undefined : own.find((file) => operationOf(file) === operation);
  return before?.id ?? `${nextReportNumber(lab)}-${subject.name}`;
}

/** A damaged report is nobody's: it stays, and the new one gets a number of its own. */
function operationOf(file: ReportFile): number | null {
  try {
    return readReport(file)?.operation ?? null;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

function parsed(path: string): Readonly<Record<string, unknown>> {
  const text = readText(path);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw unreadable(path, messageOf(error));
  }
  throw unreadable(path, 'it is not an object');
}

function unreadable(path: string, why: string): UserError {
  return new UserError({
    code: 'report-unreadable',
    message: `${path} is no report that this homelab can read: ${why}`,
    remedy: 'Use the homelab that wrote it, or remove the file.',
  });
}
