/** `mv [-f] [-T] SOURCE… TARGET`: a rename on the one file system, atomic as rename(2) is. */
import type { Invocation } from '../process.js';
import { Failure, gnuFlags, shortProgram } from './failure.js';
import { absolute, errnoText, targetIn } from './paths.js';

const FLAGS = ['force|f', 'no-clobber|n', 'no-target-directory|T', 'target-directory|t=', 'verbose|v'];

export const mv = shortProgram((call) => {
  const flags = gnuFlags('mv', FLAGS, call.args);
  const sources = [...flags.operands];
  const target = flags.get('target-directory') ?? sources.pop();
  if (target === undefined) throw usage('missing file operand');
  if (sources.length === 0) throw usage(`missing destination file operand after '${target}'`);
  if (sources.length > 1 && !call.machine.disk.isDirectory(absolute(call, target))) {
    throw new Failure(`mv: target '${target}': ${reasonNotFolder(call, target)}\n`);
  }
  let code = 0;
  for (const source of sources) {
    const to = flags.has('no-target-directory') ? absolute(call, target) : targetIn(call, target, source);
    if (flags.has('no-clobber') && call.machine.disk.exists(to)) continue;
    const reason = move(call, source, to);
    if (reason === null) continue;
    call.printError(`mv: ${reason}\n`);
    code = 1;
  }
  return code;
});

function move(call: Invocation, source: string, to: string): string | null {
  const { disk } = call.machine;
  const from = absolute(call, source);
  if (!disk.exists(from)) return `cannot stat '${source}': No such file or directory`;
  if (from === to) return `'${source}' and '${to}' are the same file`;
  if (to.startsWith(`${from}/`)) return `cannot move '${source}' to a subdirectory of itself, '${to}'`;
  if (disk.isDirectory(to)) {
    if (!disk.isDirectory(from)) return `cannot overwrite directory '${to}' with non-directory`;
    const failed = disk.remove(to);
    if (failed !== null) return `cannot move '${source}' to '${to}': ${errnoText(failed)}`;
  } else if (disk.isFile(to) && disk.isDirectory(from)) {
    return `cannot overwrite non-directory '${to}' with directory '${source}'`;
  }
  const failed = disk.rename(from, to);
  return failed === null ? null : `cannot move '${source}' to '${to}': ${errnoText(failed)}`;
}

function reasonNotFolder(call: Invocation, target: string): string {
  return call.machine.disk.exists(absolute(call, target)) ? 'Not a directory' : 'No such file or directory';
}

function usage(reason: string): Failure {
  return new Failure(`mv: ${reason}\nTry 'mv --help' for more information.\n`);
}
