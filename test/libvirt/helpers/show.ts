/** What the log of a run shows of real machines: what was typed, and what the program answered. */
import type { Test } from 'tap';
import type { Ended } from '../../helpers/real-time.js';
import type { TestLab } from './lab.js';

const DOCUMENT_LENGTH = 400;

/** Runs a command line of homelab, shows it with its output, and holds its exit code against the wanted one. */
export async function type(t: Test, lab: TestLab, line: string, code: number): Promise<Ended> {
  const startMs = performance.now();
  const ended = await lab.homelab(line);
  show(t, line, ended, performance.now() - startMs);
  t.equal(ended.code, code, `homelab ${line}`);
  return ended;
}

export function show(t: Test, line: string, { code, stdout, stderr }: Ended, wallMs: number): void {
  const seconds = (wallMs / 1_000).toFixed(1);
  t.comment(`$ homelab ${line}    (exit code ${String(code)}, ${seconds} s)`);
  for (const text of `${stderr}${shortened(stdout)}`.trimEnd().split('\n')) t.comment(`  ${text}`);
}

/** A document on one line, and no more of it than a reader of the log takes in. */
function shortened(stdout: string): string {
  if (!stdout.startsWith('{')) return stdout;
  const line = stdout.replace(/\n */g, ' ');
  return line.length > DOCUMENT_LENGTH ? `${line.slice(0, DOCUMENT_LENGTH)} …` : line;
}
