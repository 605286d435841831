/** `install [-m MODE] [-o USER] [-g GROUP] [-D] SOURCE… TARGET` and `install -d DIRECTORY…`. */
import { parentOf } from '../disk.js';
import type { Invocation } from '../process.js';
import type { Flags } from './flags.js';
import { Failure, gnuFlags, shortProgram } from './failure.js';
import { absolute, errnoText, parseMode, targetIn } from './paths.js';

const FLAGS = [
  ...['mode|m=', 'owner|o=', 'group|g=', 'D', 'directory|d', 'no-target-directory|T'],
  ...['compare|C', 'preserve-timestamps|p', 'verbose|v', 'target-directory|t='],
];

export const install = shortProgram((call) => {
  const flags = gnuFlags('install', FLAGS, call.args);
  const wanted = flags.get('mode') ?? '0755';
  const mode = parseMode(wanted);
  if (mode === null) throw new Failure(`install: invalid mode ‘${wanted}’\n`);
  if (flags.has('directory')) return makeFolders(call, flags, mode);
  const sources = [...flags.operands];
  const target = flags.get('target-directory') ?? sources.pop();
  if (target === undefined) throw usage('missing file operand');
  if (sources.length === 0) throw usage(`missing destination file operand after '${target}'`);
  for (const source of sources) installOne(call, flags, source, target, mode);
  return 0;
});

function makeFolders(call: Invocation, flags: Flags, mode: number): number {
  if (flags.operands.length === 0) throw usage('missing file operand');
  const { disk } = call.machine;
  for (const operand of flags.operands) {
    const failed = disk.makeDirectories(absolute(call, operand), mode);
    if (failed !== null) {
      throw new Failure(`install: cannot create directory ‘${operand}’: ${errnoText(failed)}\n`);
    }
    disk.chmod(absolute(call, operand), mode);
  }
  return 0;
}

function installOne(call: Invocation, flags: Flags, source: string, target: string, mode: number): void {
  const { disk } = call.machine;
  const content = disk.readBytes(absolute(call, source));
  if (content === null) {
    throw new Failure(
      disk.exists(absolute(call, source))
        ? `install: omitting directory '${source}'\n`
        : `install: cannot stat '${source}': No such file or directory\n`,
    );
  }
  const to = flags.has('no-target-directory') ? absolute(call, target) : targetIn(call, target, source);
  if (flags.has('D')) disk.makeDirectories(parentOf(to));
  const owner = `${flags.get('owner') ?? 'root'}:${flags.get('group') ?? 'root'}`;
  const failed = disk.write(to, content, { mode, owner });
  if (failed === 'no-space') throw new Failure(`install: error writing '${to}': ${errnoText(failed)}\n`);
  if (failed !== null) {
    throw new Failure(`install: cannot create regular file '${to}': ${errnoText(failed)}\n`);
  }
}

function usage(reason: string): Failure {
  return new Failure(`install: ${reason}\nTry 'install --help' for more information.\n`);
}
