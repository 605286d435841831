/**
 * One SSH connection to one machine: logging in with the host key checked, and starting programs, each in a
 * channel of its own. What this file promises its users: a program that may have been sent is never reported as
 * not sent.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeSSH } from 'node-ssh';
import { messageOf, must, UserError } from '../../base/errors.js';
import { UnreachableError } from '../provider.js';
import type { KnownHosts } from './known-hosts.js';
import { SshProgram } from './ssh-program.js';
import type { SshTarget } from './ssh-config.js';

type Client = NonNullable<NodeSSH['connection']>;

/** Times of a machine of ordinary speed, in milliseconds of the wall clock. */
const CONNECT_MS = 15_000;
/**
 * After three unanswered questions, a minute in all, a silent peer is given up; a pause may be shorter than
 * that.
 */
const KEEPALIVE_MS = 15_000;
const KEEPALIVE_COUNT = 3;
/**
 * sshd counts a session until it has handled everything that came with the closing of its channel, the opening of the
 * next one among it: a busy one refuses a channel although fewer than its MaxSessions are in use.
 */
const REFUSED_AGAIN_MS = 100;
const REFUSED_ATTEMPTS = 20;
/** What servers sign with, the preferred first, and the type of key that each of them takes. */
const SIGNATURES = {
  'ssh-ed25519': 'ssh-ed25519',
  'ecdsa-sha2-nistp256': 'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384': 'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521': 'ecdsa-sha2-nistp521',
  'rsa-sha2-512': 'ssh-rsa',
  'rsa-sha2-256': 'ssh-rsa',
} as const;

export interface ConnectOptions {
  readonly target: SshTarget;
  readonly knownHosts: KnownHosts;
  readonly timeScale: number;
}

export class SshConnection {
  readonly #client: Client;
  readonly #machine: string;
  readonly #timeScale: number;
  readonly #programs = new Set<SshProgram>();
  #isOpen = true;

  private constructor(client: Client, { target, timeScale }: ConnectOptions) {
    this.#client = client;
    this.#machine = target.name;
    this.#timeScale = timeScale;
  }

  /** Rejects with an `UnreachableError`, or with a `UserError` when another machine answers. */
  static async open(options: ConnectOptions): Promise<SshConnection> {
    const { target, knownHosts, timeScale } = options;
    const { NodeSSH } = await import('node-ssh'); // A simulated lab needs none of it.
    const ssh = new NodeSSH();
    const refused: { why: UserError | null } = { why: null };
    const connecting = ssh.connect({
      ...{ host: target.address, port: target.port, username: target.user },
      authHandler: target.keys.map((path) => ({
        ...{ type: 'publickey' as const, username: target.user, key: readKey(path) },
      })),
      readyTimeout: CONNECT_MS * timeScale,
      ...{ keepaliveInterval: KEEPALIVE_MS * timeScale, keepaliveCountMax: KEEPALIVE_COUNT },
      // A server with several keys must show the pinned one again.
      algorithms: { serverHostKey: hostKeyAlgorithms(knownHosts.types(target.name)) },
      hostVerifier: (key: Uint8Array) => {
        try {
          knownHosts.check(target.name, key);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          refused.why = error;
        }
        return refused.why === null;
      },
    });
    // node-ssh makes the client before it waits, and listens to its errors only until it is ready.
    const client = must(ssh.connection, 'node-ssh has no client while it connects');
    const connection = new SshConnection(client, options);
    connection.#listen();
    try {
      await connecting;
    } catch (error) {
      throw refused.why ?? new UnreachableError(target.name, messageOf(error));
    }
    if (!connection.isOpen) throw new UnreachableError(target.name, 'it closed the connection');
    connection.#client.setNoDelay(true);
    return connection;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Programs that run, or hold their channel open. */
  get size(): number {
    return this.#programs.size;
  }

  /**
   * Sends a shell line; its standard input is `stdin` and ends. Resolves once it was sent and taken. Rejects
   * with an `UnreachableError` when it certainly was not sent; when that is not certain, the program is there
   * and lost.
   */
  async start(line: string, stdin: Uint8Array): Promise<SshProgram> {
    for (let left = REFUSED_ATTEMPTS; ; left -= 1) {
      const program = await this.#start(line, stdin);
      if (program instanceof SshProgram) return program;
      if (left === 0) throw new UnreachableError(this.#machine, program.message);
      await sleep(REFUSED_AGAIN_MS * this.#timeScale);
    }
  }

  /** Now: what still runs is lost. */
  close(): void {
    this.#client.destroy();
    this.#gone();
  }

  /** The error is sshd's refusal of a channel: nothing was sent, and the connection is well. */
  #start(line: string, stdin: Uint8Array): Promise<SshProgram | Error> {
    return new Promise((resolve, reject) => {
      const unsent = (error: unknown): void => {
        reject(new UnreachableError(this.#machine, messageOf(error)));
      };
      if (!this.#isOpen) {
        unsent('the connection is closed');
        return;
      }
      try {
        this.#client.exec(line, (error, channel) => {
          if (error !== undefined && this.#isOpen && 'reason' in error) {
            resolve(error);
            return;
          }
          if (error !== undefined && (this.#isOpen || neverOpened(error))) {
            unsent(error);
            return;
          }
          const program = new SshProgram(error === undefined ? channel : null, this.#timeScale);
          this.#programs.add(program);
          void program.ended.then(() => this.#programs.delete(program));
          program.send(stdin);
          resolve(program);
        });
      } catch (error) {
        unsent(error);
      }
    });
  }

  #listen(): void {
    // Every error of a connection ends it; what it means to a program is that the program is lost.
    this.#client.on('error', () => {
      this.close();
    });
    this.#client.on('end', () => {
      this.#gone();
    });
    this.#client.on('close', () => {
      this.#gone();
    });
  }

  #gone(): void {
    this.#isOpen = false;
    for (const program of this.#programs) program.lose();
  }
}

/**
 * While the connection is open an error is the machine's own refusal. When the connection went, this is what
 * ssh2 says of a channel that had not been granted; any other error may have come after the program was sent.
 */
function neverOpened(error: Error): boolean {
  return error.message === 'No response from server';
}

function hostKeyAlgorithms(pinned: readonly string[]): (keyof typeof SIGNATURES)[] {
  const names = Object.keys(SIGNATURES) as (keyof typeof SIGNATURES)[];
  const isPinned = (name: keyof typeof SIGNATURES): boolean => pinned.includes(SIGNATURES[name]);
  return [...names.filter(isPinned), ...names.filter((name) => !isPinned(name))];
}

function readKey(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError({
      code: 'unreadable-file',
      message: `cannot read the SSH key ${path}: ${messageOf(error)}`,
      remedy: 'Put the file back, or destroy the machine and make it anew.',
    });
  }
}
