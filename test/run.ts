/** `npm test`, and `npm test -- engine` for the files whose path holds "engine". Options are not known here. */
import { runSuite } from './helpers/suite.js';

process.exitCode = await runSuite({ suite: 'plain', filters: process.argv.slice(2) });
