/** The lab network watched from outside: pings from the workstation, ten a second, and how many were lost. */
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ran } from './programs.js';

export interface Count {
  readonly sent: number;
  readonly lost: number;
}

export interface Watch {
  /** Ends it, and says what it has seen. */
  stop(): Promise<Count>;
}

const PER_SECOND = 10;

export function watch(address: string): Watch {
  const child = spawn('ping', ['-n', '-q', '-i', String(1 / PER_SECOND), address], { stdio: 'pipe' });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const over = new Promise<void>((resolve) =>
    child.once('close', () => {
      resolve();
    }),
  );
  return {
    stop: async () => {
      child.kill('SIGINT');
      await over;
      const [, sent = NaN, received = NaN] = (
        /(\d+) packets transmitted, (\d+) received/.exec(output) ?? []
      ).map(Number);
      return { sent, lost: sent - received };
    },
  };
}

/** Watches for so long. */
export async function watchFor(address: string, seconds: number): Promise<Count> {
  const watching = watch(address);
  await sleep(seconds * 1_000);
  return watching.stop();
}

/** Milliseconds until `isSo` holds, asked again and again; null when it does not within the time. */
export async function waitUntil(
  isSo: () => boolean | Promise<boolean>,
  seconds: number,
  everyMs = 500,
): Promise<number | null> {
  const startMs = performance.now();
  for (;;) {
    if (await isSo()) return performance.now() - startMs;
    if (performance.now() - startMs > seconds * 1_000) return null;
    await sleep(everyMs);
  }
}

export function answersPing(address: string): boolean {
  return ran('ping', ['-n', '-q', '-c', '1', '-W', '1', address]).code === 0;
}
