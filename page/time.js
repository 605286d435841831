// Lab times as people read them, and the ticks of the time axis.

const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5,
  72e5, 216e5, 432e5, 864e5,
];

/** `4m10s`, or `4m10.250s` where milliseconds are asked for or are all there is. */
export function timeText(ms, exact = false) {
  const whole = Math.round(exact ? ms : Math.round(ms / 1_000) * 1_000);
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor(whole / 60_000) % 60;
  const seconds = Math.floor(whole / 1_000) % 60;
  const rest = exact && whole % 1_000 > 0 ? `.${String(whole % 1_000).padStart(3, '0')}` : '';
  if (hours > 0) return `${hours}h${two(minutes)}m${two(seconds)}${rest}s`;
  return minutes > 0 ? `${minutes}m${two(seconds)}${rest}s` : `${seconds}${rest}s`;
}

/** How long something took. */
export function spanText(ms) {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : timeText(ms);
}

/** Moments at round distances, at most `most` of them. */
export function ticksBetween(fromMs, toMs, most) {
  const step = STEPS_MS.find((one) => (toMs - fromMs) / one <= most) ?? 864e5;
  const ticks = [];
  for (let at = Math.ceil(fromMs / step) * step; at <= toMs; at += step) ticks.push(at);
  return { ticks, exact: step < 1_000 };
}

function two(number) {
  return String(number).padStart(2, '0');
}
