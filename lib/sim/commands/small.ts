/** Programs of a line or two: true, sync, date, hostname, uname, sha256sum. */
import { sha256Hex } from '../../base/digest.js';
import { rfc3339 } from '../../base/calendar.js';
import type { Invocation } from '../process.js';
import { EPOCH_UNIX_MS } from '../world.js';
import { Failure, gnuFlags, notModelled, shortProgram } from './failure.js';
import { absolute } from './paths.js';

export const trueProgram = shortProgram(() => 0);

/** Every write of the simulated disk is durable at once. */
export const sync = shortProgram((call) => {
  gnuFlags('sync', ['data|d', 'file-system|f'], call.args);
  return 0;
});

export const hostname = shortProgram((call) => {
  const flags = gnuFlags('hostname', ['short|s', 'fqdn|long|f', 'all-ip-addresses|I'], call.args, 255);
  if (flags.operands.length > 0) throw notModelled('hostname', 'setting the name');
  const { machine } = call;
  const name = machine.disk.read('/etc/hostname')?.trim() ?? machine.name;
  if (flags.has('all-ip-addresses')) call.print(`${[...machine.labNic.addresses.keys()].join(' ')} \n`);
  else call.print(`${flags.has('short') ? (name.split('.')[0] ?? name) : name}\n`);
  return 0;
});

/** The kernel of the node image, as the Node objects show it. */
export const KERNEL = '6.1.0-50-cloud-amd64';

export const uname = shortProgram((call) => {
  const specs = ['all|a', 'kernel-name|s', 'nodename|n', 'kernel-release|r', 'kernel-version|v', 'machine|m'];
  const flags = gnuFlags('uname', [...specs, 'operating-system|o'], call.args);
  const parts: readonly (readonly [string, string])[] = [
    ['kernel-name', 'Linux'],
    ['nodename', call.machine.name],
    ['kernel-release', KERNEL],
    ['kernel-version', '#1 SMP PREEMPT_DYNAMIC Debian'],
    ['machine', 'x86_64'],
    ['operating-system', 'GNU/Linux'],
  ];
  const asked = parts.filter(([name]) => flags.has('all') || flags.has(name));
  call.print(`${(asked.length === 0 ? parts.slice(0, 1) : asked).map(([, text]) => text).join(' ')}\n`);
  return 0;
});

const WEEKDAYS = ['Thu', 'Fri', 'Sat', 'Sun', 'Mon', 'Tue', 'Wed'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export const date = shortProgram((call) => {
  const specs = ['utc|universal|u', 'iso-8601|I?=date', 'rfc-3339='];
  const flags = gnuFlags('date', specs, call.args);
  const unixMs = EPOCH_UNIX_MS + call.world.nowMs;
  const format = flags.operands[0];
  const text = rfc3339(unixMs);
  const [, year = '', month = '', day = '', time = ''] = /^(\d+)-(\d+)-(\d+)T(.*)Z$/.exec(text) ?? [];
  if (format === undefined && !flags.has('iso-8601')) {
    const weekday = WEEKDAYS[Math.floor(unixMs / 86_400_000) % 7] ?? '';
    const name = MONTHS[Number(month) - 1] ?? '';
    call.print(`${weekday} ${name} ${String(Number(day)).padStart(2)} ${time} UTC ${year}\n`);
  } else if (flags.has('iso-8601')) {
    const seconds = flags.get('iso-8601') === 'seconds';
    call.print(seconds ? `${text.replace('Z', '+00:00')}\n` : `${year}-${month}-${day}\n`);
  } else call.print(`${formatDate(format ?? '', unixMs)}\n`);
  return 0;
});

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

export const sha256sum = shortProgram((call: Invocation) => {
  const flags = gnuFlags('sha256sum', ['binary|b', 'text|t', 'check|c'], call.args);
  if (flags.has('check')) throw notModelled('sha256sum', '--check');
  let code = 0;
  for (const operand of flags.operands.length === 0 ? ['-'] : flags.operands) {
    const bytes = operand === '-' ? call.stdin : call.machine.disk.readBytes(absolute(call, operand));
    if (bytes !== null) call.print(`${sha256Hex(bytes)}  ${operand}\n`);
    else {
      const folder = call.machine.disk.exists(absolute(call, operand));
      call.printError(`sha256sum: ${operand}: ${folder ? 'Is a directory' : 'No such file or directory'}\n`);
      code = 1;
    }
  }
  return code;
});
