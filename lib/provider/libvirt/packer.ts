/**
 * Packer: which of the recipe's files its version reads, and a build with its output kept. Current versions get
 * the whole folder and fetch their plugin; 1.6, which Debian has, gets node.pkr.hcl alone, because it refuses the
 * plugin block.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.js';
import { CancelledError, UserError } from '../../base/errors.js';
import type { HostProgram, HostProgramEnd, RunHostProgram } from './host-program.js';
import type { ProcessIdentity } from './lab-state.js';
import { mustRun } from './must-run.js';
import { endGroup, identify } from './process-group.js';

export interface PackerOptions {
  readonly run: RunHostProgram;
  readonly clock: Clock;
  /** The folder with the HCL files. */
  readonly recipe: string;
  /** Where all that Packer prints is kept. */
  readonly log: string;
  /** While a build runs this file says which process it is. */
  readonly pidFile: string;
}

export interface PackerBuild {
  /** Files of variables, absolute. */
  readonly variables: readonly string[];
  /** Folder for downloads. */
  readonly cache: string;
  readonly timeScale: number;
  readonly signal?: AbortSignal;
  readonly onProgress: (line: string) => void;
}

const SHORT_MS = 60_000;
const INIT_MS = 600_000;
const BUILD_MS = 5_400_000;
/** Packer shuts its machine down and removes its files after a SIGINT. */
const GRACE_MS = 60_000;
/** Older ones have no HCL2 that fits. */
const OLDEST = 6;
/** From here on there are plugins. */
const WITH_PLUGINS = 7;

export class Packer {
  readonly #options: PackerOptions;

  constructor(options: PackerOptions) {
    this.#options = options;
  }

  /** Throws a `UserError` when there is no Packer that fits. */
  async check(): Promise<void> {
    await this.#minor();
  }

  /** Ends the build of a homelab that was killed. */
  async endStray(): Promise<void> {
    const { run, clock, pidFile } = this.#options;
    if (!existsSync(pidFile)) return;
    await endGroup(run, clock, JSON.parse(readFileSync(pidFile, 'utf8')) as ProcessIdentity, GRACE_MS);
    rmSync(pidFile);
  }

  /** Rejects with `CancelledError` when the signal aborted; Packer has cleared up by then, or was killed. */
  async build({ variables, cache, timeScale, signal, onProgress }: PackerBuild): Promise<void> {
    const { run, recipe, log } = this.#options;
    mkdirSync(dirname(log), { recursive: true });
    const plugins = (await this.#minor()) >= WITH_PLUGINS;
    const env = { PACKER_CACHE_DIR: cache, CHECKPOINT_DISABLE: '1', PACKER_NO_COLOR: '1' };
    const common = { cwd: recipe, env };
    if (plugins) {
      const init = { ...common, argv: ['packer', 'init', '.'], timeoutMs: INIT_MS };
      await mustRun(run, signal === undefined ? init : { ...init, signal });
    }
    const heard: string[] = [];
    const files = variables.map((file) => `-var-file=${file}`);
    const argv = ['packer', 'build', '-color=false', ...files, plugins ? '.' : 'node.pkr.hcl'];
    appendFileSync(log, `# ${argv.join(' ')}\n`);
    const onLine = (line: string): void => {
      appendFileSync(log, `${line}\n`);
      heard.push(line);
      const said = spoken(line);
      if (said !== null) onProgress(said);
    };
    const timeoutMs = BUILD_MS * timeScale;
    const end = await this.#asGroup({ ...common, argv, timeoutMs, onLine }, signal);
    if (signal?.aborted === true) throw new CancelledError();
    if (end.kind !== 'exited' || end.code !== 0) throw imageFailed(end, heard, log);
  }

  /**
   * In a process group of its own, and all of it told to end: Packer's first process only starts the real one and takes
   * no notice of a SIGINT, and a terminal's Ctrl-C would be the second for the real one, which then ends without
   * clearing up.
   */
  async #asGroup(program: HostProgram, signal: AbortSignal | undefined): Promise<HostProgramEnd> {
    const { run, clock, pidFile } = this.#options;
    if (signal?.aborted === true) throw new CancelledError();
    const over = new AbortController();
    let leader: ProcessIdentity | null = null;
    let ending: Promise<void> | null = null;
    const limit = { passed: false };
    const cancel = (): void => {
      if (leader !== null) ending ??= endGroup(run, clock, leader, GRACE_MS);
    };
    const tooLate = (): void => {
      limit.passed = true;
      cancel();
    };
    const onStart = (pid: number): void => {
      leader = identify(pid);
      if (leader !== null) writeFileSync(pidFile, JSON.stringify(leader));
      signal?.addEventListener('abort', cancel, { once: true });
      clock.sleep(program.timeoutMs, over.signal).then(tooLate, () => undefined);
    };
    // The program's own limit would end the first process alone, hence a later one.
    const end = await run({ ...program, timeoutMs: program.timeoutMs * 2, detached: true, onStart });
    over.abort();
    signal?.removeEventListener('abort', cancel);
    await (ending as Promise<void> | null);
    rmSync(pidFile, { force: true });
    return limit.passed ? { kind: 'timedOut', stdout: new Uint8Array(), stderr: new Uint8Array() } : end;
  }

  /** The second number of Packer's version. */
  async #minor(): Promise<number> {
    const text = await mustRun(this.#options.run, { argv: ['packer', 'version'], timeoutMs: SHORT_MS });
    const [found, major, minor] = /Packer v(\d+)\.(\d+)\.\d+/.exec(text) ?? [];
    if (major === '1' && Number(minor) >= OLDEST) return Number(minor);
    throw new UserError({
      code: 'packer-version',
      message: `homelab builds images with Packer 1.${OLDEST} or later, and this is ${found ?? text.trim()}`,
      remedy: 'Install the packer of your distribution or of its makers.',
    });
  }
}

/** What a step of the build is about; null for the output of programs in the machine. */
function spoken(line: string): string | null {
  return /^==> qemu\.node: (?!\+ )(.+)$/.exec(line)?.[1] ?? null;
}

function imageFailed(end: HostProgramEnd, heard: readonly string[], log: string): UserError {
  const why = end.kind === 'timedOut' ? 'it took too long' : end.kind === 'missing' ? end.why : reason(heard);
  return new UserError({
    code: 'image-failed',
    message: `the node image could not be built: ${why}`,
    remedy: `Read what Packer said in ${log}, mend it and type the same again.`,
  });
}

/** The recipe's own words when it stopped the build, else the last lines. */
function reason(heard: readonly string[]): string {
  const own = heard
    .map((line) => /^\S* +qemu\.node: homelab: (.+)$/.exec(line)?.[1])
    .filter((text) => text !== undefined);
  return own.at(-1) ?? `Packer ended with\n${heard.slice(-10).join('\n')}`;
}
