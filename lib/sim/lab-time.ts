/** Dates of the simulated cluster's objects as lab time. */
import { parseRfc3339 } from '../base/calendar.js';
import { EPOCH_UNIX_MS } from './world.js';

/** Lab milliseconds of an RFC 3339 date; null for anything else. */
export function labTime(date: string): number | null {
  const unixMs = parseRfc3339(date);
  return unixMs === null ? null : unixMs - EPOCH_UNIX_MS;
}
