/**
 * `df [-h] [-B1] [--output=FIELDS] [FILE…]` of the one file system.
 */
import { DISK_BYTES } from '../disk.js';
import { Failure, gnuFlags, notModelled, shortProgram } from './failure.js';
import type { Flags } from './flags.js';
import { absolute } from './paths.js';

export const df = shortProgram((call) => {
  const specs = ['human-readable|h', 'block-size|B=', 'k', 'output?=all', 'portability|P', 'type|t='];
  const flags = gnuFlags('df', specs, call.args);
  for (const operand of flags.operands) {
    if (!call.machine.disk.exists(absolute(call, operand))) {
      throw new Failure(`df: ${operand}: No such file or directory\n`);
    }
  }
  const unit = unitOf(flags);
  const used = call.machine.disk.usedBytes;
  const show = (bytes: number): string => (unit === 'human' ? human(bytes) : String(Math.ceil(bytes / unit)));
  const percent = `${Math.ceil((used * 100) / DISK_BYTES)}%`;
  const heading = unit === 'human' ? 'Size' : unit === 1 ? '1B-blocks' : '1K-blocks';
  const columns: Readonly<Record<string, readonly [string, string]>> = {
    source: ['Filesystem', '/dev/vda1'],
    size: [heading, show(DISK_BYTES)],
    used: ['Used', show(used)],
    avail: [
      unit === 'human' ? 'Avail' : flags.has('output') ? 'Avail' : 'Available',
      show(DISK_BYTES - used),
    ],
    pcent: ['Use%', percent],
    target: ['Mounted on', '/'],
  };
  const wanted = (flags.get('output') ?? 'source,size,used,avail,pcent,target').split(',');
  const cells = wanted.map((field) => {
    const column = columns[field];
    if (column === undefined) throw notModelled('df', `--output=${field}`);
    return column;
  });
  for (const row of [0, 1] as const) call.print(`${line(cells, wanted, row)}\n`);
  return 0;
});

function line(cells: readonly (readonly [string, string])[], fields: readonly string[], row: 0 | 1): string {
  return cells
    .map((cell, index) => {
      const field = fields[index];
      // The minimal widths of coreutils: 14 for the source, 5 for numbers, 4 for the percentage.
      const least = field === 'source' ? 14 : field === 'pcent' ? 4 : 5;
      const width = Math.max(cell[0].length, cell[1].length, least);
      if (field === 'target') return cell[row];
      return field === 'source' ? cell[row].padEnd(width) : cell[row].padStart(width);
    })
    .join(' ');
}

function unitOf(flags: Flags): number | 'human' {
  if (flags.has('human-readable')) return 'human';
  const size = flags.get('block-size');
  if (size === null) return 1_024;
  if (size === '1') return 1;
  if (size === '1K' || size === 'K') return 1_024;
  throw notModelled('df', `-B${size}`);
}

function human(bytes: number): string {
  const units = ['', 'K', 'M', 'G', 'T'];
  let value = bytes;
  let unit = 0;
  while (value >= 1_024) {
    value /= 1_024;
    unit += 1;
  }
  const small = value < 10 && unit > 0;
  const shown = small ? (Math.ceil(value * 10) / 10).toFixed(1) : String(Math.ceil(value));
  return `${shown}${units[unit] ?? ''}`;
}
