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
