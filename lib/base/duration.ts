/** Durations as people type and read them. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads `95s`, `1m30s`, `250ms`, `2h`, `1m24.029s`; null for anything else. Milliseconds. */
export function parseDuration(text: string): number | null {
  if (!/^(\d+(ms|s|m|h|d)|\d+\.\d{1,3}s)+$/.test(text)) return null;
  let total = 0;
  for (const [, count, fraction = '', unit] of text.matchAll(/(\d+)(?:\.(\d{1,3}))?(ms|s|m|h|d)/g))
    total += Number(count) * (UNITS[unit ?? ''] ?? 0) + Number(fraction.padEnd(3, '0'));
  return Number.isSafeInteger(total) ? total : null;
}

/** `0.8s`, `42.3s`, `6m12s`, `1h02m`: rounded to what a person still cares about. */
export function printDuration(ms: number): string {
  if (ms < 60_000) return `${(Math.round(ms / 100) / 10).toFixed(1)}s`;
  const seconds = Math.round(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${String(seconds % 60).padStart(2, '0')}s`;
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`;
}

/** As `printDuration`, but in milliseconds where tenths of a second would say too little. */
export function printSpan(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : printDuration(ms);
}

/** `0.029s`, `1m24.029s`, `1h02m00.000s`: a moment to the millisecond, as `parseDuration` reads it. */
export function printMoment(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const seconds = `${Math.floor(ms / 1_000) % 60}.${String(ms % 1_000).padStart(3, '0')}s`;
  if (minutes === 0) return seconds;
  const hours = Math.floor(minutes / 60);
  if (hours === 0) return `${minutes}m${seconds.padStart(7, '0')}`;
  return `${hours}h${String(minutes % 60).padStart(2, '0')}m${seconds.padStart(7, '0')}`;
}
