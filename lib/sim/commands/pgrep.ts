/** `pgrep [-x] [-c] [-l] [-a] [-f] [-o] [-n] PATTERN` over the processes of the machine and of its containers. */
import type { Invocation, Process } from '../process.js';
import { Failure, gnuFlags, shortProgram } from './failure.js';
import type { Flags } from './flags.js';

export const pgrep = shortProgram((call) => {
  const flags = flagsOf('pgrep', call.args);
  const found = select(call, 'pgrep', flags);
  if (flags.has('count')) call.print(`${found.length}\n`);
  else {
    for (const { pid, name, commandLine } of found) {
      const shown = flags.has('list-full') ? ` ${commandLine}` : flags.has('list-name') ? ` ${name}` : '';
      call.print(`${pid}${shown}\n`);
    }
  }
  return found.length > 0 ? 0 : 1;
});

/** The processes that `pkill` would signal, by the same words. */
export function matching(call: Invocation, program: string, args: readonly string[]): Process[] {
  return select(call, program, flagsOf(program, args));
}

function flagsOf(program: string, args: readonly string[]): Flags {
  const specs = ['exact|x', 'count|c', 'list-name|l', 'list-full|a', 'full|f', 'oldest|o', 'newest|n'];
  return gnuFlags(program, specs, args, 2);
}

function select(call: Invocation, program: string, flags: Flags): Process[] {
  const [pattern] = flags.operands;
  if (pattern === undefined || flags.operands.length > 1) {
    const reason =
      pattern === undefined ? 'no matching criteria specified' : 'only one pattern can be provided';
    throw new Failure(`${program}: ${reason}\nTry \`${program} --help' for more information.\n`, 2);
  }
  const expression = new RegExp(flags.has('exact') ? `^(?:${pattern})$` : pattern);
  const textOf = ({ name, commandLine }: Process): string =>
    flags.has('full') ? commandLine : name.slice(name.lastIndexOf('/') + 1);
  const found = [...call.machine.processes.values()].filter(
    (process) => process !== call.process && expression.test(textOf(process)),
  );
  if (flags.has('oldest')) return found.slice(0, 1);
  return flags.has('newest') ? found.slice(-1) : found;
}
