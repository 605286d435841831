/** Programs of a line or two: true, sync, hostname, uname, sha256sum. */
import { sha256Hex } from '../../base/digest.js';
import type { Invocation } from '../process.js';
import { gnuFlags, notModelled, shortProgram } from './failure.js';
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
