/** `mkdir [-p] [-m MODE] DIRECTORY…`. */
import { parentOf } from '../disk.js';
import type { Invocation } from '../process.js';
import { Failure, gnuFlags, shortProgram } from './failure.js';
import { absolute, parseMode } from './paths.js';

export const mkdir = shortProgram((call) => {
  const flags = gnuFlags('mkdir', ['parents|p', 'mode|m=', 'verbose|v'], call.args);
  if (flags.operands.length === 0) {
    throw new Failure("mkdir: missing operand\nTry 'mkdir --help' for more information.\n");
  }
  const wanted = flags.get('mode') ?? '0755';
  const mode = parseMode(wanted);
  if (mode === null) throw new Failure(`mkdir: invalid mode ‘${wanted}’\n`);
  let code = 0;
  for (const operand of flags.operands) {
    const reason = makeOne(call, operand, mode, flags.has('parents'));
    if (reason === null) continue;
    call.printError(`mkdir: cannot create directory ‘${operand}’: ${reason}\n`);
    code = 1;
  }
  return code;
});

function makeOne(call: Invocation, operand: string, mode: number, parents: boolean): string | null {
  const { disk } = call.machine;
  const path = absolute(call, operand);
  if (parents) {
    const failed = disk.makeDirectories(path, mode);
    if (failed === null) return null;
    return failed === 'exists' ? 'File exists' : 'Not a directory';
  }
  if (disk.exists(path)) return 'File exists';
  const parent = parentOf(path);
  if (!disk.exists(parent)) return 'No such file or directory';
  if (!disk.isDirectory(parent)) return 'Not a directory';
  disk.makeDirectories(path, mode);
  return null;
}
