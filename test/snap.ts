/** `npm run snap`: lets tests rewrite golden files and trace digests in test/fixtures. The diff is read like code. */
import { isCi } from './helpers/golden.js';
import { runSuite } from './helpers/suite.js';

const filters = process.argv.slice(2);
if (isCi(process.env['CI'])) {
  process.stderr.write('npm run snap is refused in CI: run it at home and commit what it wrote\n');
  process.exitCode = 2;
} else {
  process.exitCode = await runSuite(filters.length > 0 ? filters : ['generate/', 'sim/repeatable'], true);
}
