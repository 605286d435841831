/**
 * Vagrant in a lab's folder: up, halt, destroy, ssh-config. One at a time, because Vagrant locks its machines and
 * refuses instead of waiting; each in a process group of its own and written down, so that one that outlives its
 * homelab is found again. What it prints is kept in the lab's logs.
 */
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.js';
import { CancelledError, UserError } from '../../base/errors.js';
import type { HostProgramEnd, RunHostProgram } from './host-program.js';
import type { LabFiles } from './lab-files.js';
import type { LabStateFile } from './lab-state.js';
import { isNews, parseVagrantLine, splitErrors, spokenText, type VagrantLine } from './machine-readable.js';
import { endGroup, identify, waitForEnd } from './process-group.js';

/** What Vagrant itself allows a machine to boot, for several machines on a slow host, and some more. */
const UP_MS = 30 * 60_000;
const OTHER_MS = 10 * 60_000;
/** After a SIGINT Vagrant ends what it is at and destroys the machines that are not complete. */
const GRACE_MS = 60_000;

export interface VagrantOptions {
  readonly files: LabFiles;
  readonly run: RunHostProgram;
  readonly clock: Clock;
  readonly state: LabStateFile;
  readonly timeScale: number;
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (machine: string, line: string) => void;
}

export interface VagrantEnd {
  readonly succeeded: boolean;
  /** Vagrant's own words, by machine; by the empty name when they name none. */
  readonly errors: ReadonlyMap<string, string>;
  readonly stdout: string;
}

export class Vagrant {
  readonly #options: VagrantOptions;
  readonly #log: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: VagrantOptions) {
    this.#options = options;
    this.#log = join(options.files.logs, 'vagrant.log');
  }

  /** Rejects with `CancelledError` when the signal aborted; Vagrant has cleared up by then, or was killed. */
  up(names: readonly string[], options: RunOptions): Promise<VagrantEnd> {
    return this.#one(['up', '--provider=libvirt', ...names], UP_MS, options);
  }

  halt(names: readonly string[], options: RunOptions): Promise<VagrantEnd> {
    return this.#one(['halt', ...names], OTHER_MS, options);
  }

  destroy(names: readonly string[]): Promise<VagrantEnd> {
    return this.#one(['destroy', '--force', ...names], OTHER_MS, {});
  }

  /** How OpenSSH reaches the machines, in its own configuration format. */
  async sshConfig(names: readonly string[]): Promise<string> {
    const end = await this.#one(['ssh-config', ...names], OTHER_MS, {});
    const parts = end.stdout.split('\n').flatMap((line) => {
      const parsed = parseVagrantLine(line);
      return parsed?.type === 'ssh-config' ? parsed.data : [];
    });
    if (parts.length > 0) return parts.join('\n');
    throw vagrantFailed('ssh-config', end, this.#log);
  }

  /**
   * A vagrant that a killed homelab left running is waited for (`wait`), or told to clear up and end (`end`);
   * either way none runs for this lab afterwards.
   */
  async settleStray(how: 'wait' | 'end', signal?: AbortSignal): Promise<void> {
    const { state, clock, run, timeScale } = this.#options;
    const { vagrant } = state.now;
    if (vagrant === null) return;
    const ended = how === 'wait' && (await waitForEnd(vagrant, clock, UP_MS * timeScale, signal));
    if (!ended) await endGroup(run, clock, vagrant, GRACE_MS * timeScale);
    state.update({ vagrant: null });
  }

  failed(what: string, end: VagrantEnd): UserError {
    return vagrantFailed(what, end, this.#log);
  }

  #one(args: readonly string[], timeoutMs: number, options: RunOptions): Promise<VagrantEnd> {
    const turn = this.#last.then(() => this.#run(args, timeoutMs, options));
    this.#last = turn.catch(() => undefined); // The next one runs whatever became of this one.
    return turn;
  }

  async #run(args: readonly string[], timeoutMs: number, options: RunOptions): Promise<VagrantEnd> {
    const { run, clock, state, files, timeScale } = this.#options;
    const { signal, onProgress } = options;
    stopIfCancelled(signal);
    mkdirSync(files.logs, { recursive: true });
    appendFileSync(this.#log, `# vagrant ${args.join(' ')}\n`);
    const errors: VagrantLine[] = [];
    const ending: Promise<void>[] = [];
    const cancel = (): void => {
      const { vagrant } = state.now;
      if (vagrant !== null) ending.push(endGroup(run, clock, vagrant, GRACE_MS * timeScale));
    };
    const onStart = (pid: number): void => {
      state.update({ vagrant: identify(pid) });
      signal?.addEventListener('abort', cancel, { once: true });
    };
    const onLine = (line: string): void => {
      this.#heard(line, errors, onProgress);
    };
    const end = await run({
      argv: ['vagrant', '--machine-readable', ...args],
      ...{ cwd: files.folder, env: ownEnvironment(files), detached: true },
      ...{ timeoutMs: timeoutMs * timeScale, onStart, onLine },
    });
    signal?.removeEventListener('abort', cancel);
    await Promise.all(ending);
    state.update({ vagrant: null });
    stopIfCancelled(signal);
    return vagrantEnd(end, errors);
  }

  #heard(line: string, errors: VagrantLine[], onProgress: RunOptions['onProgress']): void {
    const parsed = parseVagrantLine(line);
    const text = parsed === null ? line : spokenText(parsed);
    if (parsed?.type === 'error-exit') errors.push(parsed);
    if (text === null) return;
    appendFileSync(this.#log, `${parsed?.machine ?? '-'}: ${text}\n`);
    if (parsed === null || parsed.machine === null || !isNews(text)) return;
    onProgress?.(parsed.machine, text.split('\n')[0] ?? '');
  }
}

function stopIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new CancelledError();
}

/** Whatever a person's environment says of another Vagrant project, this lab's folder is meant. */
function ownEnvironment(files: LabFiles): Readonly<Record<string, string>> {
  return {
    VAGRANT_CWD: files.folder,
    VAGRANT_DOTFILE_PATH: files.vagrant,
    VAGRANT_VAGRANTFILE: 'Vagrantfile',
    VAGRANT_DEFAULT_PROVIDER: 'libvirt',
    VAGRANT_CHECKPOINT_DISABLE: '1',
  };
}

function vagrantEnd(end: HostProgramEnd, lines: readonly VagrantLine[]): VagrantEnd {
  if (end.kind === 'missing') {
    throw new UserError({
      code: 'program-missing',
      message: `vagrant does not run: ${end.why}`,
      remedy: 'Install it; `homelab doctor --provider libvirt` says how.',
    });
  }
  const decoder = new TextDecoder();
  const errors = new Map(lines.flatMap(({ data }) => [...splitErrors(data[1] ?? '')]));
  const succeeded = end.kind === 'exited' && end.code === 0;
  if (!succeeded && errors.size === 0) {
    const last = decoder.decode(end.stderr).trim().split('\n').slice(-5).join('\n');
    errors.set('', end.kind === 'timedOut' ? 'vagrant did not end in time' : last);
  }
  return { succeeded, errors, stdout: decoder.decode(end.stdout) };
}

function vagrantFailed(what: string, { errors }: VagrantEnd, log: string): UserError {
  const said = [...errors].map(([machine, text]) => (machine === '' ? text : `${machine}: ${text}`));
  return new UserError({
    code: 'vagrant-failed',
    message: `vagrant ${what}: ${said.join('\n')}`,
    remedy: `Read what Vagrant said in ${log}, and look at the host with: homelab doctor --provider libvirt`,
  });
}
