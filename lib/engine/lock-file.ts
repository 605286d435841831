/**
 * One process at a time works on a lab. Each one announces itself with a file of its own, then looks whether
 * another living one is there. So no stale lock has to be stolen, which cannot be done without a race: a dead
 * holder's file has a name that no living process can have, and is removed by whoever sees it. When two
 * processes announce themselves at the same moment both may be refused, never neither.
 *
 * Holds among the processes of one host and one process namespace; a lab's folder shared over a network or
 * between containers is not protected. Where there is no `/proc`, a recycled pid is taken for the holder.
 */
import { mkdirSync, openSync, closeSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../base/errors.js';

export interface LockOptions {
  /** Such as `.homelab/stage/lock`; made when it is not there. */
  readonly folder: string;
  readonly lab: string;
  /** The process that will hold the lock. */
  readonly pid: number;
  /** Asked where there is no `/proc`: is there a process with this pid? */
  readonly isAlive: (pid: number) => boolean;
  /** Where to look for processes; the system's own unless told otherwise. */
  readonly proc?: string;
}

export interface Lock {
  /** Idempotent. */
  release(): void;
}

const NAME = /^(\d+)-([0-9a-z.]+)$/;
/** The start token where the system does not tell when a process started. */
const UNKNOWN = 'unknown';

/** Throws a `UserError` with code `lab-locked` that names the holder's pid. */
export function acquireLock(options: LockOptions): Lock {
  const { folder, lab, pid } = options;
  mkdirSync(folder, { recursive: true });
  const own = `${pid}-${startToken(options, pid) ?? UNKNOWN}`;
  const path = join(folder, own);
  if (!announce(path)) throw locked(lab, pid);
  const other = otherHolder(options, own);
  if (other !== null) {
    rmSync(path, { force: true });
    throw locked(lab, other);
  }
  return {
    release() {
      rmSync(path, { force: true });
    },
  };
}

/** False when this very process holds the lock already. */
function announce(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

/** The pid of a living holder beside `own`, or null. Removes what dead ones left. */
function otherHolder(options: LockOptions, own: string): number | null {
  for (const name of readdirSync(options.folder)) {
    const [, pid, token] = NAME.exec(name) ?? [];
    if (name === own || pid === undefined || token === undefined) continue;
    if (isHolder(options, Number(pid), token)) return Number(pid);
    rmSync(join(options.folder, name), { force: true });
  }
  return null;
}

/** A recycled pid belongs to a process that started at another moment, or after another boot. */
function isHolder(options: LockOptions, pid: number, token: string): boolean {
  if (token === UNKNOWN) return options.isAlive(pid);
  return startToken(options, pid) === token;
}

/**
 * When the process started: the boot's id and field 22 of `/proc/<pid>/stat`, in clock ticks since that boot.
 * Null when there is no such process, when it is a zombie, which holds nothing any more, or no `/proc`.
 */
function startToken({ proc = '/proc' }: LockOptions, pid: number): string | null {
  const boot = readOrNull(join(proc, 'sys/kernel/random/boot_id'));
  const stat = readOrNull(join(proc, String(pid), 'stat'));
  if (boot === null || stat === null) return null;
  // The second field is the program's name in parentheses and may hold anything, so fields count from the last.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields[0], fields[19]];
  if (state === undefined || started === undefined || 'ZXx'.includes(state)) return null;
  return `${boot.slice(0, 8)}.${started}`;
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return null;
    throw error;
  }
}

function locked(lab: string, pid: number): UserError {
  return new UserError({
    code: 'lab-locked',
    message: `lab ${lab} is in use by another homelab, process ${pid}`,
    remedy: `Wait until it is done, or stop it with \`kill ${pid}\` and go on with \`homelab resume\`.`,
  });
}
