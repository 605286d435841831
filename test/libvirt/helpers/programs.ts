/** Programs of this computer, run to their ends: tests look at libvirt itself and not through homelab's eyes. */
import { spawnSync } from 'node:child_process';

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function ran(program: string, args: readonly string[], timeoutMs = 120_000): Ran {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: timeoutMs,
    maxBuffer: 1 << 26,
  });
  return { code: status, stdout, stderr: error === undefined ? stderr : `${stderr}${error.message}` };
}

/** Runs a program whose output people want to see while it runs. Throws when it fails. */
export function mustRun(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
  const { status, signal } = spawnSync(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${signal ?? String(status)}`);
}

/** The one line of a program that must succeed. */
export function answerOf(program: string, args: readonly string[]): string {
  const { code, stdout, stderr } = ran(program, args);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${String(code)}: ${stderr}`);
  return stdout.trim();
}

export function virsh(...args: readonly string[]): Ran {
  return ran('virsh', ['-q', '-c', 'qemu:///system', ...args]);
}
