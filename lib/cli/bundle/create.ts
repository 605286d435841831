/**
 * Fetches what the plan of a lab needs into a folder and lists it there. What is there already and right is kept, so
 * that an interrupted run is gone on with by typing the same again.
 */
import { join } from 'node:path';
import pLimit from 'p-limit';
import { UserError } from '../../base/errors.js';
import { contentProblems } from '../../bundle/check.js';
import { imageFileName, programDownloads, type ArchiveDownload } from '../../bundle/downloads.js';
import type { FileFacts, FolderFacts } from '../../bundle/facts.js';
import { bundleNeeds, COMMON_IMAGES } from '../../bundle/needs.js';
import { BUNDLE_FILE, type Architecture, type Bundle } from '../../model/bundle.js';
import { parseImage, printImage } from '../../model/image-reference.js';
import type { LabSpec } from '../../model/lab.js';
import { hostPrograms } from '../../provider/libvirt/host-program.js';
import { fileExists, removeFolder, writeWhole } from '../files.js';
import type { Session } from '../session.js';
import { renderAddons } from './charts.js';
import { stopWhenAborted } from './digest.js';
import { lookInto, WORK_FOLDER } from './folder.js';
import { openBundle } from './open.js';
import { Registry } from './registry.js';
import { unpack, wantedDigest } from './unpack.js';
import { Web } from './web.js';

/** Publishers and disks both get slower with more at once. */
const AT_ONCE = 3;
const EXECUTABLE = 0o755;

export interface CreateRequest {
  /** Absolute. */
  readonly folder: string;
  /** As a person calls it. */
  readonly shown: string;
  readonly lab: LabSpec;
  /** To upgrade to. */
  readonly versions: readonly string[];
  readonly architecture: Architecture;
  readonly mirrors: ReadonlyMap<string, string>;
  readonly archives: readonly ArchiveDownload[];
}

/** Something to fetch, by the name that progress shows; `run` says whether it was fetched or there already. */
interface Job {
  readonly name: string;
  readonly run: () => Promise<'fetched' | 'kept'>;
}

/** What every job is given. */
interface Making extends CreateRequest {
  readonly web: Web;
  readonly registry: Registry;
  readonly there: Present;
  readonly work: string;
}

/** Fetches; listing what came is the caller's next step. */
export async function fetchBundle(session: Session, request: CreateRequest): Promise<void> {
  const { io } = session;
  const { folder, mirrors } = request;
  const there = await present(session, request);
  const web = new Web({
    ...{ mirrors, io },
    note: (line) => {
      session.note(line);
    },
  });
  const making = { ...request, web, there, registry: new Registry(web), work: join(folder, WORK_FOLDER) };
  try {
    const tools = { ...{ web, run: hostPrograms(io.env), signal: io.signal }, work: making.work };
    const addons = await renderAddons(tools, request.lab);
    for (const [path, text] of addons.manifests) writeWhole(join(folder, path), text);
    await work(session, [
      ...programJobs(making),
      ...archiveJobs(making),
      ...imageJobs(making, addons.images),
    ]);
    removeFolder(making.work);
  } finally {
    await web.close();
  }
}

/** Runs the jobs, some at a time. After a failure nothing more is begun, and what runs comes to its end. */
async function work(session: Session, jobs: readonly Job[]): Promise<void> {
  const limit = pLimit(AT_ONCE);
  let failure: unknown = null;
  let ended = 0;
  const one = async (job: Job): Promise<void> => {
    if (failure !== null) return;
    try {
      stopWhenAborted(session.io.signal);
      const how = await job.run();
      ended += 1;
      session.note(`${how.padEnd(7)} ${ended}/${jobs.length}  ${job.name}`);
    } catch (error) {
      failure ??= error;
    }
  };
  await Promise.all(jobs.map((job) => limit(() => one(job))));
  if (failure !== null) throw failure as Error;
}

function programJobs({ web, folder, there, lab, versions, architecture, work }: Making): readonly Job[] {
  const all = bundleNeeds(lab, versions).versions;
  return programDownloads(all, architecture).map(({ url, checksum, path }) => ({
    name: path,
    run: async () => {
      const sha256 = await wantedDigest(web, url, checksum);
      if (there.file(path)?.sha256 === sha256) return 'kept';
      const part = join(work, `${path.replaceAll('/', '_')}.part`);
      await web.download(url, join(folder, path), { sha256, mode: EXECUTABLE, part });
      return 'fetched';
    },
  }));
}

function archiveJobs({ web, folder, there, archives, work }: Making): readonly Job[] {
  return archives.map((download) => ({
    name: download.members.map(({ path }) => path).join(', '),
    run: async () => {
      // Only the list knows what a member of an archive must be.
      if (download.members.every(({ path }) => there.isVouched(path))) return 'kept';
      await unpack(web, download, folder, work);
      return 'fetched';
    },
  }));
}

function imageJobs(making: Making, ofAddons: readonly string[]): readonly Job[] {
  const { lab, versions, there, registry, folder, architecture, work } = making;
  const needed = [
    ...bundleNeeds(lab, versions).images,
    ...ofAddons.map((image) => ({ image, folder: COMMON_IMAGES })),
  ];
  return needed.map(({ image, folder: below }) => {
    const name = shortName(image);
    const path = `${below}/${imageFileName(name)}`;
    return {
      name: image,
      run: async () => {
        if (there.hasImage(name, below)) return 'kept';
        await registry.save(image, architecture, join(folder, path), join(work, imageFileName(name)));
        return 'fetched';
      },
    };
  });
}

/** As an imported image is called: without a digest when there is a tag. */
function shortName(image: string): string {
  const parsed = parseImage(image);
  return parsed === null ? image : printImage(parsed);
}

/** What is in the folder already and may stay. */
interface Present {
  file(path: string): FileFacts | undefined;
  /** Is it listed, and what the list says? */
  isVouched(path: string): boolean;
  hasImage(name: string, folder: string): boolean;
}

/** Files that the list contradicts, or that are damaged, do not count: they are fetched over. */
async function present(session: Session, request: CreateRequest): Promise<Present> {
  const { folder, shown, architecture } = request;
  const list = fileExists(join(folder, BUNDLE_FILE)) ? openBundle(folder, shown).bundle : null;
  if (list !== null && list.architecture !== architecture) throw otherArchitecture(shown, list, architecture);
  const look = { signal: session.io.signal, deep: true };
  const facts: FolderFacts = fileExists(folder) ? await lookInto(folder, look) : { files: [], strange: [] };
  const digests = new Map((list?.files ?? []).map(({ path, sha256 }) => [path, sha256]));
  const sound = facts.files.filter((file) => {
    const listed = digests.get(file.path);
    const good =
      (listed === undefined || listed === file.sha256) &&
      contentProblems({ architecture }, file).every(({ severity }) => severity !== 'error');
    if (!good) session.note(`not right, and fetched anew where the plan needs it: ${join(shown, file.path)}`);
    return good;
  });
  return {
    file: (path) => sound.find((file) => file.path === path),
    isVouched: (path) => digests.has(path) && sound.some((file) => file.path === path),
    hasImage: (name, below) =>
      sound.some(
        ({ path, archive }) =>
          (path.startsWith(`${below}/`) || path.startsWith(`${COMMON_IMAGES}/`)) &&
          archive?.images.some((image) => image.name === name) === true,
      ),
  };
}

function otherArchitecture(shown: string, list: Bundle, architecture: Architecture): UserError {
  return new UserError({
    code: 'bundle-architecture',
    message: `${shown} is a bundle for ${list.architecture}, not for ${architecture}`,
    remedy: `Name another folder, or say: --architecture ${list.architecture}`,
  });
}
