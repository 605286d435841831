/**
 * GNU `date`: prints the clock of the machine, sets it (`-s`, for what people type: RFC 3339, a date, a time,
 * `@seconds`, `+2 hours`, `3 days ago`), or prints another moment (`-d`). Time zones are not modelled: all is UTC.
 */
import { parseRfc3339, rfc3339 } from '../../base/calendar.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { dateParts } from './dates.js';
import { Failure, gnuFlags, notModelled, shortProgram } from './failure.js';

export const date = shortProgram((call) => {
  const specs = ['utc|universal|u', 'iso-8601|I?=date', 'rfc-3339=', 'set|s=', 'date|d='];
  const flags = gnuFlags('date', specs, call.args);
  const { machine } = call;
  const nowMs = EPOCH_UNIX_MS + machine.wallMs;
  const wanted = flags.get('set') ?? flags.get('date');
  const unixMs = wanted === null ? nowMs : parseMoment(wanted, nowMs);
  if (unixMs === null) throw new Failure(`date: invalid date ‘${wanted ?? ''}’\n`);
  if (flags.get('set') !== null) machine.setClock(unixMs - EPOCH_UNIX_MS);
  const format = flags.operands[0];
  const text = rfc3339(unixMs);
  const { weekday, month, shortDay, time, year } = dateParts(unixMs - EPOCH_UNIX_MS);
  if (format === undefined && !flags.has('iso-8601')) {
    call.print(`${weekday} ${month} ${shortDay} ${time} UTC ${year}\n`);
  } else if (flags.has('iso-8601')) {
    const seconds = flags.get('iso-8601') === 'seconds';
    call.print(seconds ? `${text.replace('Z', '+00:00')}\n` : `${text.slice(0, 10)}\n`);
  } else call.print(`${formatDate(format ?? '', unixMs)}\n`);
  return 0;
});

const UNIT_MS: Readonly<Record<string, number>> = {
  ...{ sec: 1_000, second: 1_000, min: 60_000, minute: 60_000, hour: 3_600_000 },
  ...{ day: 86_400_000, week: 604_800_000, year: 31_536_000_000 },
};

/** Milliseconds since 1970, as far as people write moments; null for anything else. */
export function parseMoment(text: string, nowMs: number): number | null {
  const words = text.trim().replace(/^(\S+) UTC$/, '$1');
  if (words === 'now' || words === '') return nowMs;
  const [, seconds] = /^@(\d+)$/.exec(words) ?? [];
  if (seconds !== undefined) return Number(seconds) * 1_000;
  const relative = /^([+-]?)\s*(\d+)\s*([a-z]+?)s?(\s+ago)?$/.exec(words);
  if (relative !== null) {
    const [, sign, amount, unit, ago] = relative;
    const unitMs = UNIT_MS[unit ?? ''];
    const back = (sign === '-') !== (ago !== undefined);
    return unitMs === undefined ? null : nowMs + (back ? -1 : 1) * Number(amount) * unitMs;
  }
  const today = rfc3339(nowMs).slice(0, 10);
  const absolute = /^(?:(\d{4}-\d\d-\d\d)(?:[T ]|$))?(?:(\d\d):(\d\d)(?::(\d\d))?)?Z?$/.exec(words);
  if (absolute === null) return null;
  const [, day = today, hour = '00', minute = '00', second = '00'] = absolute;
  return parseRfc3339(`${day}T${hour}:${minute}:${second}Z`);
}

function formatDate(format: string, unixMs: number): string {
  if (!format.startsWith('+')) throw new Failure(`date: invalid date ‘${format}’\n`);
  const text = rfc3339(unixMs);
  const known: Readonly<Record<string, string>> = {
    s: String(Math.floor(unixMs / 1_000)),
    N: String(unixMs % 1_000).padEnd(9, '0'),
    F: text.slice(0, 10),
    T: text.slice(11, 19),
    Z: 'UTC',
    Y: text.slice(0, 4),
    m: text.slice(5, 7),
    d: text.slice(8, 10),
    H: text.slice(11, 13),
    M: text.slice(14, 16),
    S: text.slice(17, 19),
    '%': '%',
  };
  return format.slice(1).replace(/%([a-zA-Z%])/g, (all, letter: string) => {
    const value = known[letter];
    if (value === undefined) throw notModelled('date', `the format ${all}`);
    return value;
  });
}
