/** `stat -c FORMAT FILE…`; the long form without a format is short of what the simulator does not have. */
import { rfc3339 } from '../../base/calendar.js';
import type { DiskEntry } from '../disk.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { Failure, gnuFlags, notModelled, shortProgram } from './failure.js';
import { absolute, modeText } from './paths.js';

export const stat = shortProgram((call) => {
  const flags = gnuFlags('stat', ['format|c=', 'printf=', 'dereference|L', 'terse|t'], call.args);
  if (flags.operands.length === 0) {
    throw new Failure("stat: missing operand\nTry 'stat --help' for more information.\n");
  }
  const format = flags.get('format');
  if (format === null) throw notModelled('stat', 'output without -c FORMAT');
  let code = 0;
  for (const file of flags.operands) {
    const entry = call.machine.disk.entry(absolute(call, file));
    if (entry === null) {
      call.printError(`stat: cannot statx '${file}': No such file or directory\n`);
      code = 1;
    } else call.print(`${fill(format, file, entry)}\n`);
  }
  return code;
});

function fill(format: string, file: string, entry: DiskEntry): string {
  const [user = 'root', group = 'root'] = entry.owner.split(':');
  const directory = entry.kind === 'directory';
  return format.replace(/%([a-zA-Z%])/g, (_all, letter: string) => {
    switch (letter) {
      case 'a':
        return entry.mode.toString(8);
      case 'A':
        return modeText(entry.mode, directory);
      case 'U':
        return user;
      case 'G':
        return group;
      case 'u':
      case 'g':
        return '0';
      case 's':
        return String(directory ? 4_096 : entry.size);
      case 'n':
        return file;
      case 'F':
        return directory ? 'directory' : entry.size === 0 ? 'regular empty file' : 'regular file';
      case 'Y':
        return String(Math.floor((EPOCH_UNIX_MS + entry.modifiedMs) / 1_000));
      case 'y':
        return `${rfc3339(EPOCH_UNIX_MS + entry.modifiedMs)
          .replace('T', ' ')
          .replace('Z', '')}.000000000 +0000`;
      case '%':
        return '%';
      default:
        return '?';
    }
  });
}
