/** Entry of the program and the only file that touches `process`. */
import { totalmem } from 'node:os';
import { runCli } from './cli/app.js';
import type { Io, Output } from './cli/io.js';

const interrupted = new AbortController();

function onSignal(): void {
  // The first one asks to stop in good order; the second leaves at once, and the journal is good all the same.
  if (interrupted.signal.aborted) process.exit(130);
  interrupted.abort();
}

process.on('SIGINT', onSignal);
process.on('SIGTERM', onSignal);
// A reader that closed the pipe, such as `head`, is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

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

const io: Io = {
  args: process.argv.slice(2),
  cwd: process.cwd(),
  env: process.env,
  pid: process.pid,
  platform: process.platform,
  nodeVersion: process.versions.node,
  stdout: output(process.stdout),
  stderr: output(process.stderr),
  signal: interrupted.signal,
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
      await sleep(ms, undefined, { signal: interrupted.signal });
    } catch {
      return; // Interrupted: whoever waits looks at the signal.
    }
  },
  ask: async (question) => {
    if (!process.stdin.isTTY) return null;
    const { createInterface } = await import('node:readline/promises'); // Few commands ask; all should start fast.
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await reader.question(question, { signal: interrupted.signal });
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

process.exitCode = await runCli(io);
