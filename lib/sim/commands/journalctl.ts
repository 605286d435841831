/** `journalctl -u UNIT [-n N] [-S SINCE] [-U UNTIL] [-g PATTERN] [-o cat|short] [-f]`; earlier boots are not kept. */
import type { JournalLine, Machine } from '../machine.js';
import type { Invocation } from '../process.js';
import { waitFor } from '../task.js';
import { Units } from '../units.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { parseMoment } from './date.js';
import { dateParts } from './dates.js';
import { Failure, gnuFlags, notModelled, program } from './failure.js';
import type { Flags } from './flags.js';

const FLAGS = [
  ...['unit|u=', 'lines|n?=10', 'no-pager', 'output|o=', 'quiet|q', 'reverse|r', 'boot|b?=0', 'catalog|x'],
  ...['pager-end|e', 'follow|f', 'since|S=', 'until|U=', 'grep|g=', 'no-hostname'],
];

/** What `-f` shows of what was there before when `-n` does not say it. */
const FOLLOWED_LINES = 10;

export const journalctl = program('command', function* run(call) {
  const flags = gnuFlags('journalctl', FLAGS, splitLines(call.args));
  const output = flags.get('output') ?? 'short';
  if (output !== 'short' && output !== 'cat') throw notModelled('journalctl', `-o ${output}`);
  const follows = flags.has('follow');
  const wanted = selection(call, flags);
  const all = call.machine.journal.filter(wanted);
  const count = flags.get('lines') ?? (follows ? String(FOLLOWED_LINES) : 'all');
  const lines = count === 'all' ? all : count === '0' ? [] : all.slice(-Number(count));
  const print = (line: JournalLine): void => {
    call.print(output === 'cat' ? `${line.text}\n` : journalText(call.machine, line));
  };
  if (lines.length === 0 && !follows) call.print('-- No entries --\n');
  for (const line of flags.has('reverse') ? [...lines].reverse() : lines) print(line);
  let last = call.machine.journal.at(-1);
  while (follows) {
    yield* waitFor([call.machine.journalChanged]);
    const { journal } = call.machine;
    const fresh = journal.slice(last === undefined ? 0 : journal.lastIndexOf(last) + 1);
    last = journal.at(-1);
    for (const line of fresh) if (wanted(line)) print(line);
  }
  return 0;
});

function selection(call: Invocation, flags: Flags): (line: JournalLine) => boolean {
  const units = flags.list('unit').map((name) => Units.nameOf(name));
  const since = momentOf(call, flags.get('since')) ?? -Infinity;
  const until = momentOf(call, flags.get('until')) ?? Infinity;
  const pattern = new RegExp(flags.get('grep') ?? '', /[A-Z]/.test(flags.get('grep') ?? '') ? '' : 'i');
  return ({ unit, atMs, text }) =>
    (units.length === 0 || units.includes(Units.nameOf(unit))) &&
    atMs >= since &&
    atMs <= until &&
    pattern.test(text);
}

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
