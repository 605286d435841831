/**
 * What people type to see where they are: sleep, env, whoami, id, which, touch, uptime, free, du, ps, hostnamectl.
 * Load, memory in use and CPU time are not modelled: they show a machine that has nothing to do.
 */
import type { Invocation } from '../process.js';
import { sleep as pass } from '../task.js';
import { dateParts } from './dates.js';
import { Failure, gnuFlags, notModelled, program, shortProgram } from './failure.js';
import { absolute } from './paths.js';
import { KERNEL } from './small.js';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `1.5`, `30s`, `2m` in milliseconds, as sleep and timeout read it; null for anything else. */
export function shellDuration(text: string): number | null {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)([smhd])?$/.exec(text) ?? [];
  return amount === undefined ? null : Math.round(Number(amount) * (UNIT_MS[unit] ?? 0));
}

export const sleep = program('command', function* run(call) {
  const { operands } = gnuFlags('sleep', [], call.args);
  const more = "Try 'sleep --help' for more information.\n";
  if (operands.length === 0) throw new Failure(`sleep: missing operand\n${more}`);
  let ms = 0;
  for (const operand of operands) {
    const one = shellDuration(operand);
    if (one === null) throw new Failure(`sleep: invalid time interval ‘${operand}’\n${more}`);
    ms += one;
  }
  yield* pass(ms);
  return 0;
});

export const env = shortProgram((call) => {
  if (call.args.length > 0) throw notModelled('env', 'arguments');
  const usual = { SHELL: '/bin/bash', USER: 'root', LOGNAME: 'root', HOME: '/root', LANG: 'C.UTF-8' };
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  for (const [name, value] of Object.entries({ ...usual, PATH: path, ...call.env }))
    call.print(`${name}=${value}\n`);
  return 0;
});

export const whoami = shortProgram((call) => {
  call.print('root\n');
  return 0;
});

export const id = shortProgram((call) => {
  const flags = gnuFlags('id', ['user|u', 'group|g', 'name|n'], call.args);
  if (flags.operands.length > 0 && flags.operands[0] !== 'root')
    throw new Failure(`id: ‘${flags.operands[0] ?? ''}’: no such user\n`);
  const one = flags.has('user') || flags.has('group');
  call.print(one ? (flags.has('name') ? 'root\n' : '0\n') : 'uid=0(root) gid=0(root) groups=0(root)\n');
  return 0;
});

export const which = shortProgram((call) => {
  const found = call.args.map((name) => call.machine.which(name));
  for (const path of found) if (path !== null) call.print(`${path}\n`);
  return found.includes(null) || found.length === 0 ? 1 : 0;
});

export const touch = shortProgram((call) => {
  const { operands } = gnuFlags('touch', ['no-create|c'], call.args);
  if (operands.length === 0)
    throw new Failure("touch: missing file operand\nTry 'touch --help' for more information.\n");
  const { disk } = call.machine;
  let code = 0;
  for (const operand of operands) {
    const path = absolute(call, operand);
    if (disk.isDirectory(path)) continue;
    const failed = disk.write(path, disk.readBytes(path) ?? '', { size: disk.entry(path)?.size ?? 0 });
    if (failed === null) continue;
    const why = failed === 'not-directory' ? 'Not a directory' : 'No such file or directory';
    call.printError(`touch: cannot touch '${operand}': ${why}\n`);
    code = 1;
  }
  return code;
});

export const uptime = shortProgram((call) => {
  const flags = gnuFlags('uptime', ['pretty|p', 'since|s'], call.args);
  const { machine, world } = call;
  const minutes = Math.floor((world.nowMs - machine.bootedMs) / 60_000);
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24];
  if (flags.has('since')) {
    call.print(
      `${world
        .date(machine.bootedMs + machine.clockSkewMs)
        .replace('T', ' ')
        .replace('Z', '')}\n`,
    );
  } else if (flags.has('pretty')) {
    const words = [counted(days, 'day'), counted(hours, 'hour'), counted(minutes % 60, 'minute')];
    call.print(`up ${words.filter((one) => one !== '').join(', ') || '0 minutes'}\n`);
  } else {
    const clock =
      hours > 0
        ? `${String(hours).padStart(2)}:${String(minutes % 60).padStart(2, '0')}`
        : `${minutes % 60} min`;
    const { time } = dateParts(machine.wallMs);
    call.print(
      ` ${time} up ${days > 0 ? `${counted(days, 'day')}, ` : ''}${clock},  1 user,  load average: 0.00, 0.00, 0.00\n`,
    );
  }
  return 0;
});

function counted(count: number, what: string): string {
  return count === 0 ? '' : `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** What the system and the programs of a node take, whatever runs: the simulator does not know better. */
const USED_MIB = 900;
const CACHED_MIB = 1_200;

export const free = shortProgram((call) => {
  const flags = gnuFlags('free', ['human|h', 'mebi|m', 'kibi|k', 'bytes|b', 'gibi|g'], call.args);
  const total = call.machine.options.memoryMiB;
  const used = Math.min(USED_MIB, Math.floor(total / 2));
  const cached = Math.min(CACHED_MIB, total - used);
  const show = (mib: number): string => {
    if (flags.has('human'))
      return mib === 0 ? '0B' : mib >= 1_024 ? `${(mib / 1_024).toFixed(1)}Gi` : `${mib}Mi`;
    if (flags.has('bytes')) return String(mib * 1_048_576);
    return String(flags.has('gibi') ? Math.floor(mib / 1_024) : flags.has('mebi') ? mib : mib * 1_024);
  };
  const line = (name: string, cells: readonly string[]): string =>
    `${name.padEnd(7)}${cells.map((cell) => cell.padStart(12)).join('')}\n`.replace(/^(.{7}) /, '$1 ');
  call.print(
    line(
      '',
      ['total', 'used', 'free', 'shared', 'buff/cache', 'available'].map((one) => one),
    ),
  );
  call.print(line('Mem:', [total, used, total - used - cached, 2, cached, total - used].map(show)));
  call.print(line('Swap:', [0, 0, 0].map(show)));
  return 0;
});

export const du = shortProgram((call) => {
  const flags = gnuFlags('du', ['summarize|s', 'human-readable|h', 'all|a', 'k', 'total|c'], call.args);
  const { disk } = call.machine;
  let code = 0;
  for (const operand of flags.operands.length === 0 ? ['.'] : flags.operands) {
    const top = absolute(call, operand);
    if (!disk.exists(top)) {
      call.printError(`du: cannot access '${operand}': No such file or directory\n`);
      code = 1;
      continue;
    }
    const below = disk
      .all()
      .filter(([path]) => path === top || path.startsWith(top === '/' ? '/' : `${top}/`));
    const kibOf = (path: string): number =>
      below
        .filter(([at]) => at === path || at.startsWith(`${path}/`) || path === '/')
        .reduce(
          (sum, [, entry]) => sum + (entry.kind === 'directory' ? 4 : Math.ceil(entry.size / 4_096) * 4),
          0,
        );
    const shown = below.filter(
      ([path, entry]) =>
        path === top || (!flags.has('summarize') && (entry.kind === 'directory' || flags.has('all'))),
    );
    for (const [path] of [...shown].reverse()) {
      const kib = kibOf(path);
      const name =
        path === top ? operand : `${operand.replace(/\/$/, '')}${path.slice(top === '/' ? 0 : top.length)}`;
      call.print(`${flags.has('human-readable') ? human(kib) : kib}\t${name}\n`);
    }
  }
  return code;
});

function human(kib: number): string {
  if (kib < 1_024) return `${kib}K`;
  const [value, unit] = kib < 1_048_576 ? [kib / 1_024, 'M'] : [kib / 1_048_576, 'G'];
  return `${value < 10 ? (Math.ceil(value * 10) / 10).toFixed(1) : Math.ceil(value)}${unit}`;
}

export const ps = shortProgram((call) => {
  const full = call.args.length === 0 ? null : call.args.join(' ').replace(/^-/, '');
  if (full === null) {
    call.print(
      `    PID TTY          TIME CMD\n${String(call.process.pid).padStart(7)} ?        00:00:00 ps\n`,
    );
    return 0;
  }
  const wide = full === 'aux' || full === 'axu' || full === 'auxww';
  if (!wide && !/^(ef|e -f|fe|A|e|ax|efww)$/.test(full)) throw notModelled('ps', call.args.join(' '));
  call.print(
    wide
      ? 'USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n'
      : 'UID          PID    PPID  C STIME TTY          TIME CMD\n',
  );
  for (const process of call.machine.processes.values()) {
    const started = dateParts(process.startedMs + call.machine.clockSkewMs).time.slice(0, 5);
    const pid = String(process.pid).padStart(7);
    const state = process.stopped ? 'T ' : 'S ';
    call.print(
      wide
        ? `root     ${pid}  0.0  0.0      0     0 ?        ${state}   ${started}   0:00 ${process.commandLine}\n`
        : `root     ${pid}       1  0 ${started} ?        00:00:00 ${process.commandLine}\n`,
    );
  }
  return 0;
});

export const hostnamectl = shortProgram((call: Invocation) => {
  const [verb = 'status'] = call.args;
  const { machine } = call;
  if (verb === 'hostname') {
    call.print(`${(machine.disk.read('/etc/hostname') ?? machine.name).trim()}\n`);
    return 0;
  }
  if (verb !== 'status') throw notModelled('hostnamectl', verb);
  const rows: readonly (readonly [string, string])[] = [
    ['Static hostname', (machine.disk.read('/etc/hostname') ?? machine.name).trim()],
    ['Icon name', 'computer-vm'],
    ['Chassis', 'vm'],
    ['Virtualization', 'kvm'],
    ['Operating System', 'Debian GNU/Linux 12 (bookworm)'],
    ['Kernel', `Linux ${KERNEL}`],
    ['Architecture', 'x86-64'],
  ];
  for (const [name, value] of rows) call.print(`${name.padStart(16)}: ${value}\n`);
  return 0;
});
