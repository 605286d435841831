/** `timedatectl` of systemd: what the clock says, and `set-time`. The image has no service that corrects the clock. */
import { rfc3339 } from '../../base/calendar.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { parseMoment } from './date.js';
import { dateParts } from './dates.js';
import { Failure, gnuFlags, notModelled, shortProgram } from './failure.js';

export const timedatectl = shortProgram((call) => {
  const flags = gnuFlags('timedatectl', ['no-pager', 'no-ask-password', 'value', 'property|p='], call.args);
  const [verb = 'status', wanted] = flags.operands;
  const { machine, world } = call;
  switch (verb) {
    case 'status':
      for (const [name, value] of statusOf(machine.wallMs, world.nowMs))
        call.print(`${name.padStart(25)}: ${value}\n`);
      return 0;
    case 'set-time': {
      const unixMs = parseMoment(wanted ?? '', EPOCH_UNIX_MS + machine.wallMs);
      if (wanted === undefined) throw new Failure('Too few arguments.\n');
      if (unixMs === null)
        throw new Failure(`Failed to parse time specification '${wanted}': Invalid argument\n`);
      machine.setClock(unixMs - EPOCH_UNIX_MS);
      return 0;
    }
    case 'set-ntp':
      throw new Failure('Failed to set ntp: NTP not supported\n');
    case 'show':
    case 'set-timezone':
    case 'list-timezones':
    case 'set-local-rtc':
    case 'timesync-status':
    case 'show-timesync':
      throw notModelled('timedatectl', verb);
    default:
      throw new Failure(`Unknown command verb ${verb}.\n`);
  }
});

function statusOf(wallMs: number, rtcMs: number): readonly (readonly [string, string])[] {
  const text = (ms: number): string => {
    const { weekday, year, day, time } = dateParts(ms);
    return `${weekday} ${year}-${monthOf(ms)}-${day} ${time}`;
  };
  return [
    ['Local time', `${text(wallMs)} UTC`],
    ['Universal time', `${text(wallMs)} UTC`],
    ['RTC time', text(rtcMs)],
    ['Time zone', 'Etc/UTC (UTC, +0000)'],
    ['System clock synchronized', 'no'],
    ['NTP service', 'n/a'],
    ['RTC in local TZ', 'no'],
  ];
}

function monthOf(labMs: number): string {
  return rfc3339(EPOCH_UNIX_MS + labMs).slice(5, 7);
}
