/**
 * `cp [-r|-a] [-f] [-p] [-T] SOURCE… TARGET`. Times and links are not kept apart: there are none to keep.
 */
import type { Invocation } from '../process.js';
import type { Flags } from './flags.js';
import { Failure, gnuFlags, shortProgram } from './failure.js';
import { absolute, errnoText, targetIn } from './paths.js';

const FLAGS = ['recursive|r|R', 'archive|a', 'force|f', 'p', 'no-target-directory|T', 'verbose|v'];

export const cp = shortProgram((call) => {
  const flags = gnuFlags('cp', FLAGS, call.args);
  const sources = [...flags.operands];
  const target = sources.pop();
  if (target === undefined) throw usage('missing file operand');
  if (sources.length === 0) throw usage(`missing destination file operand after '${target}'`);
  if (sources.length > 1 && !call.machine.disk.isDirectory(absolute(call, target))) {
    throw new Failure(`cp: target '${target}': Not a directory\n`);
  }
  let code = 0;
  for (const source of sources) {
    const to = flags.has('no-target-directory') ? absolute(call, target) : targetIn(call, target, source);
    const reason = copy(call, source, absolute(call, source), to, flags);
    if (reason === null) continue;
    call.printError(`cp: ${reason}\n`);
    code = 1;
  }
  return code;
});

function copy(call: Invocation, shown: string, from: string, to: string, flags: Flags): string | null {
  const { disk } = call.machine;
  const entry = disk.entry(from);
  if (entry === null) return `cannot stat '${shown}': No such file or directory`;
  if (from === to) return `'${shown}' and '${to}' are the same file`;
  if (entry.kind === 'file') {
    const keep = flags.has('archive') || flags.has('p');
    const owner = keep ? { owner: entry.owner } : {};
    const mode = keep || !disk.exists(to) ? { mode: entry.mode } : {};
    const failed = disk.write(to, entry.content, { ...mode, ...owner, size: entry.size });
    if (failed === 'no-space') return `error writing '${to}': ${errnoText(failed)}`;
    return failed === null ? null : `cannot create regular file '${to}': ${errnoText(failed)}`;
  }
  if (!flags.has('recursive') && !flags.has('archive'))
    return `-r not specified; omitting directory '${shown}'`;
  if (disk.isFile(to)) return `cannot overwrite non-directory '${to}' with directory '${shown}'`;
  disk.makeDirectories(to, entry.mode);
  for (const name of disk.list(from)) {
    const reason = copy(call, `${shown}/${name}`, `${from}/${name}`, `${to}/${name}`, flags);
    if (reason !== null) return reason;
  }
  return null;
}

function usage(reason: string): Failure {
  return new Failure(`cp: ${reason}\nTry 'cp --help' for more information.\n`);
}
