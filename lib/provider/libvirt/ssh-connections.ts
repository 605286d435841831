/**
 * All machines of a lab over SSH: shells, the pinned host keys, and the configuration that says where machines
 * are. One connection for each machine serves everything that is done to it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CancelledError } from '../../base/errors.js';
import { UnreachableError, type Command, type CommandResult, type Shell } from '../provider.js';
import { KnownHosts } from './known-hosts.js';
import type { LabFiles } from './lab-files.js';
import { writePrivate } from './private-file.js';
import { readBanner } from './ssh-banner.js';
import { mergeTargets, parseSshConfig, printSshConfig, type SshTarget } from './ssh-config.js';
import { readOver, writeOver } from './ssh-files.js';
import { SshMachine } from './ssh-machine.js';
import { runOver } from './ssh-run.js';

const BANNER_MS = 2_000;
const ASK_EVERY_MS = 1_000;
/** For a program that does little, on a machine that is still busy with its start. */
const ANSWER_MS = 30_000;

export interface SshConnectionsOptions {
  readonly files: LabFiles;
  readonly timeScale: number;
}

export class SshConnections {
  readonly #files: LabFiles;
  readonly #timeScale: number;
  readonly #knownHosts: KnownHosts;
  readonly #machines = new Map<string, SshMachine>();

  constructor({ files, timeScale }: SshConnectionsOptions) {
    this.#files = files;
    this.#timeScale = timeScale;
    this.#knownHosts = new KnownHosts(files.knownHosts);
  }

  /** Does not connect yet. */
  shell(name: string): Shell {
    const machine = this.#machine(name);
    return {
      machine: name,
      run: (command) => runOver(machine, command),
      readFile: (path, { timeoutMs }) => readOver(machine, path, timeoutMs),
      writeFile: (path, content, options) => writeOver(machine, path, content, options),
      sendFile: async (path, file, options) => writeOver(machine, path, file.read(), options),
    };
  }

  /** Drops the connection now, when its machine is known to be gone: what runs over it is `lost` at once. */
  forget(name: string): void {
    this.#machines.get(name)?.forget();
  }

  /**
   * Connects, which pins the host key at first contact. Rejects with an `UnreachableError`, or with a
   * `UserError` when another machine answers.
   */
  async meet(name: string): Promise<void> {
    await this.#machine(name).connected();
  }

  /**
   * Returns once `argv` has succeeded there, which is a program that does nothing unless told otherwise. Rejects with
   * an `UnreachableError` when that takes too long.
   */
  async waitUntilUp(
    name: string,
    { timeoutMs, argv = ['true'], signal }: Omit<Command, 'argv'> & Partial<Pick<Command, 'argv'>>,
  ): Promise<void> {
    const deadlineMs = Date.now() + timeoutMs;
    const command = { argv, ...(signal === undefined ? {} : { signal }) };
    for (;;) {
      const leftMs = Math.max(0, deadlineMs - Date.now());
      const why = await this.#whyNot(name, {
        ...command,
        timeoutMs: Math.min(leftMs, ANSWER_MS * this.#timeScale),
      });
      if (why === null) return;
      if (Date.now() + ASK_EVERY_MS > deadlineMs) throw new UnreachableError(name, why);
      await sleep(ASK_EVERY_MS, undefined, { signal }).catch(() => undefined);
      if (signal?.aborted === true) throw new CancelledError();
    }
  }

  /** Does an SSH server speak at its address? Asks without logging in, and takes two seconds at most. */
  async answers(name: string): Promise<boolean> {
    const target = this.#target(name);
    return target !== null && readBanner(target, BANNER_MS * this.#timeScale);
  }

  /** Is it written down how the machine is reached? */
  knows(name: string): boolean {
    return this.#target(name) !== null;
  }

  /** Takes over what `vagrant ssh-config` printed; machines that it does not name stay as they are. */
  writeConfig(text: string): void {
    this.#writeTargets(mergeTargets(this.#targets(), parseSshConfig(text)));
  }

  /** For machines that were destroyed: their connections, keys and addresses. */
  forgetKeys(names: readonly string[]): void {
    for (const name of names) this.forget(name);
    this.#knownHosts.forget(names);
    const targets = this.#targets();
    const kept = targets.filter(({ name }) => !names.includes(name));
    if (kept.length < targets.length) this.#writeTargets(kept);
  }

  close(): void {
    for (const machine of this.#machines.values()) machine.forget();
  }

  async #whyNot(name: string, command: Command): Promise<string | null> {
    try {
      const end = await this.shell(name).run(command);
      if (end.kind === 'cancelled') throw new CancelledError();
      if (end.kind === 'exited') return end.code === 0 ? null : failureOf(command, end);
      return end.kind === 'lost' ? 'the connection was lost' : 'no program ended in time';
    } catch (error) {
      if (error instanceof UnreachableError) return error.message;
      throw error;
    }
  }

  #machine(name: string): SshMachine {
    const known = this.#machines.get(name);
    if (known !== undefined) return known;
    const [knownHosts, timeScale] = [this.#knownHosts, this.#timeScale];
    const machine = new SshMachine({ name, knownHosts, timeScale, target: () => this.#target(name) });
    this.#machines.set(name, machine);
    return machine;
  }

  #target(name: string): SshTarget | null {
    return this.#targets().find((target) => target.name === name) ?? null;
  }

  /** Read each time: it is small, and another homelab may have written it. */
  #targets(): readonly SshTarget[] {
    const path = this.#files.sshConfig;
    return existsSync(path) ? parseSshConfig(readFileSync(path, 'utf8')) : [];
  }

  #writeTargets(targets: readonly SshTarget[]): void {
    writePrivate(this.#files.sshConfig, printSshConfig(targets, this.#files.knownHosts));
  }
}

function failureOf({ argv }: Command, end: Extract<CommandResult, { readonly kind: 'exited' }>): string {
  const said = new TextDecoder().decode(end.stderr).trim();
  return `\`${argv[0] ?? ''}\` ended with exit code ${end.code}${said === '' ? '' : `: ${said}`}`;
}
