/**
 * Runs compiled test files. A tap test file is a program that prints TAP, so each is started with plain `node`
 * and its stream is read with tap's own parser. That leaves out what `tap run` adds: transpiling on the fly (two
 * seconds a file; ours are compiled already), coverage and plugins, none of which is used here.
 */
import { spawn } from 'node:child_process';
import { Parser, type FinalResults, type Result } from 'tap-parser';
import { stringify } from 'yaml';

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface RunOptions {
  /** Compiled files with the names to show. */
  readonly files: readonly { readonly name: string; readonly path: string }[];
  readonly cwd: string;
  /** The whole environment of the test files. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How many files run at once, at least 1. */
  readonly jobs: number;
  /** After so long tap ends a file with a failure. */
  readonly timeoutMs: number;
  /** After so much longer the process is killed, should tap have no chance to speak. */
  readonly graceMs: number;
  readonly write: (line: string) => void;
}

const STDERR_LINES = 100;

interface Outcome extends Totals {
  /** What a person needs to see under the file's line. */
  readonly details: readonly string[];
}

/** What is collected while one file runs. */
interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  readonly details: string[];
}

/** Runs all files and writes one line for each, with the details of failures. No file at all is a failure. */
export async function runTests(options: RunOptions): Promise<Totals> {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const waiting = [...options.files];
  const work = async (): Promise<void> => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const startedAt = performance.now();
      const outcome = await runFile(file.path, options);
      total.passed += outcome.passed;
      total.failed += outcome.failed;
      total.skipped += outcome.skipped;
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      options.write(
        `${outcome.failed === 0 ? 'ok  ' : 'FAIL'} ${file.name} · ${summary(outcome)} · ${seconds} s`,
      );
      for (const detail of outcome.details) options.write(detail.replace(/^/gm, '     ').trimEnd());
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  if (options.files.length > 0) return total;
  options.write('no test file matches');
  return { passed: 0, failed: 1, skipped: 0 };
}

/** The last line of a run, in the form that continuous integration reads. */
export function summary({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

async function runFile(path: string, options: RunOptions): Promise<Outcome> {
  const tally: Tally = { passed: 0, failed: 0, skipped: 0, details: [] };
  const parser = new Parser();
  watch(parser, tally);
  const results = new Promise<FinalResults>((resolve) => {
    parser.once('complete', resolve);
  });
  const noise: string[] = [];
  const end = await runProcess(path, options, parser, noise);
  parser.end();
  judge(await results, end, tally);
  if (tally.failed > 0) tally.details.push(...noise.join('').trimEnd().split('\n').slice(-STDERR_LINES));
  return tally;
}

/** Starts the file and resolves with null after a clean exit, otherwise with a sentence on how it ended. */
async function runProcess(
  path: string,
  options: RunOptions,
  parser: Parser,
  noise: string[],
): Promise<string | null> {
  const inherited = Object.entries(options.env).filter(([name]) => !/^TAP(_|$)/.test(name));
  const env = { ...Object.fromEntries(inherited), TAP_TIMEOUT: String(options.timeoutMs / 1000) };
  const child = spawn(process.execPath, ['--enable-source-maps', path], {
    cwd: options.cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => parser.write(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => noise.push(text));
  const deadlineMs = options.timeoutMs + options.graceMs;
  let killed = false;
  const timer = setTimeout(() => {
    killed = true;
    child.kill('SIGKILL');
    // A grandchild may keep the pipes open; closing our ends lets `close` come.
    child.stdout.destroy();
    child.stderr.destroy();
  }, deadlineMs);
  return new Promise((resolve) => {
    const settle = (end: string | null): void => {
      clearTimeout(timer);
      resolve(end);
    };
    child.once('error', (error) => {
      settle(`did not start: ${error.message}`);
    });
    child.once('close', (code, signal) => {
      if (killed) settle(`killed: still there ${deadlineMs} ms after its start`);
      else if (signal !== null) settle(`ended by ${signal}`);
      else settle(code === 0 ? null : `exit code ${String(code)}`);
    });
  });
}

/** Counts leaf assertions at every depth and keeps failures, skips' reasons and comments of the tests. */
function watch(parser: Parser, tally: Tally): void {
  parser.on('result', (result: Result) => {
    if (result.skip !== false || result.todo !== false) {
      tally.skipped += 1;
      tally.details.push(`skipped: ${result.fullname} (${String(result.skip || result.todo)})`);
    } else if (result.ok) {
      tally.passed += 1;
    } else {
      tally.failed += 1;
      tally.details.push(failureText(result));
    }
  });
  watchComments(parser, tally);
}

/** Tests say figures worth seeing in `t.comment`; tap's own comments are left out. */
function watchComments(parser: Parser, tally: Tally): void {
  parser.on('comment', (comment: string) => {
    if (!/^# (Subtest\b|time=|timeout=|\{ total: |(bailout|test count|failed \d+))/.test(comment)) {
      tally.details.push(comment.trimEnd());
    }
  });
  parser.on('child', (child: Parser) => {
    watchComments(child, tally);
  });
}

function failureText(result: Result): string {
  const { source: _source, stack, at: _at, ...rest } = { ...diagOf(result) };
  const diag = { ...rest, ...(stack === undefined ? {} : { stack }) };
  const text =
    Object.keys(diag).length === 0
      ? ''
      : `\n${stringify(diag, { lineWidth: 0 }).replace(/^/gm, '  ').trimEnd()}`;
  return `not ok: ${result.fullname}${result.fullname.endsWith(result.name) ? '' : ` > ${result.name}`}${text}`;
}

function diagOf(result: Result): Record<string, unknown> {
  const diag: unknown = result.diag;
  return typeof diag === 'object' && diag !== null ? { ...diag } : {};
}

/** What no single assertion says: a crash, a broken plan, a file without tests. Each counts as one failure. */
function judge(results: FinalResults, end: string | null, tally: Tally): void {
  const broken = results.failures.map(({ tapError }) => tapError).filter((text) => typeof text === 'string');
  if (results.bailout !== false) broken.push(`bailed out: ${String(results.bailout)}`);
  if (tally.failed === 0 && end !== null) broken.push(end);
  if (end === null && results.ok && tally.passed + tally.failed + tally.skipped === 0) {
    const { skipAll, skipReason } = results.plan;
    // tap writes this very reason itself when a file ran and asserted nothing.
    if (skipAll && skipReason !== '' && skipReason !== 'no tests found') {
      tally.skipped += 1;
      tally.details.push(`skipped: ${skipReason}`);
    } else {
      broken.push('no tests in this file');
    }
  }
  if (tally.failed === 0 && broken.length === 0 && !results.ok) broken.push('the TAP stream ended as not ok');
  if (tally.failed === 0 && broken.length > 0) tally.failed += 1;
  tally.details.push(...broken);
}
