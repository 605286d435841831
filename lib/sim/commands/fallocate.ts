/** `fallocate -l SIZE FILE`: reserves space, the quick way to fill a disk. Offsets and holes are left out. */
import { Failure, gnuFlags, shortProgram } from './failure.js';
import { absolute, errnoText } from './paths.js';

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1_024, M: 1_048_576, G: 1_073_741_824 };

export const fallocate = shortProgram((call) => {
  const flags = gnuFlags('fallocate', ['length|l='], call.args);
  const [file] = flags.operands;
  const wanted = flags.get('length');
  if (wanted === null) throw new Failure('fallocate: no length argument specified\n');
  if (file === undefined) throw new Failure('fallocate: no filename specified\n');
  const [, amount, unit = ''] = /^(\d+)([KMG]?)(?:iB)?$/.exec(wanted) ?? [];
  if (amount === undefined) throw new Failure('fallocate: invalid length value specified\n');
  const size = Number(amount) * (UNITS[unit] ?? 1);
  const { disk } = call.machine;
  const path = absolute(call, file);
  const failed = disk.write(path, disk.readBytes(path) ?? '', { size });
  if (failed === 'no-space') throw new Failure('fallocate: fallocate failed: No space left on device\n');
  if (failed !== null) throw new Failure(`fallocate: cannot open ${file}: ${errnoText(failed)}\n`);
  return 0;
});
