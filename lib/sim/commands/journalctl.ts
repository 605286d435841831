/** `journalctl -u UNIT [-n N] [-S SINCE] [-U UNTIL] [-g PATTERN] [-o cat|short]`; earlier boots are not kept. */
import type { JournalLine, Machine } from '../machine.js';
import type { Invocation } from '../process.js';
import { Units } from '../units.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { parseMoment } from './date.js';
import { dateParts } from './dates.js';
import { Failure, gnuFlags, notModelled, shortProgram } from './failure.js';

const FLAGS = [
  ...['unit|u=', 'lines|n?=10', 'no-pager', 'output|o=', 'quiet|q', 'reverse|r', 'boot|b?=0', 'catalog|x'],
  ...['pager-end|e', 'follow|f', 'since|S=', 'until|U=', 'grep|g=', 'no-hostname'],
];

export const journalctl = shortProgram((call) => {
  const flags = gnuFlags('journalctl', FLAGS, splitLines(call.args));
  if (flags.get('follow') !== null) throw notModelled('journalctl', '--follow');
  const output = flags.get('output') ?? 'short';
  if (output !== 'short' && output !== 'cat') throw notModelled('journalctl', `-o ${output}`);
  const wanted = flags.list('unit').map((name) => Units.nameOf(name));
  const since = momentOf(call, flags.get('since')) ?? -Infinity;
  const until = momentOf(call, flags.get('until')) ?? Infinity;
  const pattern = new RegExp(flags.get('grep') ?? '', /[A-Z]/.test(flags.get('grep') ?? '') ? '' : 'i');
  const all = call.machine.journal.filter(
    ({ unit, atMs, text }) =>
      (wanted.length === 0 || wanted.includes(Units.nameOf(unit))) &&
      atMs >= since &&
      atMs <= until &&
      pattern.test(text),
  );
  const count = flags.get('lines');
  const lines = count === null || count === 'all' ? all : all.slice(-Number(count));
  if (lines.length === 0) {
    call.print('-- No entries --\n');
    return 0;
  }
  for (const line of flags.has('reverse') ? [...lines].reverse() : lines) {
    call.print(output === 'cat' ? `${line.text}\n` : journalText(call.machine, line));
  }
  return 0;
});

/** By the machine's clock; null for an option that was not given. */
function momentOf(call: Invocation, text: string | null): number | null {
  if (text === null) return null;
  const unixMs = parseMoment(text.replace(/^-(\d.*)$/, '$1 ago'), EPOCH_UNIX_MS + call.machine.wallMs);
  if (unixMs === null) throw new Failure(`Failed to parse timestamp: ${text}\n`);
  return unixMs - EPOCH_UNIX_MS;
}

/** `-n 20` with a blank is read as one word, as systemd's own parser does for a number that follows. */
function splitLines(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const next = args[index + 1];
    if (
      (args[index] === '-n' || args[index] === '--lines') &&
      next !== undefined &&
      /^(\d+|all)$/.test(next)
    ) {
      joined.push(`--lines=${next}`);
      index += 1;
    } else joined.push(args[index] ?? '');
  }
  return joined;
}

/** `Jan 01 00:01:02 stage-cp-1 kubelet: text`, with the newline. */
export function journalText(machine: Machine, line: JournalLine): string {
  const { month, day, time } = dateParts(line.atMs);
  const name = line.unit.replace(/\.service$/, '');
  return `${month} ${day} ${time} ${machine.name} ${name}: ${line.text}\n`;
}
