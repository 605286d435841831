/** `rm [-r] [-f] FILE…`. Prompts are not modelled: every simulated program is root without a terminal. */
import type { Invocation } from '../process.js';
import type { Flags } from './flags.js';
import { Failure, gnuFlags, shortProgram } from './failure.js';
import { absolute } from './paths.js';

/** What `--preserve-root`, the default of coreutils, says; its opposite is not modelled. */
const PRESERVED =
  "rm: it is dangerous to operate recursively on '/'\n" +
  'rm: use --no-preserve-root to override this failsafe\n';

export const rm = shortProgram((call) => {
  const flags = gnuFlags('rm', ['recursive|r|R', 'force|f', 'dir|d', 'verbose|v'], call.args);
  if (flags.operands.length === 0 && !flags.has('force')) {
    throw new Failure("rm: missing operand\nTry 'rm --help' for more information.\n");
  }
  let code = 0;
  for (const operand of flags.operands) {
    if (flags.has('recursive') && absolute(call, operand) === '/') {
      call.printError(PRESERVED);
      code = 1;
      continue;
    }
    const reason = removeOne(call, operand, flags);
    if (reason === null) continue;
    call.printError(`rm: cannot remove '${operand}': ${reason}\n`);
    code = 1;
  }
  return code;
});

function removeOne(call: Invocation, operand: string, flags: Flags): string | null {
  const { disk } = call.machine;
  const path = absolute(call, operand);
  if (!disk.exists(path)) return flags.has('force') ? null : 'No such file or directory';
  if (disk.isDirectory(path) && !flags.has('recursive')) {
    if (!flags.has('dir')) return 'Is a directory';
    if (disk.remove(path) !== null) return 'Directory not empty';
  } else disk.removeTree(path);
  if (flags.has('verbose')) call.print(`removed '${operand}'\n`);
  return null;
}
