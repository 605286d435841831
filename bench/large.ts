/**
 * A lab of as many machines as the first argument says, five of them control planes, brought up in a process of its
 * own, so that its memory is not mixed with that of other measurements. Prints one line of JSON.
 */
import { timed } from './clock.js';
import { bootstrap, labOf } from './labs.js';

const machines = Number(process.argv[2]);
const wallMs = await timed(() => bootstrap(labOf(machines, 5)));
const memoryMiB = process.resourceUsage().maxRSS / 1_024;
process.stdout.write(`${JSON.stringify({ machines, wallMs, memoryMiB })}\n`);
