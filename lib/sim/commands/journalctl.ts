/** `journalctl -u UNIT [-n N] [--no-pager] [-o cat|short]`; the journal of earlier boots is not kept. */
import { rfc3339 } from '../../base/calendar.js';
import type { JournalLine, Machine } from '../machine.js';
import { Units } from '../units.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { gnuFlags, notModelled, shortProgram } from './failure.js';

const FLAGS = [
  ...['unit|u=', 'lines|n?=10', 'no-pager', 'output|o=', 'quiet|q', 'reverse|r', 'boot|b?=0', 'catalog|x'],
  ...['pager-end|e', 'follow|f', 'since|S=', 'until|U=', 'grep|g=', 'no-hostname'],
];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export const journalctl = shortProgram((call) => {
  const flags = gnuFlags('journalctl', FLAGS, splitLines(call.args));
  for (const option of ['follow', 'since', 'until', 'grep']) {
    if (flags.get(option) !== null) throw notModelled('journalctl', `--${option}`);
  }
  const output = flags.get('output') ?? 'short';
  if (output !== 'short' && output !== 'cat') throw notModelled('journalctl', `-o ${output}`);
  const wanted = flags.list('unit').map((name) => Units.nameOf(name));
  const all = call.machine.journal.filter(
    (line) => wanted.length === 0 || wanted.includes(Units.nameOf(line.unit)),
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
  const [, month = '1', day = '', time = ''] =
    /^\d+-(\d\d)-(\d\d)T(.{8})/.exec(rfc3339(EPOCH_UNIX_MS + line.atMs)) ?? [];
  const name = line.unit.replace(/\.service$/, '');
  return `${MONTHS[Number(month) - 1] ?? ''} ${day} ${time} ${machine.name} ${name}: ${line.text}\n`;
}
