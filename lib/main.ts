/** Entry of the program and the only file that touches `process`. */
import { totalmem } from 'node:os';
import { cachedDataVersionTag, startupSnapshot } from 'node:v8';
import { runCli } from './cli/app.js';
import type { Io, NodeProgram, Output } from './cli/io.js';
import type { PlayedWorld } from './cli/still.js';

function onSignal(interrupted: AbortController): void {
  // The first one asks to stop in good order; the second leaves at once, and the journal is good all the same.
  if (interrupted.signal.aborted) process.exit(130);
  interrupted.abort();
}

function output(stream: NodeJS.WriteStream): Output {
  return {
    write: (text) => void stream.write(text),
    isTTY: stream.isTTY,
    stream,
    get columns() {
      return stream.columns > 0 ? stream.columns : 80;
    },
  };
}

/** How Node ends when it cannot begin with a still (14), not with its other options (9), or breaks; no look ends so. */
const REFUSED = [1, 9, 14];

const NODE: NodeProgram = {
  tag: async () => `${process.version}-${process.arch}-${cachedDataVersionTag()}`,
  show: async (still) => {
    const code = await runNode(['--snapshot-blob', still, ...process.argv.slice(1)], 'inherit');
    return code === null || REFUSED.includes(code) ? null : code;
  },
  build: (still, program, folder) =>
    runNode(['--snapshot-blob', still, '--build-snapshot', program, folder], 'ignore'),
  leave: async (args) => {
    const { spawn } = await import('node:child_process');
    const options = { detached: true, stdio: 'ignore' } as const;
    const started = spawn(process.execPath, [...process.argv.slice(1, 2), ...args], options);
    started.on('error', () => undefined); // There is no room for one more process: nobody waits for it.
    started.unref();
  },
};

async function runNode(args: readonly string[], stdio: 'inherit' | 'ignore'): Promise<number | null> {
  const { spawn } = await import('node:child_process');
  return new Promise((resolve, reject) => {
    const running = spawn(process.execPath, [...process.execArgv, ...args], { stdio });
    running.once('error', reject);
    running.once('close', resolve);
  });
}

function ioOf(signal: AbortSignal, played: PlayedWorld | null): Io {
  return {
    args: process.argv.slice(2),
    cwd: process.cwd(),
    env: process.env,
    pid: process.pid,
    platform: process.platform,
    nodeVersion: process.versions.node,
    stdout: output(process.stdout),
    stderr: output(process.stderr),
    signal,
    played,
    node: played === null ? NODE : null,
    wallMs: () => performance.now(),
    hostMemoryMiB: () => Math.round(totalmem() / 1_048_576),
    availableMemoryMiB: () => Math.round(process.availableMemory() / 1_048_576),
    isAlive: (pid) => {
      try {
        process.kill(pid, 0);
        return true;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'EPERM';
      }
    },
    sleep: async (ms) => {
      const { setTimeout: sleep } = await import('node:timers/promises');
      try {
        await sleep(ms, undefined, { signal });
      } catch {
        return; // Interrupted: whoever waits looks at the signal.
      }
    },
    ask: async (question) => {
      if (!process.stdin.isTTY) return null;
      const { createInterface } = await import('node:readline/promises'); // Few commands ask; all should start fast.
      const reader = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await reader.question(question, { signal });
      } catch {
        return null; // Ctrl-C or end of input at the question: no answer.
      } finally {
        reader.close();
      }
    },
    input: () => ({ stream: process.stdin, isTTY: process.stdin.isTTY }),
    readStdin: async () => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
      return Buffer.concat(chunks);
    },
    writeBytes: (to, bytes) => void (to === 'stdout' ? process.stdout : process.stderr).write(bytes),
  };
}

/** Runs the command line of this process; `played` is the world that it began with, if it began with a still. */
async function main(played: PlayedWorld | null): Promise<void> {
  const interrupted = new AbortController();
  process.on('SIGINT', () => {
    onSignal(interrupted);
  });
  process.on('SIGTERM', () => {
    onSignal(interrupted);
  });
  // A reader that closed the pipe, such as `head`, is no error of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.exitCode = await runCli(ioOf(interrupted.signal, played));
}

/** What a still is taken of: this program with the world of the lab in the folder that it is given. */
async function takeStill(folder: string): Promise<void> {
  const { playedWorld } = await import('./cli/still.js');
  const played = await playedWorld(folder);
  startupSnapshot.setDeserializeMainFunction(() => void main(played));
}

void (startupSnapshot.isBuildingSnapshot() ? takeStill(process.argv[2] ?? '') : main(null));
