/**
 * An SSH server in this process that treats programs as sshd does: its `sudo` only checks how it is called, so
 * that what homelab sends to machines runs here, by this computer's own shell. It can be cut off, held, and
 * given another key.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2, { type Connection, type ServerChannel, type Session } from 'ssh2';
import { labFiles, type LabFiles } from '../../lib/provider/libvirt/lab-files.js';
import { SshConnections } from '../../lib/provider/libvirt/ssh-connections.js';

const SUDO = `#!/bin/sh
test "$1 $2" = "-n --" || exit 1
shift 2
exec "$@"
`;

/** OpenSSH's default. */
const MAX_SESSIONS = 10;

export interface TestServer {
  /** A folder of a lab with one machine, `cp-1`, which is this server. */
  readonly files: LabFiles;
  readonly stats: { connections: number; mostSessions: number; readonly lines: string[] };
  connections(timeScale?: number): SshConnections;
  /** What `vagrant ssh-config` would print if this server were that machine. */
  config(name: string): string;
  /** How long the answer to the next request for a channel takes is up to `release`. */
  hold(): void;
  release(): void;
  /** Breaks every connection, as a power cut that is noticed. */
  cut(): void;
  /** Another host key, as another machine at the same address. */
  changeKey(): void;
  /** So many times; always, unless told otherwise. */
  refuse(what: 'login' | 'sessions' | 'nothing', times?: number): void;
  close(): Promise<void>;
}

export async function startServer(folder: string): Promise<TestServer> {
  const files = labFiles(join(folder, 'lab'));
  const bin = join(folder, 'bin');
  for (const path of [bin, files.folder]) mkdirSync(path, { recursive: true });
  writeFileSync(join(bin, 'sudo'), SUDO);
  chmodSync(join(bin, 'sudo'), 0o755);
  writeFileSync(join(folder, 'key'), newKey(), { mode: 0o600 });
  const machine = new Machine(`${bin}:/usr/bin:/bin`);
  const port = await machine.listen();
  const opened: SshConnections[] = [];
  const config = (name: string): string =>
    [
      `Host ${name}`,
      'HostName 127.0.0.1',
      `Port ${port}`,
      'User vagrant',
      `IdentityFile ${join(folder, 'key')}`,
    ].join('\n');
  return {
    ...{ files, config, stats: machine.stats },
    connections: (timeScale = 1) => {
      const connections = new SshConnections({ files, timeScale });
      connections.writeConfig(config('cp-1'));
      opened.push(connections);
      return connections;
    },
    hold: () => {
      machine.hold(true);
    },
    release: () => {
      machine.hold(false);
    },
    cut: () => {
      machine.cut();
    },
    changeKey: () => {
      machine.changeKey();
    },
    refuse: (what, times = Infinity) => {
      machine.refused = what;
      machine.refusals = times;
    },
    close: async () => {
      for (const connections of opened) connections.close();
      await machine.close();
    },
  };
}

/** Waits on the real world. Whoever calls it has a time limit of its own, tap's. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(10);
}

/** As long as a machine stays silent. */
export async function pass(ms: number): Promise<void> {
  await sleep(ms);
}

class Machine {
  readonly stats = { connections: 0, mostSessions: 0, lines: [] as string[] };
  refused: 'login' | 'sessions' | 'nothing' = 'nothing';
  refusals = Infinity;
  readonly #path: string;
  readonly #sockets = new Set<Socket>();
  readonly #children = new Set<ChildProcess>();
  readonly #tcp: TcpServer;
  /** Connections that came while it is held: the kernel takes them, and nobody answers. */
  #waiting: Socket[] = [];
  #isHeld = false;
  #hostKey = '';

  constructor(path: string) {
    this.#path = path;
    this.changeKey();
    this.#tcp = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined); // A client that goes without a word is what is tested.
      if (this.#isHeld) {
        this.#waiting.push(socket);
        return;
      }
      this.#welcome(socket);
    });
  }
  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#tcp.listen(0, '127.0.0.1', () => {
        resolve((this.#tcp.address() as AddressInfo).port);
      });
    });
  }

  changeKey(): void {
    this.#hostKey = newKey();
  }

  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    for (const socket of this.#sockets) {
      if (isHeld) socket.pause();
      else socket.resume();
    }
    for (const socket of isHeld ? [] : this.#waiting.splice(0)) this.#welcome(socket);
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): Promise<void> {
    this.cut();
    for (const { pid } of this.#children) if (pid !== undefined) endGroup(pid);
    return new Promise((resolve) =>
      this.#tcp.close(() => {
        resolve();
      }),
    );
  }

  #welcome(socket: Socket): void {
    const server = new ssh2.Server({ hostKeys: [this.#hostKey] }, (client) => {
      this.#serve(client);
    });
    server.injectSocket(socket);
  }

  #serve(client: Connection): void {
    this.stats.connections += 1;
    let sessions = 0;
    client.on('error', () => undefined);
    client.on('authentication', (context) => {
      if (context.method === 'publickey' && this.refused !== 'login') context.accept();
      else context.reject(['publickey']);
    });
    client.on('session', (accept, reject) => {
      const refused = this.refused === 'sessions' && this.refusals > 0;
      if (refused || sessions >= MAX_SESSIONS) {
        this.refusals -= 1;
        reject();
        return;
      }
      sessions += 1;
      this.stats.mostSessions = Math.max(this.stats.mostSessions, sessions);
      this.#session(accept(), () => {
        sessions -= 1;
      });
    });
  }

  #session(session: Session, over: () => void): void {
    session.on('exec', (accept, _reject, { command }) => {
      this.stats.lines.push(command);
      const channel = accept();
      const child = runAsSshd(channel, command, this.#path, over);
      this.#children.add(child);
      child.on('close', () => this.#children.delete(child));
    });
  }
}

/** Not ed25519: one in some hundred of those that ssh2 makes cannot be read. */
function newKey(): string {
  return ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }).private;
}

/** Whatever a test left running. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/**
 * The end of the program is told at once, and the channel is closed when nobody holds its output any more.
 */
function runAsSshd(channel: ServerChannel, command: string, path: string, over: () => void): ChildProcess {
  const child = spawn('/bin/sh', ['-c', command], { env: { PATH: path }, stdio: 'pipe', detached: true });
  channel.pipe(child.stdin);
  child.stdin.on('error', () => undefined); // It need not read what it is given.
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.on('exit', (code, signal) => {
    if (signal === null) channel.exit(code ?? 0);
    else channel.exit(signal.replace('SIG', ''));
    over();
  });
  child.on('close', () => {
    // What waits for room in the window would be dropped with the channel.
    channel.stderr.end(() => {
      channel.end();
    });
  });
  return child;
}
