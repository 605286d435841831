/** `npm run snap`: lets tests rewrite golden files and trace digests in test/fixtures. The diff is read like code. */
import { isCi } from './helpers/golden.js';
import { runSuite } from './helpers/suite.js';

const given = process.argv.slice(2);
const filters = given.length > 0 ? given : ['generate/', 'sim/repeatable'];
if (isCi(process.env['CI'])) {
  process.stderr.write('npm run snap is refused in CI: run it at home and commit what it wrote\n');
  process.exitCode = 2;
} else {
  process.exitCode = await runSuite({ suite: 'plain', filters, snap: true });
}
