/** `homelab bundle create|verify|index`: a folder with everything that a lab needs without a network. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { arch } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import { UserError, type Problem } from '../../base/errors.js';
import { contentProblems } from '../../bundle/check.js';
import { writeBundle } from '../../bundle/document.js';
import { listOf } from '../../bundle/listing.js';
import { archiveDownloads } from '../../bundle/downloads.js';
import type { FolderFacts } from '../../bundle/facts.js';
import { bundleNeeds } from '../../bundle/needs.js';
import { checkNeeds, imagesOf } from '../../bundle/plan-check.js';
import { parseVersionRequest, pickVersion, printVersion, releaseOf } from '../../model/version.js';
import { ARCHITECTURES, BUNDLE_FILE, type Architecture, type Bundle } from '../../model/bundle.js';
import type { Perform } from '../app.js';
import { lookInto } from '../bundle/folder.js';
import { openBundle, placed, sizeText, verifyBundle } from '../bundle/open.js';
import { configured, readConfiguration, resolveLab } from '../configuration.js';
import { fileExists, writeWhole } from '../files.js';
import { examples, speaking } from '../options.js';
import type { Session } from '../session.js';

const EXIT_REFUSED = 2;

/** The JSON document of `bundle verify` and `bundle index`. */
export interface BundleDocument {
  /** The folder as it was named. */
  readonly folder: string;
  readonly architecture: Architecture;
  readonly kubernetes: readonly string[];
  readonly files: readonly Bundle['files'][number][];
  /** Names of the images that its archives bring. */
  readonly images: readonly string[];
  readonly problems: readonly Problem[];
  /** True when no problem is an error. */
  readonly ok: boolean;
}

export function define(command: Command, perform: Perform): void {
  const verifying = 'check every digest, and that the plan of a lab finds all it needs';
  const verify = configured(command.command('verify <dir>').summary(verifying).description(verifying));
  upgrading(verify).action((dir: string) => perform(verify, (session) => verifyFolder(session, dir)));
  examples(verify, [
    ['homelab bundle verify ./bundle', 'for the lab of config-homelab.yaml'],
    ['homelab bundle verify ./bundle --cni bridge --csi none --ingress none', 'for a lab of flags'],
    ['homelab bundle verify ./bundle --upgrade-to v1.32.0', 'and for its upgrade'],
  ]);
  const indexing = `write ${BUNDLE_FILE} for a folder that was filled by hand`;
  const index = speaking(command.command('index <dir>').summary(indexing).description(indexing))
    .addOption(
      new Option('--architecture <name>', 'processor, where no program in it tells').choices(ARCHITECTURES),
    )
    .action((dir: string) => perform(index, (session) => indexFolder(session, dir)));
  examples(index, [['homelab bundle index ./bundle', indexing]]);
  const creating = 'fetch what the plan of a lab needs, every digest checked';
  const create = configured(command.command('create <dir>').summary(creating).description(creating))
    .addOption(
      new Option('--architecture <name>', 'of the machines; default: as this computer').choices(
        ARCHITECTURES,
      ),
    )
    .option(
      '--mirror <host=address>',
      'where to ask instead of https://<host>, such as dl.k8s.io=http://mirror.lan/k8s (repeatable)',
      mirror,
    );
  upgrading(create).action((dir: string) => perform(create, (session) => createFolder(session, dir)));
  examples(create, [
    ['homelab bundle create ./bundle', 'for the lab of config-homelab.yaml'],
    ['homelab bundle create ./bundle --upgrade-to v1.32.0', 'and for its upgrade'],
  ]);
  examples(command, [
    ['homelab bundle create ./bundle', creating],
    ['homelab bundle index ./bundle', indexing],
    ['homelab bundle verify ./bundle', verifying],
    ['homelab up --bundle ./bundle', 'use only what is in it'],
  ]);
}

function upgrading(command: Command): Command {
  return command.option(
    '--upgrade-to <version>',
    'a further version of Kubernetes, to upgrade to (repeatable)',
    (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
  );
}

async function verifyFolder(session: Session, dir: string): Promise<number> {
  const lab = resolveLab(session, readConfiguration(session));
  const open = openBundle(resolvePath(session.io.cwd, dir), dir);
  const versions = upgradeVersions(session);
  const { facts, problems } = await verifyBundle(session, open, dir, lab, versions);
  const document = documentOf(dir, open.bundle, imagesOf(facts.files), problems);
  tell(session, document, `for lab ${lab.name}, ${[lab.kubernetes.version, ...versions].join(', ')}`);
  return document.ok ? 0 : EXIT_REFUSED;
}

type Mirrors = ReadonlyMap<string, string>;

function mirror(text: string, before: Mirrors | undefined): Mirrors {
  const [, host, address] = /^([^=/]+)=(https?:\/\/[^=]+)$/.exec(text) ?? [];
  if (host === undefined || address === undefined)
    throw new InvalidArgumentError('HOST=http(s)://… is expected.');
  return new Map([...(before ?? []), [host, address]]);
}

async function createFolder(session: Session, dir: string): Promise<number> {
  const { options, io } = session;
  const lab = resolveLab(session, readConfiguration(session));
  const folder = resolvePath(io.cwd, dir);
  const versions = upgradeVersions(session);
  const { fetchBundle } = await import('../bundle/create.js'); // The others need no HTTP.
  const architecture =
    (options['architecture'] as Architecture | undefined) ?? (arch() === 'arm64' ? 'arm64' : 'amd64');
  const mirrors = (options['mirror'] as Mirrors | undefined) ?? new Map<string, string>();
  const archives = archiveDownloads(lab, architecture);
  const where = { folder, shown: dir, mirrors, archives };
  await fetchBundle(session, { ...where, lab, versions, architecture });
  const { bundle, facts, problems } = await listFolder(session, folder, dir, architecture);
  const missing = checkNeeds(bundle, facts, bundleNeeds(lab, versions)).map((one) => placed(one, dir));
  const document = documentOf(dir, bundle, imagesOf(facts.files), [...problems, ...missing]);
  tell(session, document, `for lab ${lab.name}, ${[lab.kubernetes.version, ...versions].join(', ')}`);
  return document.ok ? 0 : EXIT_REFUSED;
}

async function indexFolder(session: Session, dir: string): Promise<number> {
  const folder = resolvePath(session.io.cwd, dir);
  if (!fileExists(folder)) {
    throw new UserError({
      code: 'no-bundle',
      message: `there is no folder ${dir}`,
      remedy: 'Make it as docs/bundles.md says, or fetch a bundle with: homelab bundle create DIR',
    });
  }
  const said = session.options['architecture'] as Architecture | undefined;
  const { bundle, facts, problems, ok } = await listFolder(session, folder, dir, said);
  const document = documentOf(dir, bundle, imagesOf(facts.files), problems);
  tell(session, document, `${join(dir, BUNDLE_FILE)} ${ok ? 'is written' : 'was not touched'}`);
  return ok ? 0 : EXIT_REFUSED;
}

interface Listed {
  readonly bundle: Bundle;
  readonly facts: FolderFacts;
  readonly problems: readonly Problem[];
  /** False when nothing was written: a list vouches for its files, and nobody should vouch for a damaged one. */
  readonly ok: boolean;
}

/** Writes `bundle.yaml` of what is in the folder. */
async function listFolder(
  session: Session,
  folder: string,
  dir: string,
  architecture: Architecture | undefined,
): Promise<Listed> {
  const facts = await lookInto(folder, { signal: session.io.signal, deep: true });
  const bundle = listOf(facts, architecture);
  if (bundle === null) {
    throw new UserError({
      code: 'bundle-architecture-unknown',
      message: `no program in ${dir} tells which processor it is for`,
      remedy: `Say it: --architecture ${ARCHITECTURES.join(' or --architecture ')}`,
    });
  }
  const problems = facts.files.flatMap((file) => contentProblems(bundle, file));
  const ok = problems.every(({ severity }) => severity !== 'error');
  if (ok) writeWhole(join(folder, BUNDLE_FILE), writeBundle(bundle));
  return { bundle, facts, problems: problems.map((one) => placed(one, dir)), ok };
}

function documentOf(
  folder: string,
  { architecture, kubernetes, files }: Bundle,
  images: readonly { readonly name: string }[],
  problems: readonly Problem[],
): BundleDocument {
  const ok = problems.every(({ severity }) => severity !== 'error');
  const names = [...new Set(images.map(({ name }) => name))];
  return { folder, architecture, kubernetes, files, images: names, problems, ok };
}

function tell(session: Session, document: BundleDocument, what: string): void {
  const { folder, architecture, kubernetes, files, images, problems, ok } = document;
  const size = sizeText({ bundle: { files } });
  const lines = [
    `${folder}: ${size}, ${architecture}, Kubernetes ${kubernetes.join(', ') || '(none)'}`,
    ...images.map((name) => `  ${name}`),
    `${ok ? 'Good' : 'Not good'}: ${what}.`,
  ];
  session.result(document, `${lines.join('\n')}\n`);
  for (const problem of problems) {
    if (problem.severity === 'error') session.complain(problem);
    else session.note(session.problemText(problem));
  }
}

function upgradeVersions(session: Session): readonly string[] {
  const texts = (session.options['upgradeTo'] ?? []) as readonly string[];
  return texts.map((text) => {
    const request = parseVersionRequest(text);
    const version = request === null || releaseOf(request.minor) === null ? null : pickVersion(request);
    if (version !== null) return printVersion(version);
    throw new UserError({
      code: 'unknown-version',
      message: `homelab knows no Kubernetes ${text}`,
      remedy: 'Write a version such as v1.32.0, or v1.32 for its newest known patch.',
    });
  });
}
