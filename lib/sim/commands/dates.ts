/** Moments of lab time as old Unix programs print them. */
import { rfc3339 } from '../../base/calendar.js';
import { EPOCH_UNIX_MS } from '../world.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** 1970 began on a Thursday. */
const WEEKDAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'];

export interface DateParts {
  readonly year: string;
  /** `Jan`. */
  readonly month: string;
  /** Two digits. */
  readonly day: string;
  /** Two characters, a blank before one digit. */
  readonly shortDay: string;
  /** `00:05:12`. */
  readonly time: string;
  /** `Thu`. */
  readonly weekday: string;
}

export function dateParts(labMs: number): DateParts {
  const unixMs = EPOCH_UNIX_MS + labMs;
  const text = rfc3339(unixMs);
  const day = text.slice(8, 10);
  return {
    year: text.slice(0, 4),
    month: MONTHS[Number(text.slice(5, 7)) - 1] ?? '',
    day,
    shortDay: day.replace(/^0/, ' '),
    time: text.slice(11, 19),
    weekday: WEEKDAYS[Math.floor(unixMs / 86_400_000) % 7] ?? '',
  };
}

const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];

/** How systemd says how long ago something was: `2min 23s`, `6h`, `1 day 2h`, `3 weeks 1 day`. */
export function systemdAge(ms: number): string {
  const count = (unitMs: number): number => Math.floor(ms / unitMs);
  const days = count(DAY);
  const plural = (amount: number, unit: string): string => `${amount} ${unit}${amount === 1 ? '' : 's'}`;
  if (days >= 7) return [plural(Math.floor(days / 7), 'week'), plural(days % 7, 'day')].join(' ');
  if (ms >= 2 * DAY) return plural(days, 'day');
  if (ms >= 25 * HOUR) return `1 day ${count(HOUR) - 24}h`;
  if (ms >= 6 * HOUR) return `${count(HOUR)}h`;
  if (ms >= HOUR) return `${count(HOUR)}h ${count(MINUTE) % 60}min`;
  if (ms >= 5 * MINUTE) return `${count(MINUTE)}min`;
  if (ms >= MINUTE) return `${count(MINUTE)}min ${count(SECOND) % 60}s`;
  return ms >= SECOND ? `${count(SECOND)}s` : `${ms}ms`;
}

/** How crictl and docker say it: `45 seconds`, `About a minute`, `3 hours`. Source: go-units' HumanDuration. */
export function unitsAge(ms: number): string {
  const [seconds, minutes, hours] = [Math.floor(ms / SECOND), Math.floor(ms / MINUTE), Math.round(ms / HOUR)];
  if (seconds < 1) return 'Less than a second';
  if (seconds < 60) return seconds === 1 ? '1 second' : `${seconds} seconds`;
  if (minutes < 60) return minutes === 1 ? 'About a minute' : `${minutes} minutes`;
  if (hours < 48) return hours === 1 ? 'About an hour' : `${hours} hours`;
  if (hours < 24 * 14) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 60) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(ms / HOUR / 24 / 365)} years`;
}
