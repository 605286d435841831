/**
 * `sysctl [-n] KEY…`, `sysctl -w KEY=VALUE`, `sysctl --system|-p [FILE]`. A few keys that Kubernetes asks for; values
 * live in the kernel's memory, which a file per key under /proc/sys stands for and a boot resets.
 */
import type { Invocation } from '../process.js';
import { gnuFlags, notModelled, shortProgram } from './failure.js';

/** Defaults of the node image: its sysctl file has set these at boot. */
const DEFAULTS: Readonly<Record<string, string>> = {
  'net.ipv4.ip_forward': '1',
  'net.bridge.bridge-nf-call-iptables': '1',
  'net.bridge.bridge-nf-call-ip6tables': '1',
  'net.ipv4.ip_nonlocal_bind': '0',
  'vm.swappiness': '60',
  'fs.inotify.max_user_instances': '8192',
};

export const sysctl = shortProgram((call) => {
  const flags = gnuFlags(
    'sysctl',
    ['values|n', 'write|w', 'system', 'load|p?=', 'quiet|q', 'all|a'],
    call.args,
  );
  if (flags.has('all')) throw notModelled('sysctl', '--all');
  if (flags.has('system') || flags.get('load') !== null) return 0;
  let code = 0;
  for (const operand of flags.operands) {
    const [key = '', value] = operand.replaceAll('/', '.').split('=');
    const text = value === undefined ? read(call, key) : write(call, key, value);
    if (text === null) {
      call.printError(
        `sysctl: cannot stat /proc/sys/${key.replaceAll('.', '/')}: No such file or directory\n`,
      );
      code = 1;
    } else if (!flags.has('quiet')) call.print(flags.has('values') ? `${text}\n` : `${key} = ${text}\n`);
  }
  return code;
});

function pathOf(key: string): string {
  return `/proc/sys/${key.replaceAll('.', '/')}`;
}

function read(call: Invocation, key: string): string | null {
  const fallback = DEFAULTS[key];
  if (fallback === undefined) return null;
  const entry = call.machine.disk.entry(pathOf(key));
  // What was written before this boot is gone with the kernel that held it.
  const current = entry !== null && entry.modifiedMs >= call.machine.bootedMs;
  return (current ? call.machine.disk.read(pathOf(key)) : fallback)?.trim() ?? null;
}

function write(call: Invocation, key: string, value: string): string | null {
  if (DEFAULTS[key] === undefined) return null;
  const path = pathOf(key);
  call.machine.disk.makeDirectories(path.slice(0, path.lastIndexOf('/')));
  call.machine.disk.write(path, `${value}\n`);
  return value;
}
