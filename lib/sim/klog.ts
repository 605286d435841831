/** Log lines as Kubernetes' programs (klog) and Go's logrus print them. */
import type { World } from './world.js';

/** `I1121 00:17:14.452529       1 leaderelection.go:257] text` and a line feed. */
export function klogLine(world: World, level: 'I' | 'W' | 'E' | 'F', source: string, text: string): string {
  const date = world.date(world.nowMs, true);
  const [day = '', time = ''] = date.replace('Z', '').split('T');
  return `${level}${day.slice(5).replace('-', '')} ${time}000       1 ${source}] ${text}\n`;
}

/** `time="2026-11-21T00:17:14Z" level=info msg="text"` and a line feed. */
export function logrusLine(world: World, level: 'info' | 'error' | 'fatal', text: string): string {
  return `time="${world.date(world.nowMs)}" level=${level} msg=${JSON.stringify(text)}\n`;
}
