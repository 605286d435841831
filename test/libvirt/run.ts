/**
 * `npm run test:libvirt [-- FILTER]`: prepares this computer and runs the tests of this folder on real machines, one
 * file after the other. Where real machines cannot run, every file is skipped, with the reasons.
 */
import { messageOf } from '../../lib/base/errors.js';
import { runSuite, testsOf } from '../helpers/suite.js';
import { summary } from '../helpers/run-tests.js';
import { prepareHost, whyNot, type TestHost } from './helpers/host.js';

const filters = process.argv.slice(2);
const write = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

function skipped(why: readonly string[]): number {
  const files = testsOf('libvirt', filters);
  write(`SKIPPED: real machines cannot run here, so ${files.length} files of tests were not run:`);
  for (const reason of why) write(`  ${reason}`);
  write(summary({ passed: 0, failed: 0, skipped: files.length }));
  return files.length === 0 ? 1 : 0;
}

async function run(): Promise<number> {
  let host: TestHost;
  try {
    host = prepareHost();
  } catch (error) {
    write(`this computer could not be prepared: ${messageOf(error)}`);
    write(summary({ passed: 0, failed: 1, skipped: 0 }));
    return 1;
  }
  process.once('SIGINT', () => {
    host.stop();
    process.exit(130);
  });
  try {
    return await runSuite({ suite: 'libvirt', filters, env: host.env });
  } finally {
    host.stop();
  }
}

const why = whyNot();
process.exitCode = why.length > 0 ? skipped(why) : await run();
