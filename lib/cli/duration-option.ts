/** Durations as option and argument values. */
import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../base/duration.js';

/** Milliseconds of `30s`, `1m30s` and the like. */
export function durationOption(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new InvalidArgumentError('a duration such as 30s, 5m or 1m30s is expected.');
  return ms;
}
