/**
 * One machine over SSH: its one connection, made when it is needed and again after a reboot, and turns on
 * it.
 */
import pLimit from 'p-limit';
import { UnreachableError } from '../provider.js';
import type { KnownHosts } from './known-hosts.js';
import type { SshTarget } from './ssh-config.js';
import { SshConnection } from './ssh-connection.js';

/** OpenSSH's MaxSessions is 10 on one connection. One more than these is kept for ending programs. */
const CHANNELS = 8;

export interface SshMachineOptions {
  readonly name: string;
  /** Where it is reached now; null when nobody knows. */
  readonly target: () => SshTarget | null;
  readonly knownHosts: KnownHosts;
  readonly timeScale: number;
}

export class SshMachine {
  readonly name: string;
  readonly timeScale: number;
  /** Turns of programs. */
  readonly turns = pLimit(CHANNELS);
  /** Turns of what ends programs. */
  readonly endings = pLimit(1);
  readonly #options: SshMachineOptions;
  #connection: Promise<SshConnection> | null = null;

  constructor(options: SshMachineOptions) {
    this.#options = options;
    this.name = options.name;
    this.timeScale = options.timeScale;
  }

  /** Rejects with an `UnreachableError`, or with a `UserError` when another machine answers. */
  async connected(): Promise<SshConnection> {
    const before = this.#connection;
    if (before !== null) {
      const connection = await before;
      if (connection.isOpen) return connection;
      // Whoever waited beside us may have begun a new one.
      if (this.#connection === before) this.#connection = null;
      return this.connected();
    }
    const opening = this.#open();
    this.#connection = opening;
    try {
      return await opening;
    } catch (error) {
      if (this.#connection === opening) this.#connection = null;
      throw error;
    }
  }

  /** Drops the connection now: what runs over it is lost. */
  forget(): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.then(
      (open) => {
        open.close();
      },
      () => undefined, // It never opened, and whoever waits for it is told.
    );
  }

  #open(): Promise<SshConnection> {
    const { name, target, knownHosts, timeScale } = this.#options;
    const known = target();
    if (known === null) return Promise.reject(new UnreachableError(name, 'it was never reached before'));
    return SshConnection.open({ target: known, knownHosts, timeScale });
  }
}
