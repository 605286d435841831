/** Log lines as Kubernetes' programs (klog) and Go's logrus print them. */
import type { Machine } from './machine.js';

/** `I1121 00:17:14.452529       1 leaderelection.go:257] text` and a line feed. */
export function klogLine(
  machine: Machine,
  level: 'I' | 'W' | 'E' | 'F',
  source: string,
  text: string,
): string {
  const date = machine.date(true);
  const [day = '', time = ''] = date.replace('Z', '').split('T');
  return `${level}${day.slice(5).replace('-', '')} ${time}000       1 ${source}] ${text}\n`;
}

/** `time="2026-11-21T00:17:14Z" level=info msg="text"` and a line feed. */
export function logrusLine(machine: Machine, level: 'info' | 'error' | 'fatal', text: string): string {
  return `time="${machine.date()}" level=${level} msg=${JSON.stringify(text)}\n`;
}
