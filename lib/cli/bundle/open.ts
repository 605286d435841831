/** A bundle on this computer: opened by its list, verified as a whole, and read file by file, each digest checked. */
import { createHash } from 'node:crypto';
import { join, resolve as resolvePath } from 'node:path';
import { UserError, type Problem } from '../../base/errors.js';
import { checkFolder } from '../../bundle/check.js';
import { readBundle } from '../../bundle/document.js';
import type { FolderFacts } from '../../bundle/facts.js';
import { bundleNeeds } from '../../bundle/needs.js';
import { checkNeeds } from '../../bundle/plan-check.js';
import { BUNDLE_FILE, type Bundle, type OpenBundle } from '../../model/bundle.js';
import type { LabSpec } from '../../model/lab.js';
import type { BundlePort } from '../../sagas/ports.js';
import { fileExists, readBytes, readText } from '../files.js';
import type { Session } from '../session.js';
import { lookInto } from './folder.js';

/** Carries all that is wrong with a bundle. */
export class BundleError extends UserError {
  readonly problems: readonly Problem[];

  constructor(shown: string, problems: readonly Problem[]) {
    const count = problems.filter(({ severity }) => severity === 'error').length;
    super({
      code: 'bad-bundle',
      message: `the bundle ${shown} has ${count === 1 ? 'a problem' : `${count} problems`}; nothing was changed`,
      remedy: `Mend what is named above, and look again with: homelab bundle verify ${shown}`,
    });
    this.problems = problems;
  }
}

/** Reads `bundle.yaml` and nothing else. `shown` is how a person calls the folder. */
export function openBundle(folder: string, shown: string): OpenBundle {
  const path = join(folder, BUNDLE_FILE);
  if (!fileExists(path)) {
    throw new UserError({
      code: 'no-bundle',
      message: `there is no ${BUNDLE_FILE} in ${shown}`,
      remedy: `Name the folder of a bundle, or list what is in this one with: homelab bundle index ${shown}`,
    });
  }
  const { bundle, problems } = readBundle(join(shown, BUNDLE_FILE), readText(path));
  if (bundle === null) throw new BundleError(shown, problems);
  return { folder, bundle };
}

export interface Verification {
  readonly facts: FolderFacts;
  /** Of the folder first, then of the plan; each names its file. */
  readonly problems: readonly Problem[];
}

/** Reads every byte of the bundle. */
export async function verifyBundle(
  session: Session,
  { folder, bundle }: OpenBundle,
  shown: string,
  lab: LabSpec,
  versions: readonly string[] = [],
): Promise<Verification> {
  const facts = await lookInto(folder, {
    ...{ signal: session.io.signal, deep: false },
    onFile: (path) => {
      if (session.options.verbose === true) session.note(`reading ${join(shown, path)}`);
    },
  });
  const problems = [...checkFolder(bundle, facts), ...checkNeeds(bundle, facts, bundleNeeds(lab, versions))];
  return { facts, problems: problems.map((one) => placed(one, shown)) };
}

/** With the folder before the path of each file, as a person would type it. */
export function placed(problem: Problem, shown: string): Problem {
  return problem.file === null ? problem : { ...problem, file: join(shown, problem.file) };
}

/**
 * The bundle of a lab, from where its configuration is; null for a lab without one. Before an operation begins
 * everything in it is verified, so that a missing or altered file stops it with its name while nothing is touched.
 */
export async function verifiedLabBundle(
  session: Session,
  base: string,
  lab: LabSpec,
  versions: readonly string[] = [],
): Promise<VerifiedBundle | null> {
  const open = labBundle(base, lab);
  if (open === null || lab.bundle === null) return null;
  if (session.options.verbose === true) session.note(`checking the bundle ${lab.bundle}: ${sizeText(open)}`);
  const { facts, problems } = await verifyBundle(session, open, lab.bundle, lab, versions);
  if (problems.some(({ severity }) => severity === 'error')) throw new BundleError(lab.bundle, problems);
  for (const problem of problems) session.note(session.problemText(problem));
  return { bundle: open.bundle, facts };
}

export interface VerifiedBundle {
  readonly bundle: Bundle;
  readonly facts: FolderFacts;
}

/** The versions of Kubernetes that the lab's bundle brings; null for a lab without one. */
export function offeredVersions(base: string, lab: LabSpec): readonly string[] | null {
  return labBundle(base, lab)?.bundle.kubernetes ?? null;
}

/** Reads `bundle.yaml` only: for what happens after the whole was verified. */
export function labBundle(base: string, lab: LabSpec): OpenBundle | null {
  return lab.bundle === null ? null : openBundle(resolvePath(base, lab.bundle), lab.bundle);
}

/** What sagas read of the bundle. It is opened at the first question, and each file is checked as it is read. */
export function bundlePort(base: string, lab: LabSpec): BundlePort | null {
  const shown = lab.bundle;
  if (shown === null) return null;
  const open = (): OpenBundle => openBundle(resolvePath(base, shown), shown);
  return {
    files: () => open().bundle.files,
    read: (path) => {
      const { folder, bundle } = open();
      const listed = bundle.files.find((file) => file.path === path);
      if (listed === undefined) return null;
      const bytes = readBytes(join(folder, path));
      if (createHash('sha256').update(bytes).digest('hex') === listed.sha256) return bytes;
      throw new UserError({
        code: 'bundle-file-altered',
        message: `${join(shown, path)} was altered since the bundle was verified`,
        remedy: `Copy it again from where it came from, and look again with: homelab bundle verify ${shown}`,
      });
    },
  };
}

/** `12 files, 1.4 GiB`. */
export function sizeText({ bundle: { files } }: { readonly bundle: Pick<Bundle, 'files'> }): string {
  const mebibytes = files.reduce((sum, { size }) => sum + size, 0) / 1_048_576;
  const amount =
    mebibytes >= 1024 ? `${(mebibytes / 1024).toFixed(1)} GiB` : `${Math.ceil(mebibytes).toString()} MiB`;
  return `${files.length} files, ${amount}`;
}
