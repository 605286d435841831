/**
 * Stills: a simulated lab's world as it is once its log is played, kept as a V8 startup snapshot. A world cannot be
 * written down in another way, because its programs are suspended generators. A look at the lab then runs in a process
 * that begins with that world and plays nothing.
 *
 * The log stays the only truth. A still is named after the log, the homelab and the Node that it was taken with, and is
 * used only while the log is the one that it was taken of, byte by byte. Everywhere else the log is played.
 */
import { basename, dirname, join } from 'node:path';
import { must, UserError } from '../base/errors.js';
import type { SimProvider } from '../provider/sim/sim-provider.js';
import type { Action } from './app.js';
import { baseFolder } from './base-folder.js';
import {
  fileExists,
  fileSize,
  fileStamp,
  isAsNew,
  makeFolder,
  nameFile,
  namesIn,
  readText,
  removeFile,
  writeWhole,
} from './files.js';
import type { NodeProgram } from './io.js';
import { checkSimulated, findLab, LOCK, lockLab, mustFindLab, worldPath, type Lab } from './labs.js';
import { packagePath } from './package.js';
import type { Session } from './session.js';

/** What a process begins with that was started from a still. */
export interface PlayedWorld {
  /** What was played, as it is in the file. */
  readonly log: string;
  readonly provider: SimProvider;
}

/** The program in one file, which is all that a startup snapshot can be taken of. */
const WHOLE_PROGRAM = 'dist/homelab.cjs';

/** A command that only looks at a lab: a still answers where one fits, and otherwise one is taken for the next look. */
export function looking(action: Action): Action {
  return async (session) => {
    const { node, env } = session.io;
    const lab = mustFindLab(baseFolder(session), session.options.lab);
    const wanted = node !== null && env['HOMELAB_STILLS'] !== 'no' && lab.record.spec.provider === 'sim';
    if (!wanted || !isBundled()) return action(session);
    const path = await stillPath(node, lab);
    const code = fileSize(path) > 0 ? await node.show(path) : null;
    if (code !== null) return code;
    const played = await action(session);
    if (fileExists(path)) giveUp(path);
    else await node.leave(['sim', 'still', ...which(session, lab)]);
    return played;
  };
}

/** The document of `sim still`. */
export interface StillDocument {
  readonly lab: string;
  readonly path: string;
  readonly bytes: number;
}

/** Throws a `UserError` when this Node takes no still, and leaves word of it for the looks to come. */
export async function takeStill(session: Session): Promise<number> {
  const { io } = session;
  const lab = mustFindLab(baseFolder(session), session.options.lab);
  checkSimulated(lab, 'sim still');
  const node = must(io.node, 'a still is taken by a homelab that may start Node');
  const path = await stillPath(node, lab);
  const folder = dirname(path);
  makeFolder(folder, 0o700);
  // Several looks may leave a process behind each; one of them is enough.
  const lock = lockLab(io, { name: lab.name, folder });
  try {
    for (const old of namesIn(folder)) if (old !== LOCK) removeFile(join(folder, old));
    await build(node, path, lab);
  } finally {
    lock.release();
  }
  const document: StillDocument = { lab: lab.name, path, bytes: fileSize(path) };
  const size = (document.bytes / 1_048_576).toFixed(0);
  session.result(document, `the world of ${lab.name} is kept as it is now, ${size} MiB\n`);
  return 0;
}

async function build(node: NodeProgram, path: string, lab: Lab): Promise<void> {
  const unfinished = `${path}.new`;
  const code = await node.build(unfinished, packagePath(WHOLE_PROGRAM), lab.folder);
  if (code === 0 && nameFile(unfinished, path, 0o600)) return;
  giveUp(path);
  throw new UserError({
    code: 'still-not-taken',
    message: `no still of lab ${lab.name} was taken: its log cannot be played, or this Node takes none`,
    remedy: 'Look at it with: homelab status. When that answers, nothing is missing: looks play the log.',
  });
}

/** Plays the log of the lab in `folder`, in the process that a still is taken of. */
export async function playedWorld(folder: string): Promise<PlayedWorld> {
  const { openCopy, worldOf } = await import('./providers.js');
  const lab = must(findLab(join(folder, '../..'), basename(folder)), `there is no lab in ${folder}`);
  const log = readText(worldPath(lab));
  return { log, provider: openCopy(lab, worldOf(lab, 'sim still'), {}) };
}

/** In a checkout the program may have been compiled anew and not bundled; an installed package is of one piece. */
export function isBundled(): boolean {
  const whole = packagePath(WHOLE_PROGRAM);
  const isCheckout = fileExists(packagePath('tsconfig.json'));
  return isCheckout ? isAsNew(whole, packagePath('dist/lib/main.js')) : fileExists(whole);
}

/** Named after all that it depends on, so that an older one is not found. */
async function stillPath(node: NodeProgram, lab: Lab): Promise<string> {
  const stamps = [worldPath(lab), packagePath(WHOLE_PROGRAM)].map(fileStamp);
  return join(lab.folder, 'still', [await node.tag(), ...stamps].join('-'));
}

/** An empty one says that this Node takes none, or cannot begin with what it took, so that no look tries again. */
function giveUp(path: string): void {
  if (fileExists(dirname(path))) writeWhole(path, '', 0o600);
}

function which({ options }: Session, lab: Lab): readonly string[] {
  return [...(options.config === undefined ? [] : ['--config', options.config]), '--lab', lab.name];
}
