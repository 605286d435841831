/**
 * `kill` as bash has it, and `pkill`: signals to processes of the machine, those of its containers among them. What
 * reaches a container's program leaves the rest to its kubelet, as a crash does. Job numbers, process groups and
 * signals besides the usual ones are not modelled.
 */
import type { EndingSignal, Invocation, Process } from '../process.js';
import { Failure, notModelled, shortProgram } from './failure.js';
import type { Flags } from './flags.js';
import { matching } from './pgrep.js';

const NUMBERS: Readonly<Record<string, Signal>> = {
  ...{ '0': 'NONE', '1': 'SIGHUP', '2': 'SIGINT', '3': 'SIGQUIT', '9': 'SIGKILL', '15': 'SIGTERM' },
  ...{ '18': 'SIGCONT', '19': 'SIGSTOP' },
};

export type Signal = EndingSignal | 'SIGCONT' | 'SIGSTOP' | 'NONE';

/** `9`, `KILL`, `SIGKILL`, in any case of letters; null for what is no signal that is modelled. */
export function signalOf(text: string): Signal | null {
  const byNumber = NUMBERS[text];
  if (byNumber !== undefined) return byNumber;
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  return Object.values(NUMBERS).find((one) => one === name) ?? null;
}

export function send(process: Process, signal: Signal): void {
  if (signal === 'NONE') return;
  process.machine.world.emit(process.machine.name, 'signal', signal, { program: process.name });
  if (signal === 'SIGSTOP') process.stop();
  else if (signal === 'SIGCONT') process.continue();
  else process.kill(signal);
}

export const kill = shortProgram((call) => {
  const words = [...call.args];
  let signal: Signal = 'SIGTERM';
  const first = words[0] ?? '';
  if (first === '-l') throw notModelled('kill', '-l');
  if (first === '-s' || first === '-n') {
    signal = wanted(words[1] ?? '');
    words.splice(0, 2);
  } else if (first.startsWith('-') && first !== '--') {
    signal = wanted(first.slice(1));
    words.shift();
  }
  const pids = words.filter((word) => word !== '--');
  if (pids.length === 0)
    throw new Failure(
      'kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n',
      2,
    );
  let code = 0;
  for (const pid of pids) {
    const process = /^\d+$/.test(pid) ? call.machine.processes.get(Number(pid)) : null;
    if (process === null)
      call.printError(`bash: line 1: kill: ${pid}: arguments must be process or job IDs\n`);
    else if (process === undefined) call.printError(`bash: line 1: kill: (${pid}) - No such process\n`);
    else send(process, signal);
    if (process === null || process === undefined) code = 1;
  }
  return code;
});

function wanted(text: string): Signal {
  const signal = signalOf(text);
  if (signal === null) throw new Failure(`bash: line 1: kill: ${text}: invalid signal specification\n`);
  return signal;
}

export const pkill = shortProgram((call) => {
  const words = [...call.args];
  const at = words.findIndex((word) => /^-([A-Z]{3,}|\d+)$/.test(word));
  const signal = at < 0 ? 'SIGTERM' : signalOf((words.splice(at, 1)[0] ?? '').slice(1));
  if (signal === null) throw new Failure('pkill: unknown signal\n', 2);
  const found = matching(call, 'pkill', words);
  for (const process of found) send(process, signal);
  return found.length > 0 ? 0 : 1;
});

/** `systemctl kill`, to the main process; what a unit's containers run belongs to units of their own. */
export function killUnits(call: Invocation, names: readonly string[], flags: Flags): number {
  if (names.length === 0) throw new Failure('Too few arguments.\n');
  const text = flags.get('signal') ?? 'SIGTERM';
  const signal = signalOf(text);
  if (signal === null) throw new Failure(`Failed to parse signal string ${text}.\n`);
  let code = 0;
  for (const name of names) {
    const process = call.machine.units.process(name);
    if (process !== null) send(process, signal);
    else {
      const why =
        call.machine.units.file(name) === null ? `Unit ${name} not loaded.` : `Unit ${name} is not running`;
      call.printError(`Failed to kill unit ${name}: ${why}\n`);
      code = 1;
    }
  }
  return code;
}
