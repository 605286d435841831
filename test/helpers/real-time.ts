/** The real program in a real folder, with real signals: the one place where tests wait on the real world. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packageRoot } from './package-root.js';

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Far longer than any command takes on a busy computer; whatever hangs is killed then, and its test fails. */
const LIMIT_MS = 120_000;
const LOOK_EVERY_MS = 2;

export function startHomelab(cwd: string, args: readonly string[], input = '', limitMs = LIMIT_MS): Started {
  const started = start(cwd, process.execPath, [PROGRAM, ...args], limitMs);
  started.child.stdin?.end(input);
  return started;
}

/** The same on a terminal of its own, where what is written to its standard input is typed: `\u0003` is Ctrl-C. */
export function startOnTerminal(cwd: string, line: string): Started {
  return start(cwd, 'script', ['-qec', `${process.execPath} ${PROGRAM} ${line}`, '/dev/null'], LIMIT_MS);
}

export const HAS_TERMINALS = spawnSync('script', ['--version']).status === 0;

const PROGRAM = join(packageRoot(), 'bin/homelab.js');

function start(cwd: string, program: string, args: readonly string[], limitMs: number): Started {
  // A still is taken in a process that nobody waits for, and would be in the way of the next test.
  const env = { HOMELAB_STILLS: 'no', ...process.env, NO_COLOR: '1' };
  const child = spawn(program, args, { cwd, env, stdio: 'pipe' });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text));
  }
  child.stdin.on('error', () => undefined); // A program that reads nothing may be gone already.
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, ...output });
    });
  });
  return { child, ended };
}

/** Runs one command line, words separated by blanks. */
export function homelab(cwd: string, line: string, input = ''): Promise<Ended> {
  return startHomelab(cwd, line.split(' '), input).ended;
}

/**
 * Sends a signal as soon as the lab's journals hold so many lines, and waits for the ending unless it is to be kept.
 * False when the program ended before that.
 */
export function signalAt(
  started: Started,
  cwd: string,
  lines: number,
  signal: NodeJS.Signals,
  then: 'wait' | 'keep' = 'wait',
): Promise<boolean> {
  const send = (): boolean => started.child.kill(signal);
  return once(started, () => journalLines(cwd) >= lines, send, then);
}

/** Sends a signal as soon as one more line of the lab's journals holds that text, and waits for the ending. */
export function signalWhen(
  started: Started,
  cwd: string,
  text: string,
  signal: NodeJS.Signals,
): Promise<boolean> {
  const found = (): number =>
    journalPaths(cwd).reduce((sum, path) => sum + readFileSync(path, 'utf8').split(text).length - 1, 0);
  const before = found();
  return once(
    started,
    () => found() > before,
    () => started.child.kill(signal),
    'wait',
  );
}

/** Types keys as soon as the lab's journals hold so many lines, and waits for the ending. */
export function typeAt(started: Started, cwd: string, lines: number, keys: string): Promise<boolean> {
  const type = (): boolean => started.child.stdin?.write(keys) ?? false;
  return once(started, () => journalLines(cwd) >= lines, type, 'wait');
}

async function once(
  { ended }: Started,
  isTime: () => boolean,
  act: () => boolean,
  then: 'wait' | 'keep',
): Promise<boolean> {
  const state = { isOver: false };
  const over = ended.then(() => {
    state.isOver = true;
  });
  for (;;) {
    if (state.isOver) return false;
    if (isTime()) break;
    await sleep(LOOK_EVERY_MS);
  }
  const sent = act();
  if (then === 'wait') await over;
  return sent;
}

/** Lines of all journals of lab `stage`. */
export function journalLines(cwd: string): number {
  return journalPaths(cwd).reduce((sum, path) => sum + readFileSync(path, 'utf8').split('\n').length - 1, 0);
}

export function journalPaths(cwd: string): readonly string[] {
  const folder = join(cwd, '.homelab/stage/journal');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));
}
