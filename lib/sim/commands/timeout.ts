/** `timeout DURATION COMMAND [ARG…]`: another program, ended by SIGTERM when its time is over. Options are refused. */
import { waitFor } from '../task.js';
import { Failure, notModelled, program } from './failure.js';
import { shellDuration } from './look-around.js';

const EXIT_OVER = 124;
const EXIT_WRONG = 125;
const HELP = "Try 'timeout --help' for more information.\n";

export const timeout = program('command', function* run(call) {
  const [duration, ...argv] = call.args;
  if (duration?.startsWith('-') === true) throw notModelled('timeout', duration, EXIT_WRONG);
  if (duration === undefined || argv.length === 0)
    throw new Failure(`timeout: missing operand\n${HELP}`, EXIT_WRONG);
  const ms = shellDuration(duration);
  if (ms === null) throw new Failure(`timeout: invalid time interval ‘${duration}’\n${HELP}`, EXIT_WRONG);
  call.process.handlesTerminate = true;
  const child = call.machine.start(argv, {
    stdin: call.stdin,
    env: call.env,
    output: (stream, text) => {
      if (stream === 'stdout') call.print(text);
      else call.printError(text);
    },
  });
  const endMs = call.world.nowMs + ms;
  while (child.running && !call.process.terminating && (ms === 0 || call.world.nowMs < endMs))
    yield* waitFor([child.exited, call.process.terminate], ms === 0 ? undefined : endMs - call.world.nowMs);
  if (child.exitCode !== null) return child.exitCode;
  // It waits as long as the program takes to end.
  child.kill('SIGTERM');
  while (child.running) yield* waitFor([child.exited]);
  return EXIT_OVER;
});
