/**
 * `ls [-1] [-l] [-a|-A] [-d] [FILE…]`, one name a line as on a pipe. `-R` and sorting options are not
 * modelled.
 */
import type { DiskEntry } from '../disk.js';
import type { Invocation } from '../process.js';
import type { Flags } from './flags.js';
import { dateParts } from './dates.js';
import { gnuFlags, shortProgram } from './failure.js';
import { absolute, modeText } from './paths.js';

export const ls = shortProgram((call) => {
  const flags = gnuFlags('ls', ['1', 'l', 'all|a', 'almost-all|A', 'directory|d', 'h'], call.args, 2);
  const { disk } = call.machine;
  const operands = flags.operands.length === 0 ? ['.'] : [...flags.operands].sort();
  const missing = operands.filter((operand) => !disk.exists(absolute(call, operand)));
  for (const operand of missing) {
    call.printError(`ls: cannot access '${operand}': No such file or directory\n`);
  }
  const asFolder = (operand: string): boolean =>
    disk.isDirectory(absolute(call, operand)) && !flags.has('directory');
  const present = operands.filter((operand) => !missing.includes(operand));
  const files = present.filter((operand) => !asFolder(operand));
  printNames(call, files, (name) => absolute(call, name), flags);
  const folders = present.filter(asFolder);
  for (const [index, folder] of folders.entries()) {
    if (index > 0 || files.length > 0) call.print('\n');
    if (operands.length > 1) call.print(`${folder}:\n`);
    listFolder(call, folder, flags);
  }
  return missing.length > 0 ? 2 : 0;
});

function listFolder(call: Invocation, folder: string, flags: Flags): void {
  const hidden = flags.has('all') || flags.has('almost-all');
  const names = call.machine.disk
    .list(absolute(call, folder))
    .filter((name) => hidden || !name.startsWith('.'));
  const all = flags.has('all') ? ['.', '..', ...names] : names;
  // Blocks of 4 KiB, as ext4 gives them out, counted in KiB.
  if (flags.has('l')) {
    const kib = all.map((name) => blocks(call.machine.disk.entry(absolute(call, `${folder}/${name}`))));
    call.print(`total ${kib.reduce((sum, one) => sum + one, 0)}\n`);
  }
  printNames(call, all, (name) => absolute(call, `${absolute(call, folder)}/${name}`), flags);
}

function printNames(
  call: Invocation,
  names: readonly string[],
  pathOf: (name: string) => string,
  flags: Flags,
): void {
  if (!flags.has('l')) {
    for (const name of names) call.print(`${name}\n`);
    return;
  }
  const rows = names.map((name) => {
    const entry = call.machine.disk.entry(pathOf(name));
    return entry === null ? null : { name, entry, size: String(sizeOf(entry)) };
  });
  const width = Math.max(0, ...rows.map((row) => row?.size.length ?? 0));
  for (const row of rows) {
    if (row === null) continue;
    const { entry, name, size } = row;
    const links = entry.kind === 'directory' ? 2 : 1;
    const mode = modeText(entry.mode, entry.kind === 'directory');
    const owner = entry.owner.replace(':', ' ');
    call.print(`${mode} ${links} ${owner} ${size.padStart(width)} ${listTime(entry.modifiedMs)} ${name}\n`);
  }
}

function sizeOf(entry: DiskEntry): number {
  return entry.kind === 'directory' ? 4_096 : entry.size;
}

function blocks(entry: DiskEntry | null): number {
  return entry === null ? 0 : Math.ceil(sizeOf(entry) / 4_096) * 4;
}

/** `Jan  1 00:12`, the format for files of the last six months, which all files of a lab are. */
function listTime(labMs: number): string {
  const { month, shortDay, time } = dateParts(labMs);
  return `${month} ${shortDay} ${time.slice(0, 5)}`;
}
